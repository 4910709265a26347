/* What most test programs do: load a model, make a stream, take sound from it, compare. */
#ifndef HOST_H
#define HOST_H

#include "check.h"
#include "tiny_models.h"

#include <cadenza.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline cadenza_model *load_tiny(tiny_kind kind) {
  size_t size;
  unsigned char *bytes = tiny_model(kind, &size);
  cadenza_model *model = NULL;
  cadenza_error error;
  cadenza_status status = cadenza_model_load_memory(bytes, size, &model, &error);
  if (status != CADENZA_OK) note("%s: %s", tiny_names[kind], error.message);
  CHECK(status == CADENZA_OK);
  free(bytes);
  return model;
}

static inline cadenza_model *load_file(const char *path) {
  cadenza_model *model = NULL;
  cadenza_error error;
  cadenza_status status = cadenza_model_load(path, &model, &error);
  if (status != CADENZA_OK) note("%s: %s", path, error.message);
  CHECK(status == CADENZA_OK);
  return model;
}

static inline cadenza_stream *create_checked(cadenza_model *model, const cadenza_stream_options *options) {
  cadenza_stream *stream = NULL;
  cadenza_error error;
  cadenza_status status = cadenza_stream_create(model, options, &stream, &error);
  if (status != CADENZA_OK) note("%s", error.message);
  CHECK(status == CADENZA_OK);
  return stream;
}

/* How the streams of the functions below smooth their output, and how many frames they render ahead; those that do wait for them. */
static float host_smoothing = 0.005f;
static uint32_t host_ahead = 0;

static inline cadenza_stream *create_as_told(cadenza_model *model, cadenza_stream_options *options) {
  options->smoothing_seconds = host_smoothing;
  options->render_ahead_frames = host_ahead;
  cadenza_stream *stream = create_checked(model, options);
  if (host_ahead > 0) CHECK(cadenza_stream_set_render_mode(stream, CADENZA_RENDER_OFFLINE) == CADENZA_OK);
  return stream;
}

/* A stream that plays at `rate` and is given audio at `input_rate`, in Hz; 0: the model's. */
static inline cadenza_stream *create_at(cadenza_model *model, uint64_t seed, uint32_t rate, uint32_t input_rate) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = seed;
  options.sample_rate = rate;
  options.input_sample_rate = input_rate;
  return create_as_told(model, &options);
}

/* A stream that plays notes, `voices` of them at a time. */
static inline cadenza_stream *create_instrument(cadenza_model *model, uint64_t seed, uint32_t rate, uint32_t voices) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = seed;
  options.sample_rate = rate;
  options.voices = voices;
  return create_as_told(model, &options);
}

static inline cadenza_stream *create(cadenza_model *model, uint64_t seed) { return create_at(model, seed, 0, 0); }

static inline uint32_t latency_of(const cadenza_stream *stream) {
  uint32_t frames = 12345678;
  CHECK(cadenza_stream_get_latency(stream, &frames) == CADENZA_OK);
  return frames;
}

static inline cadenza_model_info model_info(const cadenza_model *model) {
  cadenza_model_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(cadenza_model_get_info(model, &info) == CADENZA_OK);
  return info;
}

static inline cadenza_condition_info condition_info(const cadenza_model *model, uint32_t index) {
  cadenza_condition_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(cadenza_model_get_condition_info(model, index, &info) == CADENZA_OK);
  return info;
}

static inline cadenza_stream_statistics statistics_of(const cadenza_stream *stream) {
  cadenza_stream_statistics statistics;
  memset(&statistics, 0, sizeof statistics);
  statistics.struct_size = sizeof statistics;
  CHECK(cadenza_stream_get_statistics(stream, &statistics) == CADENZA_OK);
  return statistics;
}

/* FNV-1a over the bits of samples. */
static inline uint64_t hash_start(void) { return 14695981039346656037u; }

