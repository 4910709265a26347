/*
 * instrument — a neural instrument plays a MIDI file while its latent wanders: sound into a WAV file.
 *
 *   instrument notes-cvae.safetensors song.mid song.wav
 *   instrument notes-cvae.safetensors song.mid song.wav --wander 3 --seed 7 --paced 1 instrument=guitar
 *
 * The steps that a host takes are marked 1 to 5 in main(). Step 4 is the audio callback: what is called there may be called there. With
 * --paced 1 it is called as a sound card calls it, a block at a time when its time has come, and blocks that were late are counted.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200112L

#include <cadenza.h>
#include <sndfile.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 128
#define TAIL_SECONDS 1.0 /* what is heard after the last note's end */

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("instrument: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(EXIT_FAILURE);
}

static double number(const char *text, const char *what, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    die("%s is \"%s\", expected a number from %g to %g", what, text, least, most);
  }
  return value;
}

/* ---- The score: a Standard MIDI File ------------------------------------------------------------------------------------- */

typedef struct midi_event {
  uint64_t tick;
  size_t order;           /* in the file */
  double seconds;         /* since the beginning */
  uint32_t tempo;         /* microseconds a beat; 0: the event is a note's */
  unsigned char is_on;    /* else the note ends */
  unsigned char channel;  /* 0 ... 15 */
  unsigned char pitch;    /* 0 ... 127 */
  unsigned char velocity; /* 1 ... 127 where it begins */
} midi_event;

typedef struct midi_score {
  midi_event *events;
  size_t count, room, note_count;
} midi_score;

typedef struct midi_reader {
  const unsigned char *bytes, *end;
  const char *path;
} midi_reader;

static unsigned take_byte(midi_reader *reader) {
  if (reader->bytes == reader->end) die("%s: it ends in the middle of an event", reader->path);
  return *reader->bytes++;
}

static uint32_t take_number(midi_reader *reader, int bytes) {
  uint32_t value = 0;
  while (bytes-- > 0) value = value << 8 | take_byte(reader);
  return value;
}

/* Seven bits a byte, the high bit set in all but the last. */
static uint32_t take_variable(midi_reader *reader) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    unsigned byte = take_byte(reader);
    value = value << 7 | (byte & 0x7F);
    if (!(byte & 0x80)) return value;
  }
  die("%s: a number has more than four bytes", reader->path);
  return 0;
}

static void skip(midi_reader *reader, uint32_t count) {
  if ((size_t)(reader->end - reader->bytes) < count) die("%s: it ends in the middle of an event", reader->path);
  reader->bytes += count;
}

static void add_event(midi_score *score, midi_event event) {
  if (score->count == score->room) {
    score->room = score->room ? 2 * score->room : 1024;
    score->events = realloc(score->events, score->room * sizeof *score->events);
    if (!score->events) die("no memory for the score");
  }
  event.order = score->count;
  score->events[score->count++] = event;
  score->note_count += event.tempo == 0 && event.is_on;
}

static void read_track(midi_reader *track, midi_score *score) {
  uint64_t tick = 0;
  unsigned status = 0;
  while (track->bytes < track->end) {
    tick += take_variable(track);
    unsigned first = take_byte(track);
    if (first == 0xFF) {
      unsigned type = take_byte(track);
      uint32_t length = take_variable(track);
      midi_event event = {.tick = tick};
      if (type == 0x51 && length == 3) {
        event.tempo = take_number(track, 3);
        if (event.tempo > 0) add_event(score, event);
      } else {
        skip(track, length);
      }
      if (type == 0x2F) return;
      continue;
    }
    if (first == 0xF0 || first == 0xF7) {
      skip(track, take_variable(track));
      continue;
    }
    unsigned data = first;
    if (first & 0x80) {
      status = first;
      data = take_byte(track);
    } else if (!status) {
      die("%s: an event has no status", track->path);
    }
    const unsigned kind = status >> 4;
    unsigned second = kind == 0xC || kind == 0xD ? 0 : take_byte(track);
    if ((kind != 0x8 && kind != 0x9) || (status & 0x0F) == 9) continue; /* the tenth channel is percussion's */
    midi_event event = {.tick = tick, .channel = (unsigned char)(status & 0x0F), .pitch = (unsigned char)(data & 0x7F)};
    event.is_on = kind == 0x9 && second > 0;
    event.velocity = (unsigned char)(second & 0x7F);
    add_event(score, event);
  }
}

/* Of one moment, first what changes the tempo, then what ends, then what begins. */
static int in_order(const void *left, const void *right) {
  const midi_event *a = left, *b = right;
  if (a->tick != b->tick) return a->tick < b->tick ? -1 : 1;
  int a_rank = a->tempo ? 0 : 1 + a->is_on, b_rank = b->tempo ? 0 : 1 + b->is_on;
  if (a_rank != b_rank) return a_rank - b_rank;
  return a->order < b->order ? -1 : a->order > b->order;
}

