#include "exercise.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Models that are larger than this are only looked at: one run should take about a millisecond. */
#define LARGEST_STREAM ((uint64_t)1 << 22)
#define LARGEST_WEIGHTS ((uint64_t)1 << 22)
#define LARGEST_LIST 4096
#define LARGEST_CLIP 65536

_Noreturn void require_failed(const char *condition, const char *file, int line) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
  abort();
}

static void check_text(const char *text) {
  REQUIRE(text != NULL);
  REQUIRE(strlen(text) <= 65536);
}

cadenza_model *load_checked(const uint8_t *bytes, size_t size, cadenza_error *error) {
  cadenza_model *model = (cadenza_model *)(uintptr_t)1;
  memset(error, 0x55, sizeof *error);
  const cadenza_status status = cadenza_model_load_memory(bytes, size, &model, error);
  REQUIRE(error->status == status);
  const char *const end = memchr(error->message, '\0', sizeof error->message);
  REQUIRE(end != NULL);
  const size_t length = (size_t)(end - error->message);
  if (status == CADENZA_OK) {
    REQUIRE(model != NULL && length == 0);
    return model;
  }
  REQUIRE(model == NULL);
  REQUIRE(status == CADENZA_ERROR_FORMAT || status == CADENZA_ERROR_UNSUPPORTED || status == CADENZA_ERROR_OUT_OF_MEMORY);
  REQUIRE(length > 0);
  for (size_t i = 0; i < length; i++) REQUIRE(error->message[i] >= 0x20 && error->message[i] < 0x7F);
  return NULL;
}

/* Any samples are fine as long as they are finite, and silence where the status says so. */
static void generate(cadenza_stream *stream, size_t frames, float most) {
  static float block[512];
  REQUIRE(frames <= sizeof block / sizeof block[0]);
  for (size_t i = 0; i < frames; i++) block[i] = NAN;
  const cadenza_status status = cadenza_generate_block(stream, block, frames);
  REQUIRE(status == CADENZA_OK || status == CADENZA_END || status == CADENZA_ERROR_NUMERIC);
  for (size_t i = 0; i < frames; i++) REQUIRE(block[i] >= -most && block[i] <= most);
}

static void set_condition(cadenza_stream *stream, uint32_t index, const cadenza_condition_info *condition) {
  if (condition->size > LARGEST_LIST) return;
  if (condition->queue_capacity == 0) { /* the codec's own */
    const float value = 0;
    REQUIRE(cadenza_stream_set_condition(stream, index, &value, 1) == CADENZA_ERROR_UNSUPPORTED);
    return;
  }
  const size_t width = condition->kind == CADENZA_CONDITION_CLASS ? 1 : condition->size;
  const size_t count = condition->frames_per_value ? 2 * width : width;
  float *values = malloc(count * sizeof *values);
  REQUIRE(values != NULL);
  for (size_t i = 0; i < count; i++) {
    values[i] = condition->kind == CADENZA_CONDITION_CLASS ? (float)(condition->size - 1) : 0.5f - (float)(i % 7);
  }
  REQUIRE(cadenza_stream_set_condition(stream, index, values, count) == CADENZA_OK);
  if (width > 1) REQUIRE(cadenza_stream_set_condition(stream, index, values, count - 1) == CADENZA_ERROR_INVALID_ARGUMENT);
  values[0] = condition->kind == CADENZA_CONDITION_CLASS ? (float)condition->size : INFINITY;
  REQUIRE(cadenza_stream_set_condition(stream, index, values, count) == CADENZA_ERROR_INVALID_ARGUMENT);
  free(values);
}

static void save_and_load(cadenza_stream *stream) {
  size_t size = 0;
  REQUIRE(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK && size > 0);
  uint8_t *state = malloc(size);
  REQUIRE(state != NULL);
  size_t small = size - 1;
  REQUIRE(cadenza_stream_save_state(stream, state, &small) == CADENZA_ERROR_INVALID_ARGUMENT && small == size);
  REQUIRE(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);

  float first[33], again[33];
  const cadenza_status status = cadenza_generate_block(stream, first, 33);
  REQUIRE(cadenza_stream_load_state(stream, state, size) == CADENZA_OK);
  REQUIRE(cadenza_generate_block(stream, again, 33) == status);
  REQUIRE(memcmp(first, again, sizeof first) == 0);
  REQUIRE(cadenza_stream_load_state(stream, state, size - 1) == CADENZA_ERROR_FORMAT);
  state[size / 2] ^= 1;
  REQUIRE(cadenza_stream_load_state(stream, state, size) == CADENZA_ERROR_FORMAT);
  free(state);
}