static inline uint64_t hash_samples(uint64_t hash, const float *samples, size_t frames) {
  const unsigned char *bytes = (const unsigned char *)samples;
  for (size_t i = 0; i < 4 * frames; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

/* Whether two streams give the same bits for `frames` samples. */
static inline int same_sound(cadenza_stream *left, cadenza_stream *right, size_t frames) {
  float *a = malloc(4 * frames), *b = malloc(4 * frames);
  cadenza_status left_status = cadenza_generate_block(left, a, frames);
  cadenza_status right_status = cadenza_generate_block(right, b, frames);
  int same = left_status == right_status && memcmp(a, b, 4 * frames) == 0;
  free(a);
  free(b);
  return same;
}

/* Whether the model's codec speaks of notes. */
static inline int is_composer(const cadenza_model *model) {
  static const char *const of_sound[] = {"mu_law", "waveform", "spectrogram", "harmonic"};
  for (size_t i = 0; i < sizeof of_sound / sizeof *of_sound; i++) {
    if (strcmp(model_info(model).codec, of_sound[i]) == 0) return 0;
  }
  return 1;
}

/* Lets the tiny flute play what a composer's stream writes, `voices` notes at a time. The flute's model is the stream's alone. */
static inline void give_flute(cadenza_stream *stream, uint32_t voices) {
  cadenza_model *flute = load_tiny(TINY_FLUTE);
  cadenza_instrument_options options;
  cadenza_instrument_options_init(&options, flute);
  options.voices = voices;
  options.release_seconds = 0.03f;
  cadenza_error error;
  cadenza_status status = cadenza_stream_set_instrument(stream, flute, &options, &error);
  if (status != CADENZA_OK) note("%s", error.message);
  CHECK(status == CADENZA_OK);
  cadenza_model_release(flute);
}

/* A composer's stream; `voices` 0: without an instrument. */
static inline cadenza_stream *create_composer(cadenza_model *model, uint64_t seed, uint32_t rate, uint32_t voices) {
  cadenza_stream *stream = create_at(model, seed, rate, 0);
  if (voices > 0) give_flute(stream, voices);
  return stream;
}

/* Index of the condition that notes set, or UINT32_MAX. */
static inline uint32_t pitch_condition(const cadenza_model *model) {
  uint32_t count = model_info(model).condition_count;
  for (uint32_t index = 0; index < count; index++) {
    if (strcmp(condition_info(model, index).name, "pitch") == 0) return index;
  }
  return UINT32_MAX;
}

/* Asks for the notes that a score for three voices and more has at frames `start` ... `start + frames`, relative to `start`: a note
   on every 37 frames, each ended after 150, some of them struck again or ended twice. */
static inline void ask_for_notes(cadenza_stream *stream, size_t start, size_t frames) {
  for (size_t frame = start; frame < start + frames; frame++) {
    uint32_t now = (uint32_t)(frame - start);
    if (frame >= 150 && frame % 37 == 150 % 37) {
      uint32_t turn = (uint32_t)((frame - 150) / 37);
      CHECK_EQUAL(cadenza_stream_note_off(stream, now, turn % 3, 40 + turn * 5 % 11), CADENZA_OK);
    }
    if (frame % 37 == 0) {
      uint32_t turn = (uint32_t)(frame / 37);
      CHECK_EQUAL(cadenza_stream_note_on(stream, now, turn % 3, 40 + turn * 5 % 11, (float)(1 + turn % 4) / 4), CADENZA_OK);
    }
  }
}

/* Whether a stream of it can be primed: a decoder hears nothing. */
static inline int takes_audio(const cadenza_model *model) { return strcmp(model_info(model).network, "decoder") != 0; }

/* Whether what it is primed with is to the bit what it would have generated: of spectra, it hears those of the samples. */
static inline int hears_what_it_says(const cadenza_model *model) {
  return takes_audio(model) && strcmp(model_info(model).codec, "spectrogram") != 0;
}

/* Sets every condition to values that `turn` decides; all valid. A full queue is fine. */
static inline void set_conditions(cadenza_stream *stream, const cadenza_model *model, unsigned turn) {
  uint32_t count = model_info(model).condition_count;
  for (uint32_t index = 0; index < count; index++) {
    cadenza_condition_info info = condition_info(model, index);
    float values[64];
    uint32_t numbers = info.kind == CADENZA_CONDITION_CLASS ? 1 : info.size;
    if (numbers > 64) continue;
    for (uint32_t i = 0; i < numbers; i++) {
      values[i] = info.kind == CADENZA_CONDITION_CLASS ? (float)((turn * 7 + index) % info.size)
                                                       : (float)((turn * 13 + i * 5 + index) % 21) / 10 - 1;
    }
    cadenza_status status = cadenza_stream_set_condition(stream, index, values, numbers);
    if (info.queue_capacity == 0) { /* the codec's own */
      CHECK_EQUAL(status, CADENZA_ERROR_UNSUPPORTED);
      continue;
    }
    CHECK(status == CADENZA_OK || (status == CADENZA_ERROR_STATE && info.frames_per_value > 0));
  }
}

#endif
