/*
 * libFuzzer target: a saved state from a stranger. The first byte of the input chooses a model, the rest is the state.
 *
 * The mutator repairs what guards a state against accidents (fingerprint, size and checksum: see SavedState.swift), so that what
 * lies behind is reached, and now and then leaves it broken.
 */
#include <math.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "../c/tiny_models.h"
#include "exercise.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each tiny model at its own rate, and between two others; then those that can play notes, playing notes, at both; then composers,
   on their own and with an instrument. */
#define PLAIN_SUBJECTS (2 * TINY_KINDS)
#define FIRST_COMPOSER (PLAIN_SUBJECTS + 2 * TINY_INSTRUMENTS)
#define SUBJECTS (FIRST_COMPOSER + 2 * TINY_COMPOSERS)

static cadenza_stream *streams[SUBJECTS];
static uint8_t *states[SUBJECTS];
static size_t sizes[SUBJECTS];

static cadenza_model *load_tiny(tiny_kind kind) {
  size_t size;
  unsigned char *const bytes = tiny_model(kind, &size);
  cadenza_error error;
  /* These models live as long as the process. Swift keeps pointers to the cases of layers within layers with a tag in them, in which a search
     for leaks does not recognise them. (load_model, which frees its models, is searched.) */
  __lsan_disable();
  cadenza_model *const model = load_checked(bytes, size, &error);
  __lsan_enable();
  REQUIRE(model != NULL);
  free(bytes);
  return model;
}

/* A composer in the middle of its music: a step under way, notes that sound, and, with an instrument, one of the host's that waits. */
static cadenza_stream *make_composer(int number) {
  cadenza_model *const model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number % TINY_COMPOSERS));
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.sample_rate = 8000;
  options.smoothing_seconds = 0;
  cadenza_stream *stream = NULL;
  cadenza_error error;
  REQUIRE(cadenza_stream_create(model, &options, &stream, &error) == CADENZA_OK);
  cadenza_model_release(model);
  if (number >= TINY_COMPOSERS) {
    cadenza_model *const flute = load_tiny(TINY_FLUTE);
    cadenza_instrument_options instrument;
    cadenza_instrument_options_init(&instrument, flute);
    instrument.voices = 2;
    REQUIRE(cadenza_stream_set_instrument(stream, flute, &instrument, &error) == CADENZA_OK);
    cadenza_model_release(flute);
    REQUIRE(cadenza_stream_note_on(stream, 7000, 3, 70, 0.5f) == CADENZA_OK);
  }
  static float block[6000];
  REQUIRE(cadenza_stream_prime_events(stream, NULL, 0, 1000) == CADENZA_OK);
  (void)cadenza_generate_block(stream, block, 6000);
  return stream;
}

static void keep_state(int kind) {
  REQUIRE(cadenza_stream_save_state(streams[kind], NULL, &sizes[kind]) == CADENZA_OK);
  states[kind] = malloc(sizes[kind]);
  REQUIRE(states[kind] != NULL);
  REQUIRE(cadenza_stream_save_state(streams[kind], states[kind], &sizes[kind]) == CADENZA_OK);
}

static void make_streams(void) {
  if (streams[0] != NULL) return;
  for (int kind = FIRST_COMPOSER; kind < SUBJECTS; kind++) {
    streams[kind] = make_composer(kind - FIRST_COMPOSER);
    keep_state(kind);
  }
  for (int kind = 0; kind < FIRST_COMPOSER; kind++) {
    const int plays_notes = kind >= PLAIN_SUBJECTS;
    cadenza_model *const model =
        load_tiny(plays_notes ? tiny_instruments[(kind - PLAIN_SUBJECTS) % TINY_INSTRUMENTS] : (tiny_kind)(kind % TINY_KINDS));
    cadenza_error error;
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.voices = plays_notes ? 2 : 0;
    options.smoothing_seconds = 0;
    if (plays_notes ? kind >= PLAIN_SUBJECTS + TINY_INSTRUMENTS : kind >= TINY_KINDS) {
      options.sample_rate = 44100;
      options.input_sample_rate = 22050;
    }
    REQUIRE(cadenza_stream_create(model, &options, &streams[kind], &error) == CADENZA_OK);
    cadenza_model_release(model);
    float block[100] = {0.5f, -0.25f};
    if (plays_notes) {
      /* One that fades, one that makes way for another, one that waits. */
      for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(cadenza_stream_note_on(streams[kind], 20 * i, i, 50 + i, 0.9f) == CADENZA_OK);
        REQUIRE(cadenza_stream_note_off(streams[kind], 20 * i + 10, 1, 50 + i) == CADENZA_OK);
      }
      REQUIRE(cadenza_stream_note_on(streams[kind], 120, 3, 70, 0.5f) == CADENZA_OK);
    } else {
      /* Decoders hear nothing. */
      const cadenza_status primed = cadenza_stream_prime(streams[kind], block, 90);
      REQUIRE(primed == CADENZA_OK || primed == CADENZA_ERROR_UNSUPPORTED);
    }
    (void)cadenza_generate_block(streams[kind], block, 100);
    keep_state(kind);
  }
}

