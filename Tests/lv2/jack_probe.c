/*
 * A JACK client that plays keys of a plugin's in jalv and records what it plays.
 *
 *   jack_probe CLIENT MIDI-PORT AUDIO-PORT FRAMES NOTE[,NOTE…] OUTPUT.raw
 *
 * It connects itself to the ports "CLIENT:MIDI-PORT" ("-": none) and "CLIENT:AUDIO-PORT", lets the server run as fast as the plugin can
 * (freewheel: nothing then depends on how busy the machine is), presses the keys with its first block, lets go after three quarters, and
 * writes FRAMES frames as 32-bit floats. The rate is printed.
 */
#define _GNU_SOURCE
#include <jack/jack.h>
#include <jack/midiport.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static jack_client_t *client;
static jack_port_t *input, *output;
static float *recorded;
static size_t wanted, done;
static unsigned notes[64], note_count;
static atomic_int started;
static sem_t finished;

static void send(void *events, jack_nframes_t frame, unsigned status, unsigned note, unsigned velocity) {
  jack_midi_event_write(events, frame,
                        (jack_midi_data_t[]){(jack_midi_data_t)status, (jack_midi_data_t)note, (jack_midi_data_t)velocity}, 3);
}

static int process(jack_nframes_t frames, void *nothing) {
  (void)nothing;
  const float *heard = jack_port_get_buffer(input, frames);
  void *events = jack_port_get_buffer(output, frames);
  jack_midi_clear_buffer(events);
  if (!atomic_load(&started) || done == wanted) return 0;
  const size_t release = wanted / 4 * 3;
  const int presses = done == 0, releases = done <= release && release < done + frames;
  for (unsigned i = 0; presses && i < note_count; i++) send(events, 0, 0x90, notes[i], 110);
  for (unsigned i = 0; releases && i < note_count; i++) send(events, (jack_nframes_t)(release - done), 0x80, notes[i], 0);
  for (jack_nframes_t i = 0; i < frames && done < wanted; i++) recorded[done++] = heard[i];
  if (done == wanted) sem_post(&finished);
  return 0;
}

static void on_freewheel(int starting, void *nothing) {
  (void)nothing;
  if (starting) atomic_store(&started, 1);
}

static int connected(const char *from, const char *to) {
  for (int tries = 0; tries < 100; tries++) {
    if (jack_connect(client, from, to) == 0) return 1;
    usleep(100000);
  }
  fprintf(stderr, "jack_probe: %s and %s cannot be connected\n", from, to);
  return 0;
}

int main(int argument_count, char **arguments) {
  if (argument_count != 7) return EXIT_FAILURE;
  wanted = strtoul(arguments[4], NULL, 10);
  for (char *text = arguments[5]; note_count < 64 && *text >= '0' && *text <= '9'; text += *text == ',') {
    notes[note_count++] = (unsigned)strtoul(text, &text, 10) & 127;
  }
  recorded = calloc(wanted, sizeof *recorded);
  sem_init(&finished, 0, 0);
  client = jack_client_open("probe", JackNoStartServer | JackUseExactName, NULL);
  if (!client || !recorded) {
    fprintf(stderr, "jack_probe: there is no server\n");
    return EXIT_FAILURE;
  }
  input = jack_port_register(client, "in", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
  output = jack_port_register(client, "out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
  jack_set_process_callback(client, process, NULL);
  jack_set_freewheel_callback(client, on_freewheel, NULL);
  if (jack_activate(client) != 0) return EXIT_FAILURE;
  char port[512];
  if (arguments[2][0] != '-') {
    snprintf(port, sizeof port, "%s:%s", arguments[1], arguments[2]);
    if (!connected("probe:out", port)) return EXIT_FAILURE;
  }
  snprintf(port, sizeof port, "%s:%s", arguments[1], arguments[3]);
  if (!connected(port, "probe:in")) return EXIT_FAILURE;
  if (jack_set_freewheel(client, 1) != 0) return EXIT_FAILURE;

  struct timespec patience;
  clock_gettime(CLOCK_REALTIME, &patience);
  patience.tv_sec += 60;
  const int heard = sem_timedwait(&finished, &patience) == 0;
  jack_set_freewheel(client, 0);
  printf("%u\n", (unsigned)jack_get_sample_rate(client));
  jack_client_close(client);
  if (!heard) {
    fprintf(stderr, "jack_probe: after a minute there were %zu of %zu frames\n", done, wanted);
    return EXIT_FAILURE;
  }
  FILE *file = fopen(arguments[6], "wb");
  const int written = file && fwrite(recorded, sizeof *recorded, wanted, file) == wanted && fclose(file) == 0;
  return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
