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

/* A stream that plays at `rate` and is given audio at `input_rate`, in Hz; 0: the model's. */
static inline cadenza_stream *create_at(cadenza_model *model, uint64_t seed, uint32_t rate, uint32_t input_rate) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = seed;
  options.sample_rate = rate;
  options.input_sample_rate = input_rate;
  cadenza_stream *stream = NULL;
  cadenza_error error;
  cadenza_status status = cadenza_stream_create(model, &options, &stream, &error);
  if (status != CADENZA_OK) note("%s", error.message);
  CHECK(status == CADENZA_OK);
  return stream;
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
    CHECK(status == CADENZA_OK || (status == CADENZA_ERROR_STATE && info.frames_per_value > 0));
  }
}

#endif
