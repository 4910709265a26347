/*
 * Plays every kind of model for a moment, and prints a line for each: its name, and hashes of what it played, of the notes that it
 * wrote and of its saved state. The same lines on every machine: that is what Tests/portability/run compares.
 *
 *   play [SEED [MODEL …]]   the tiny models of Tests/c, and these
 */
#include "host.h"

/* A moment: long enough for every tiny network's history, and for a ring of attention to come round. */
#define FRAMES 300
/* Composers write a note now and then. */
#define FRAMES_OF_A_COMPOSER 4000
#define BLOCK 64

static uint64_t seed = 1;

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
  return hash;
}

static uint64_t hash_events(uint64_t hash, cadenza_stream *stream) {
  cadenza_event events[16];
  size_t count;
  do {
    CHECK(cadenza_stream_read_events(stream, events, 16, &count) == CADENZA_OK);
    for (size_t i = 0; i < count; i++) {
      const uint64_t words[4] = {events[i].frame, (uint64_t)events[i].kind, events[i].voice, events[i].pitch};
      hash = hash_bytes(hash, words, sizeof words);
      hash = hash_bytes(hash, &events[i].velocity, sizeof events[i].velocity);
      hash = hash_bytes(hash, &events[i].beat, sizeof events[i].beat);
    }
  } while (count > 0);
  return hash;
}

static uint64_t hash_state(const cadenza_stream *stream) {
  size_t size = 0;
  CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
  unsigned char *bytes = malloc(size);
  CHECK(bytes != NULL && cadenza_stream_save_state(stream, bytes, &size) == CADENZA_OK);
  const uint64_t hash = hash_bytes(hash_start(), bytes, size);
  free(bytes);
  return hash;
}

/* Plays the stream to its end and lets it go. */
static void play(const char *name, cadenza_stream *stream, const cadenza_model *model, size_t frames, int with_notes) {
  float output[BLOCK];
  uint64_t sound = hash_start(), events = hash_start();
  unsigned turn = 0;
  for (size_t done = 0; done < frames; done += BLOCK) {
    if (done % (BLOCK * 2) == 0 && !with_notes) set_conditions(stream, model, turn++);
    if (with_notes) ask_for_notes(stream, done, BLOCK);
    const cadenza_status status = cadenza_generate_block(stream, output, BLOCK);
    CHECK(status == CADENZA_OK || status == CADENZA_END);
    sound = hash_samples(sound, output, BLOCK);
    if (is_composer(model)) events = hash_events(events, stream);
  }
  printf("%s %016llx %016llx %016llx\n", name, (unsigned long long)sound, (unsigned long long)events,
         (unsigned long long)hash_state(stream));
  fflush(stdout);
  cadenza_stream_destroy(stream);
}

static void play_tiny(void) {
  static const uint32_t rates[] = {0, 44100};
  char name[128];
  for (int kind = 0; kind < TINY_NO_COMPOSER; kind++) {
    if (kind == TINY_OVERFLOW) continue;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
      cadenza_model *model = load_tiny((tiny_kind)kind);
      snprintf(name, sizeof name, "%s at %u", tiny_names[kind], (unsigned)rates[i]);
      if (is_composer(model)) {
        play(name, create_composer(model, seed, rates[i], 2), model, FRAMES_OF_A_COMPOSER, 0);
      } else {
        play(name, create_at(model, seed, rates[i], 0), model, FRAMES, 0);
      }
      cadenza_model_release(model);
    }
  }
  cadenza_model *flute = load_tiny(TINY_FLUTE);
  play("notes on flute", create_instrument(flute, seed, 44100, 3), flute, FRAMES, 1);
  cadenza_model_release(flute);
}

static char **files;
static int file_count;

static void play_files(void) {
  for (int i = 0; i < file_count; i++) {
    cadenza_model *model = load_file(files[i]);
    const char *slash = strrchr(files[i], '/');
    const char *name = slash ? slash + 1 : files[i];
    if (is_composer(model)) {
      play(name, create_composer(model, seed, 0, 2), model, FRAMES_OF_A_COMPOSER, 0);
    } else {
      play(name, create_at(model, seed, 48000, 0), model, FRAMES, 0);
    }
    cadenza_model_release(model);
  }
}

int main(int argument_count, char **arguments) {
  if (argument_count > 1) seed = strtoull(arguments[1], NULL, 10);
  files = arguments + 2;
  file_count = argument_count > 2 ? argument_count - 2 : 0;
  RUN(play_tiny);
  RUN(play_files);
  return finish();
}