/* `fingerprint` of SavedState.swift. */
static uint64_t checksum(const uint8_t *bytes, size_t size) {
  uint64_t hash = 0xCBF29CE484222325u ^ size;
  size_t offset = 0;
  for (; offset + 8 <= size; offset += 8) {
    uint64_t word;
    memcpy(&word, bytes + offset, 8);
    hash = (hash ^ word) * 0x100000001B3u;
    hash ^= hash >> 29;
  }
  for (; offset < size; offset++) hash = (hash ^ bytes[offset]) * 0x100000001B3u;
  hash ^= hash >> 32;
  return hash * 0x9E3779B97F4A7C15u;
}

static void repair(uint8_t *state, size_t size, int kind) {
  if (size < 32) return;
  const uint64_t total = size, sum = checksum(state + 32, size - 32);
  memcpy(state, states[kind], 16);
  memcpy(state + 16, &total, 8);
  memcpy(state + 24, &sum, 8);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  make_streams();
  const unsigned choice = seed % 16;
  /* An input that is no state yet becomes one. */
  const int kind = size > 0 ? data[0] % SUBJECTS : (int)(seed / 16 % SUBJECTS);
  if (size != 1 + sizes[kind] && choice < 12 && max_size > sizes[kind]) {
    data[0] = (uint8_t)kind;
    memcpy(data + 1, states[kind], sizes[kind]);
    size = 1 + sizes[kind];
  }
  if (choice == 0 || size < 33) return LLVMFuzzerMutate(data, size, max_size);
  if (choice < 4) {
    size = LLVMFuzzerMutate(data, size, max_size);
  } else {
    /* The same size, a few bytes in one place: mostly among the first, where counts and positions are. */
    const size_t room = choice < 10 && size > 33 + 256 ? 256 : size - 33;
    size_t offset = 33;
    if (room > 16) offset += seed / 16 % (room - 16);
    const size_t piece = size - offset < 16 ? size - offset : 16;
    uint8_t part[16];
    memcpy(part, data + offset, piece);
    if (piece > 0) (void)LLVMFuzzerMutate(part, piece, piece);
    memcpy(data + offset, part, piece);
  }
  if (size > 33) repair(data + 1, size - 1, data[0] % SUBJECTS);
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  make_streams();
  if (size == 0) return 0;
  const int kind = data[0] % SUBJECTS;
  cadenza_stream *const stream = streams[kind];
  REQUIRE(cadenza_stream_load_state(stream, states[kind], sizes[kind]) == CADENZA_OK);

  uint8_t *const state = malloc(size); /* of odd alignment, too */
  REQUIRE(state != NULL);
  memcpy(state, data, size);
  const cadenza_status status = cadenza_stream_load_state(stream, state + 1, size - 1);
  free(state);
  REQUIRE(status == CADENZA_OK || status == CADENZA_ERROR_FORMAT);

  float block[70];
  for (int i = 0; i < 70; i++) block[i] = NAN;
  const cadenza_status generated = cadenza_generate_block(stream, block, 70);
  REQUIRE(generated == CADENZA_OK || generated == CADENZA_ERROR_NUMERIC ||
          (kind >= FIRST_COMPOSER && generated == CADENZA_END));
  for (int i = 0; i < 70; i++) REQUIRE(isfinite(block[i]));

  if (status == CADENZA_ERROR_FORMAT) {
    /* The stream is unchanged: it is where the good state put it. */
    float expected[70];
    REQUIRE(cadenza_stream_load_state(stream, states[kind], sizes[kind]) == CADENZA_OK);
    REQUIRE(cadenza_generate_block(stream, expected, 70) == generated);
    REQUIRE(memcmp(block, expected, sizeof block) == 0);
  } else {
    /* What was accepted can be saved and accepted again. */
    size_t saved = sizes[kind];
    uint8_t *const again = malloc(saved);
    REQUIRE(again != NULL);
    REQUIRE(cadenza_stream_save_state(stream, again, &saved) == CADENZA_OK && saved == sizes[kind]);
    REQUIRE(cadenza_stream_load_state(stream, again, saved) == CADENZA_OK);
    free(again);
  }
  return 0;
}