static midi_score read_score(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die("%s: %s", path, strerror(errno));
  size_t size = 0, room = 1 << 16;
  unsigned char *bytes = malloc(room);
  while (bytes) {
    size += fread(bytes + size, 1, room - size, file);
    if (size < room) break;
    room *= 2;
    bytes = realloc(bytes, room);
  }
  if (!bytes) die("no memory for %s", path);
  if (ferror(file)) die("%s: %s", path, strerror(errno));
  fclose(file);

  midi_reader reader = {bytes, bytes + size, path};
  if (size < 14 || memcmp(bytes, "MThd", 4) != 0) die("%s: this is no MIDI file", path);
  skip(&reader, 4);
  uint32_t header = take_number(&reader, 4);
  if (header < 6) die("%s: this is no MIDI file", path);
  take_number(&reader, 2);
  uint32_t tracks = take_number(&reader, 2), division = take_number(&reader, 2);
  if (division == 0 || division & 0x8000) die("%s: its time is not counted in beats, which this example does not read", path);
  skip(&reader, header - 6);
  midi_score score = {0};
  while (tracks > 0 && reader.end - reader.bytes >= 8) {
    int is_track = memcmp(reader.bytes, "MTrk", 4) == 0;
    skip(&reader, 4);
    uint32_t length = take_number(&reader, 4);
    if ((size_t)(reader.end - reader.bytes) < length) length = (uint32_t)(reader.end - reader.bytes);
    midi_reader track = {reader.bytes, reader.bytes + length, path};
    if (is_track) {
      read_track(&track, &score);
      tracks--;
    }
    skip(&reader, length);
  }
  free(bytes);
  if (score.note_count == 0) die("%s: it has no notes", path);

  qsort(score.events, score.count, sizeof *score.events, in_order);
  double seconds = 0, seconds_per_tick = 0.5 / division; /* 120 beats a minute, until the file says otherwise */
  uint64_t tick = 0;
  for (size_t i = 0; i < score.count; i++) {
    seconds += (double)(score.events[i].tick - tick) * seconds_per_tick;
    tick = score.events[i].tick;
    score.events[i].seconds = seconds;
    if (score.events[i].tempo) seconds_per_tick = score.events[i].tempo / 1e6 / division;
  }
  if (seconds > 36000) die("%s: it lasts %.0f seconds, expected ten hours at most", path, seconds);
  return score;
}

/* ---- The host ------------------------------------------------------------------------------------------------------------- */

/* Sets a condition from "name=value": a class by its label or number. */
static void set_condition(cadenza_stream *stream, const cadenza_model *model, const char *argument) {
  char name[65];
  const char *equals = strchr(argument, '=');
  size_t length = equals ? (size_t)(equals - argument) : 0;
  if (length == 0 || length >= sizeof name) die("\"%s\" is neither an option nor name=value", argument);
  memcpy(name, argument, length);
  name[length] = '\0';
  uint32_t index, class_index;
  if (cadenza_model_find_condition(model, name, &index) != CADENZA_OK) die("the model has no condition \"%s\"", name);
  float value;
  if (cadenza_model_find_class(model, index, equals + 1, &class_index) == CADENZA_OK) {
    value = (float)class_index;
  } else {
    value = (float)number(equals + 1, name, -1e30, 1e30);
  }
  cadenza_status status = cadenza_stream_set_condition(stream, index, &value, 1);
  if (status < 0) die("%s: %s", argument, cadenza_status_string(status));
}