/* Whether the model's codec speaks of notes. */
static bool is_composer(const cadenza_model_info *info) {
  static const char *const sounds[] = {"mu_law", "waveform", "spectrogram", "harmonic"};
  for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++) {
    if (strcmp(info->codec, sounds[i]) == 0) return false;
  }
  return true;
}

/* The events of the last block, which had `frames` frames: in order, and each what an event may be. */
static void read_events(cadenza_stream *stream, size_t frames) {
  cadenza_event events[16];
  size_t count = 0;
  uint64_t last = 0;
  do {
    const cadenza_status status = cadenza_stream_read_events(stream, events, 16, &count);
    REQUIRE((status == CADENZA_OK || status == CADENZA_EVENTS_LOST) && count <= 16);
    for (size_t i = 0; i < count; i++) {
      REQUIRE(events[i].frame >= last && events[i].frame < frames);
      REQUIRE(events[i].kind >= CADENZA_EVENT_NOTE_ON && events[i].kind <= CADENZA_EVENT_END);
      REQUIRE(events[i].pitch <= 127 && events[i].voice <= 15 && isfinite(events[i].beat) && events[i].beat >= 0);
      REQUIRE(events[i].kind == CADENZA_EVENT_NOTE_ON ? events[i].velocity > 0 && events[i].velocity <= 1
                                                      : events[i].velocity == 0);
      last = events[i].frame;
    }
  } while (count > 0);
}

/* What only a composer does. Without an instrument, which would be another model, it is silent. */
static void compose(cadenza_stream *stream, const cadenza_model_info *info) {
  static const size_t blocks[] = {1, 64, 512, 512, 512, 512};
  REQUIRE(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPO, 1000) == CADENZA_OK);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    generate(stream, blocks[i], 0);
    read_events(stream, blocks[i]);
  }
  save_and_load(stream);

  static const cadenza_event piece[6] = {
      {0, CADENZA_EVENT_NOTE_ON, 0, 60, 1, 0},    {0, CADENZA_EVENT_NOTE_ON, 15, 127, 0.5f, 0},
      {300, CADENZA_EVENT_NOTE_OFF, 0, 60, 0, 0}, {300, CADENZA_EVENT_NOTE_ON, 1, 0, 0.01f, 0},
      {301, CADENZA_EVENT_NOTE_ON, 0, 61, 0, 0},  {900, CADENZA_EVENT_END, 0, 0, 0, 0}};
  cadenza_status status = cadenza_stream_prime_events(stream, piece, 6, 900);
  REQUIRE(status == CADENZA_OK || status == CADENZA_ERROR_NUMERIC || status == CADENZA_ERROR_STATE);
  double nats = -1;
  uint64_t choices = 1;
  status = cadenza_stream_score_events(stream, piece, 6, 900, &nats, &choices);
  REQUIRE(status == CADENZA_OK ? nats >= 0 && isfinite(nats) : nats == 0 && choices == 0);
  REQUIRE(status == CADENZA_OK || status == CADENZA_ERROR_NUMERIC || status == CADENZA_ERROR_STATE ||
          (status == CADENZA_ERROR_UNSUPPORTED && info->vocabulary_size == 0));
  REQUIRE(cadenza_stream_prime(stream, NULL, 0) == CADENZA_ERROR_UNSUPPORTED);
  generate(stream, 500, 0);
  read_events(stream, 500);
}