/* The index of the first latent that the host may move, or UINT32_MAX. */
static uint32_t find_latent(const cadenza_model *model) {
  cadenza_condition_info condition = {.struct_size = sizeof condition};
  for (uint32_t index = 0; cadenza_model_get_condition_info(model, index, &condition) == CADENZA_OK; index++) {
    if (condition.kind == CADENZA_CONDITION_LATENT && condition.frames_per_value == 0) return index;
  }
  return UINT32_MAX;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void sleep_until(double moment) {
  double seconds = moment - now();
  if (seconds <= 0) return;
  struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

int main(int argument_count, char **arguments) {
  if (argument_count < 4) {
    fputs("usage: instrument MODEL SONG.mid OUTPUT.wav [--seed N] [--voices N] [--gain G] [--rate HZ] [--wander SECONDS]\n"
          "         [--paced 0|1] [NAME=VALUE ...]\n",
          stderr);
    return EXIT_FAILURE;
  }
  const char *wav_path = arguments[3];

  /* 1. Load the model. */
  cadenza_error error;
  cadenza_model *model;
  if (cadenza_model_load(arguments[1], &model, &error) != CADENZA_OK) die("%s: %s", arguments[1], error.message);
  cadenza_model_info info = {.struct_size = sizeof info};
  cadenza_model_get_info(model, &info);

  double wander = 2; /* the latent goes to another place in so many seconds; 0: it stays */
  int is_paced = 0;
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.voices = 8;
  options.gain = 0.5f; /* chords add up */
  int conditions = argument_count;
  for (int at = 4; at < argument_count; at += 2) {
    const char *option = arguments[at];
    if (strncmp(option, "--", 2) != 0) {
      conditions = at;
      break;
    }
    const char *value = at + 1 < argument_count ? arguments[at + 1] : "";
    if (strcmp(option, "--seed") == 0) {
      options.seed = (uint64_t)number(value, option, 0, 9007199254740992.0);
    } else if (strcmp(option, "--voices") == 0) {
      options.voices = (uint32_t)number(value, option, 1, 64);
    } else if (strcmp(option, "--gain") == 0) {
      options.gain = (float)number(value, option, 0, 16);
    } else if (strcmp(option, "--rate") == 0) {
      options.sample_rate = (uint32_t)number(value, option, 1000, 768000); /* a plugin passes its host's */
    } else if (strcmp(option, "--wander") == 0) {
      wander = number(value, option, 0, 3600);
    } else if (strcmp(option, "--paced") == 0) {
      is_paced = number(value, option, 0, 1) > 0;
    } else {
      die("there is no option %s", option);
    }
  }

  /* 2. Create a stream with voices: all its memory is taken here. Read the notes. */
  cadenza_stream *stream;
  if (cadenza_stream_create(model, &options, &stream, &error) != CADENZA_OK) die("%s: %s", arguments[1], error.message);
  midi_score score = read_score(arguments[2]);

  /* 3. Set what holds for the whole piece. Until it is set, the latent is what the seed draws. */
  for (int at = conditions; at < argument_count; at++) set_condition(stream, model, arguments[at]);
  const uint32_t latent = find_latent(model);

  const uint32_t rate = options.sample_rate != 0 ? options.sample_rate : info.sample_rate;
  SF_INFO format = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(wav_path, SFM_WRITE, &format);
  if (!file) die("%s: %s", wav_path, sf_strerror(NULL));
  sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
  uint32_t latency = 0; /* notes are heard so much later: the file begins behind it */
  cadenza_stream_get_latency(stream, &latency);

  /* 4. Pull blocks of sound. Before each: the notes that fall into it, and now and then another place for the latent to go to. */
  const uint64_t end = (uint64_t)((score.events[score.count - 1].seconds + TAIL_SECONDS) * rate) + latency;
  const uint64_t wander_frames = (uint64_t)(wander * rate);
  uint64_t next_place = 0, places = 0, late_blocks = 0;
  size_t next = 0, lost = 0;
  float block[BLOCK];
  const double begin = now();
  for (uint64_t done = 0; done < end;) {
    const size_t frames = end - done < BLOCK ? (size_t)(end - done) : BLOCK;
    if (is_paced) sleep_until(begin + (double)done / rate);

    for (; next < score.count; next++) {
      const midi_event *event = &score.events[next];
      const uint64_t frame = (uint64_t)(event->seconds * rate + 0.5);
      if (frame >= done + frames) break;
      if (event->tempo) continue;
      const uint32_t offset = frame > done ? (uint32_t)(frame - done) : 0;
      cadenza_status status =
          event->is_on ? cadenza_stream_note_on(stream, offset, event->channel, event->pitch, (float)event->velocity / 127)
                       : cadenza_stream_note_off(stream, offset, event->channel, event->pitch);
      if (status == CADENZA_ERROR_STATE) {
        lost++; /* more than 256 in one block */
      } else if (status < 0) {
        die("a note: %s", cadenza_status_string(status));
      }
    }
    if (latent != UINT32_MAX && wander_frames > 0 && done >= next_place) {
      cadenza_status status = cadenza_stream_randomize_latent(stream, latent, options.seed + ++places, (uint32_t)wander_frames,
                                                              CADENZA_INTERPOLATION_SPHERICAL);
      if (status < 0) die("the latent: %s", cadenza_status_string(status));
      next_place += wander_frames;
    }
    cadenza_status status = cadenza_generate_block(stream, block, frames);
    if (status < 0) die("%s", cadenza_status_string(status));
    if (is_paced && now() > begin + (double)(done + frames) / rate) late_blocks++;

    done += frames;
    const size_t late = done <= latency ? frames : done - frames < latency ? (size_t)(latency - (done - frames)) : 0;
    if (sf_write_float(file, block + late, (sf_count_t)(frames - late)) != (sf_count_t)(frames - late)) {
      die("%s: %s", wav_path, sf_strerror(file));
    }
  }
  if (sf_close(file) != 0) die("%s: could not be finished", wav_path);

  cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
  cadenza_stream_get_statistics(stream, &statistics);
  printf("%s: %zu notes by \"%s\", whose latent went to %llu places, at %u Hz (kernels: %s)\n", wav_path, score.note_count,
         info.name, (unsigned long long)places, (unsigned)rate, info.instruction_set);
  if (lost > 0) printf("%zu notes found no room\n", lost);
  if (is_paced)
    printf("%llu of %llu blocks were late\n", (unsigned long long)late_blocks, (unsigned long long)statistics.blocks);
  if (statistics.total_seconds > 0) {
    printf("%.1f x real time; worst block %.0f us of %.0f us\n", (double)statistics.frames / rate / statistics.total_seconds,
           1e6 * statistics.worst_block_seconds, 1e6 * (double)BLOCK / rate);
  }

  /* 5. Give everything back. */
  free(score.events);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
  return EXIT_SUCCESS;
}