/* At `rate` and from audio at `input_rate`, in Hz; 0: the model's. */
static void play(cadenza_model *model, const cadenza_model_info *info, uint32_t rate, uint32_t input_rate) {
  /* Between samples of -1 ... 1 a wave may go further, by no more than a filter's taps add up to. */
  const float most = rate == 0 ? 1 : 4;
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = 7;
  options.sample_rate = rate;
  options.input_sample_rate = input_rate;
  options.smoothing_seconds = 0; /* a state that is loaded while it sounds would begin under a transition */
  cadenza_stream *stream = NULL;
  cadenza_error error;
  cadenza_status created;
  if (info->decoding == CADENZA_DECODING_WHOLE) {
    /* No audio thread decodes a whole clip. */
    created = cadenza_stream_create(model, &options, &stream, &error);
    REQUIRE(created == CADENZA_ERROR_UNSUPPORTED && stream == NULL);
    if (info->clip_frames > LARGEST_CLIP) return;
    options.render_ahead_frames = 256;
  }
  created = cadenza_stream_create(model, &options, &stream, &error);
  REQUIRE(created == CADENZA_OK && stream != NULL);
  REQUIRE(cadenza_stream_set_render_mode(stream, CADENZA_RENDER_OFFLINE) == CADENZA_OK);

  generate(stream, 1, most);
  generate(stream, 7, most);
  for (uint32_t index = 0; index < info->condition_count && index < 16; index++) {
    cadenza_condition_info condition = {.struct_size = sizeof condition};
    REQUIRE(cadenza_model_get_condition_info(model, index, &condition) == CADENZA_OK);
    set_condition(stream, index, &condition);
  }
  if (is_composer(info)) {
    compose(stream, info);
    REQUIRE(cadenza_stream_reset(stream, 7) == CADENZA_OK);
    generate(stream, 3, 0);
    cadenza_stream_destroy(stream);
    return;
  }
  generate(stream, 64, most);
  save_and_load(stream);

  static const float prompt[5] = {0, 0.5f, -0.5f, 1, -3};
  cadenza_status status = cadenza_stream_prime(stream, prompt, 5);
  REQUIRE(info->decoding != CADENZA_DECODING_NONE
              ? status == CADENZA_ERROR_UNSUPPORTED
              : status == CADENZA_OK || status == CADENZA_ERROR_NUMERIC || status == CADENZA_ERROR_STATE);
  double nats = -1;
  status = cadenza_stream_score(stream, prompt, 5, &nats);
  REQUIRE(status == CADENZA_OK ? nats >= 0 && isfinite(nats) : nats == 0);
  REQUIRE(status != CADENZA_ERROR_UNSUPPORTED || info->vocabulary_size == 0);
  REQUIRE(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, 0) == CADENZA_OK);
  generate(stream, 65, most);
  REQUIRE(cadenza_stream_reset(stream, 7) == CADENZA_OK);
  generate(stream, 3, most);
  cadenza_stream_destroy(stream);
}

void exercise(cadenza_model *model) {
  cadenza_model_info info = {.struct_size = sizeof info};
  REQUIRE(cadenza_model_get_info(model, &info) == CADENZA_OK);
  check_text(info.name);
  check_text(info.description);
  check_text(info.license);
  check_text(info.network);
  check_text(info.codec);
  REQUIRE(info.sample_rate >= 1000 && info.sample_rate <= 768000);
  REQUIRE(info.stream_bytes <= (uint64_t)256 << 20);
  REQUIRE(info.temperature >= 0 && info.temperature <= 100 && info.top_p >= 0 && info.top_p <= 1);
  REQUIRE(isfinite(info.training_steps) && isfinite(info.validation_nats));
  for (uint32_t index = 0; index < info.condition_count; index++) {
    cadenza_condition_info condition = {.struct_size = sizeof condition};
    REQUIRE(cadenza_model_get_condition_info(model, index, &condition) == CADENZA_OK);
    check_text(condition.name);
    REQUIRE(condition.size >= 1 && (condition.label_count == 0 || condition.label_count == condition.size));
    for (uint32_t label = 0; label < condition.label_count; label++) check_text(condition.labels[label]);
  }
  cadenza_condition_info none = {.struct_size = sizeof none};
  REQUIRE(cadenza_model_get_condition_info(model, info.condition_count, &none) == CADENZA_ERROR_INVALID_ARGUMENT);
  if (info.stream_bytes > LARGEST_STREAM || info.weight_bytes > LARGEST_WEIGHTS) return;
  play(model, &info, 0, 0);
  /* A ratio of small numbers: the filter's table is made in no time. */
  play(model, &info, info.sample_rate >= 2000 ? info.sample_rate / 2 : 0,
       info.sample_rate <= 384000 ? info.sample_rate * 2 : 0);
}
