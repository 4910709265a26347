/*
 * Bad input: each entry is a call that must fail with its status and change nothing. It is made on one of two twin streams, in
 * the middle of their music; afterwards their parameters, their state and the sound that follows must still be the same.
 */
#include "host.h"

#include <math.h>

#define HUGE_FRAMES ((size_t)1 << 40)

typedef struct subject {
  cadenza_model *model;
  cadenza_stream *stream;
  cadenza_error error; /* for calls that take one */
  int has_sentence;    /* whether the call was given `error` */
} subject;

typedef struct bad_call {
  const char *name;
  cadenza_status (*call)(subject *);
  cadenza_status expected;
} bad_call;

#define INVALID CADENZA_ERROR_INVALID_ARGUMENT

/* Of the twins; 0: the model's. */
static uint32_t rate, input_rate;

/* Notes at a time of a composer's instrument. */
#define COMPOSER_VOICES 3

static float silence[4096];
static unsigned char scratch[1 << 20];

/* ---- Calls on a stream -------------------------------------------------------------------------------------------------- */

#define CALL(name) static cadenza_status name(subject *s)

CALL(generate_null_output) { return cadenza_generate_block(s->stream, NULL, 64); }
CALL(generate_too_much) {
  float guard[4] = {7, 7, 7, 7};
  cadenza_status status = cadenza_generate_block(s->stream, guard, HUGE_FRAMES);
  CHECK(guard[0] == 7 && guard[3] == 7); /* nothing is written */
  CHECK(cadenza_generate_block(s->stream, guard, SIZE_MAX) == status);
  CHECK(cadenza_generate_block(s->stream, guard, SIZE_MAX / 4) == status);
  CHECK(cadenza_generate_block(s->stream, guard, SIZE_MAX / 4 + 2) == status);
  CHECK(cadenza_generate_block(s->stream, guard, (size_t)UINT32_MAX + 1) == status);
  CHECK(guard[0] == 7 && guard[3] == 7);
  return status;
}
CALL(generate_too_much_into_null) { return cadenza_generate_block(s->stream, NULL, HUGE_FRAMES); }
CALL(prime_null) { return cadenza_stream_prime(s->stream, NULL, 64); }
CALL(prime_too_much) { return cadenza_stream_prime(s->stream, silence, HUGE_FRAMES); }
CALL(prime_size_max) { return cadenza_stream_prime(s->stream, silence, SIZE_MAX); }
CALL(prime_nan) {
  float samples[64] = {0};
  samples[63] = NAN;
  return cadenza_stream_prime(s->stream, samples, 64);
}
CALL(prime_infinity) {
  float samples[64] = {0.5f};
  samples[40] = -INFINITY;
  return cadenza_stream_prime(s->stream, samples, 64);
}
CALL(score_null_samples) {
  double nats = 5;
  cadenza_status status = cadenza_stream_score(s->stream, NULL, 64, &nats);
  CHECK(nats == 0);
  return status;
}
CALL(score_null_nats) { return cadenza_stream_score(s->stream, silence, 64, NULL); }
CALL(score_nan) {
  float samples[64] = {0};
  double nats = 5;
  samples[20] = NAN;
  cadenza_status status = cadenza_stream_score(s->stream, samples, 64, &nats);
  CHECK(nats == 0);
  return status;
}
CALL(score_too_much) {
  double nats = 5;
  cadenza_status status = cadenza_stream_score(s->stream, silence, HUGE_FRAMES, &nats);
  CHECK(nats == 0);
  return status;
}

static cadenza_status set(subject *s, cadenza_parameter parameter, float value) {
  return cadenza_stream_set_parameter(s->stream, parameter, value);
}
CALL(parameter_unknown) { return set(s, 5, 100); }
CALL(tempo_of_no_composer) {
  float value = 5;
  CHECK_EQUAL(cadenza_stream_get_parameter(s->stream, CADENZA_PARAMETER_TEMPO, &value), CADENZA_ERROR_UNSUPPORTED);
  CHECK(value == 5);
  return set(s, CADENZA_PARAMETER_TEMPO, 120);
}
CALL(parameter_negative) { return set(s, -1, 1); }
CALL(parameter_far_away) { return set(s, INT32_MAX, 1); }
CALL(temperature_negative) { return set(s, CADENZA_PARAMETER_TEMPERATURE, -0.001f); }
CALL(temperature_too_high) { return set(s, CADENZA_PARAMETER_TEMPERATURE, 100.01f); }
CALL(temperature_nan) { return set(s, CADENZA_PARAMETER_TEMPERATURE, NAN); }
CALL(temperature_infinite) { return set(s, CADENZA_PARAMETER_TEMPERATURE, INFINITY); }
CALL(top_k_fraction) { return set(s, CADENZA_PARAMETER_TOP_K, 1.5f); }
CALL(top_k_negative) { return set(s, CADENZA_PARAMETER_TOP_K, -1); }
CALL(top_k_too_high) { return set(s, CADENZA_PARAMETER_TOP_K, 16777218); }
CALL(top_k_nan) { return set(s, CADENZA_PARAMETER_TOP_K, NAN); }
CALL(top_k_infinite) { return set(s, CADENZA_PARAMETER_TOP_K, INFINITY); }
CALL(top_p_negative) { return set(s, CADENZA_PARAMETER_TOP_P, -0.1f); }
CALL(top_p_above_one) { return set(s, CADENZA_PARAMETER_TOP_P, 1.0001f); }
CALL(top_p_nan) { return set(s, CADENZA_PARAMETER_TOP_P, NAN); }
CALL(gain_negative) { return set(s, CADENZA_PARAMETER_GAIN, -1); }
CALL(gain_too_high) { return set(s, CADENZA_PARAMETER_GAIN, 16.01f); }
CALL(gain_infinite) { return set(s, CADENZA_PARAMETER_GAIN, INFINITY); }
CALL(get_parameter_null) { return cadenza_stream_get_parameter(s->stream, CADENZA_PARAMETER_GAIN, NULL); }
CALL(get_parameter_unknown) {
  float value = 5;
  cadenza_status status = cadenza_stream_get_parameter(s->stream, 99, &value);
  CHECK(value == 5);
  return status;
}

static cadenza_status condition(subject *s, uint32_t index, float first, size_t count) {
  float values[4] = {first, 0.5f, 0.5f, 0.5f};
  return cadenza_stream_set_condition(s->stream, index, values, count);
}
CALL(condition_unknown) { return condition(s, 5, 0, 1); }
CALL(condition_far_away) { return condition(s, UINT32_MAX, 0, 1); }
CALL(condition_null) { return cadenza_stream_set_condition(s->stream, 0, NULL, 1); }
CALL(condition_empty) { return condition(s, 0, 0, 0); }
CALL(condition_class_of_two) { return condition(s, 0, 0, 2); }
CALL(condition_class_too_high) { return condition(s, 0, 3, 1); }
CALL(condition_class_negative) { return condition(s, 0, -1, 1); }
CALL(condition_class_fraction) { return condition(s, 0, 0.5f, 1); }
CALL(condition_class_nan) { return condition(s, 0, NAN, 1); }
CALL(condition_class_infinite) { return condition(s, 0, INFINITY, 1); }
CALL(condition_class_enormous) { return condition(s, 0, 1e30f, 1); }
CALL(condition_vector_of_one) { return condition(s, 2, 0, 1); }
CALL(condition_vector_of_three) { return condition(s, 2, 0, 3); }
CALL(condition_vector_of_many) { return condition(s, 2, 0, SIZE_MAX); }
CALL(condition_vector_nan) { return condition(s, 2, NAN, 2); }
CALL(condition_local_class_too_high) { return condition(s, 3, 5, 1); }
CALL(condition_local_second_value_bad) {
  float values[3] = {1, 2, NAN};
  return cadenza_stream_set_condition(s->stream, 3, values, 3);
}
CALL(condition_local_vector_torn) { return condition(s, 4, 0, 3); }
CALL(condition_local_vector_infinite) { return condition(s, 4, INFINITY, 2); }
CALL(condition_local_queue_overflows) {
  uint32_t capacity = condition_info(s->model, 3).queue_capacity;
  float values[4096] = {0};
  CHECK(capacity < 4096);
  return cadenza_stream_set_condition(s->stream, 3, values, capacity + 1);
}
CALL(condition_local_count_enormous) {
  float value = 1;
  return cadenza_stream_set_condition(s->stream, 3, &value, SIZE_MAX);
}

CALL(get_condition_null) { return cadenza_stream_get_condition(s->stream, 0, NULL, 1); }
CALL(get_condition_of_none) {
  float value = 5;
  cadenza_status status = cadenza_stream_get_condition(s->stream, 2, &value, 1);
  CHECK(value == 5);
  return status;
}
CALL(get_condition_unknown) {
  float value = 5;
  return cadenza_stream_get_condition(s->stream, 5, &value, 1);
}
CALL(find_condition_null) {
  uint32_t index = 77;
  CHECK(cadenza_model_find_condition(s->model, NULL, &index) == INVALID && index == 77);
  CHECK(cadenza_model_find_condition(s->model, "", &index) == INVALID && index == 77);
  CHECK(cadenza_model_find_condition(s->model, "pitch2", &index) == INVALID && index == 77);
  for (uint32_t i = 0; i < model_info(s->model).condition_count; i++) {
    CHECK(cadenza_model_find_condition(s->model, condition_info(s->model, i).name, &index) == CADENZA_OK && index == i);
  }
  return cadenza_model_find_condition(s->model, "instrument", NULL);
}
CALL(find_class_unknown) {
  uint32_t found = 77;
  CHECK(cadenza_model_find_class(s->model, 0, "guitar", &found) == CADENZA_OK && found == 1);
  CHECK(cadenza_model_find_class(s->model, 0, NULL, &found) == INVALID && found == 1);
  CHECK(cadenza_model_find_class(s->model, 0, "guitar", NULL) == INVALID);
  CHECK(cadenza_model_find_class(s->model, 2, "guitar", &found) == INVALID && found == 1);
  CHECK(cadenza_model_find_class(s->model, 99, "guitar", &found) == INVALID && found == 1);
  return cadenza_model_find_class(s->model, 0, "guitars", &found);
}
CALL(interpolate_badly) {
  const float start[2] = {0, 1}, end[2] = {1, 0};
  float between[2] = {7, 7};
  CHECK(cadenza_interpolate(NULL, end, 2, 0.5, CADENZA_INTERPOLATION_LINEAR, between) == INVALID);
  CHECK(cadenza_interpolate(start, NULL, 2, 0.5, CADENZA_INTERPOLATION_LINEAR, between) == INVALID);
  CHECK(cadenza_interpolate(start, end, 2, 0.5, CADENZA_INTERPOLATION_LINEAR, NULL) == INVALID);
  CHECK(cadenza_interpolate(start, end, 0, 0.5, CADENZA_INTERPOLATION_LINEAR, between) == INVALID);
  CHECK(cadenza_interpolate(start, end, 2, -0.1, CADENZA_INTERPOLATION_LINEAR, between) == INVALID);
  CHECK(cadenza_interpolate(start, end, 2, NAN, CADENZA_INTERPOLATION_LINEAR, between) == INVALID);
  CHECK(between[0] == 7 && between[1] == 7);
  CHECK(cadenza_interpolate(start, end, 2, 0.25, CADENZA_INTERPOLATION_LINEAR, between) == CADENZA_OK);
  CHECK(between[0] == 0.25f && between[1] == 0.75f);
  (void)s;
  return cadenza_interpolate(start, end, 2, 0.5, 2, between);
}
CALL(glide_of_a_class) {
  const float value = 1;
  CHECK(cadenza_stream_glide_latent(s->stream, 0, &value, 1, 10, CADENZA_INTERPOLATION_LINEAR) == CADENZA_ERROR_UNSUPPORTED);
  CHECK(cadenza_stream_randomize_latent(s->stream, 2, 1, 10, CADENZA_INTERPOLATION_LINEAR) == CADENZA_ERROR_UNSUPPORTED);
  return cadenza_stream_glide_latent(s->stream, 0, NULL, 1, 10, CADENZA_INTERPOLATION_LINEAR);
}

CALL(save_null_size) { return cadenza_stream_save_state(s->stream, scratch, NULL); }
CALL(save_too_little_room) {
  size_t needed = 0, room;
  CHECK(cadenza_stream_save_state(s->stream, NULL, &needed) == CADENZA_OK);
  CHECK(needed > 0 && needed <= sizeof scratch);
  for (room = 0; room < needed; room = room * 2 + 1) {
    size_t size = room;
    memset(scratch, 0xA5, sizeof scratch);
    CHECK(cadenza_stream_save_state(s->stream, scratch, &size) == INVALID);
    CHECK_EQUAL(size, needed);
    for (size_t i = 0; i < needed; i++) CHECK(scratch[i] == 0xA5);
  }
  room = needed - 1;
  return cadenza_stream_save_state(s->stream, scratch, &room);
}
CALL(load_null) { return cadenza_stream_load_state(s->stream, NULL, 64); }
CALL(load_nothing) { return cadenza_stream_load_state(s->stream, scratch, 0); }
CALL(load_zeros) {
  memset(scratch, 0, sizeof scratch);
  return cadenza_stream_load_state(s->stream, scratch, 4096);
}
CALL(load_truncated) {
  size_t size = sizeof scratch;
  CHECK(cadenza_stream_save_state(s->stream, scratch, &size) == CADENZA_OK);
  for (size_t cut = 1; cut < size; cut = cut * 2 + 1) {
    CHECK(cadenza_stream_load_state(s->stream, scratch, size - cut) == CADENZA_ERROR_FORMAT);
  }
  CHECK(cadenza_stream_load_state(s->stream, scratch, size + 1) == CADENZA_ERROR_FORMAT);
  CHECK(cadenza_stream_load_state(s->stream, scratch, HUGE_FRAMES) == CADENZA_ERROR_FORMAT);
  CHECK(cadenza_stream_load_state(s->stream, scratch, SIZE_MAX) == CADENZA_ERROR_FORMAT);
  return cadenza_stream_load_state(s->stream, scratch, size - 1);
}
CALL(load_from_another_model) {
  cadenza_status status = CADENZA_ERROR_FORMAT;
  for (int kind = 0; kind < TINY_KINDS && status == CADENZA_ERROR_FORMAT; kind++) {
    if (kind == TINY_WAVENET) continue;
    cadenza_model *other_model = load_tiny((tiny_kind)kind);
    cadenza_stream *other = create(other_model, 1);
    size_t size = sizeof scratch;
    CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
    status = cadenza_stream_load_state(s->stream, scratch, size);
    cadenza_stream_destroy(other);
    cadenza_model_release(other_model);
  }
  return status;
}
CALL(load_from_a_model_of_the_same_shape) { /* other weights, nothing else */
  size_t size;
  unsigned char *bytes = tiny_model(TINY_WAVENET, &size);
  bytes[size - 3] ^= 0x20;
  cadenza_model *other_model = NULL;
  CHECK(cadenza_model_load_memory(bytes, size, &other_model, NULL) == CADENZA_OK);
  cadenza_stream *other = create(other_model, 1);
  size = sizeof scratch;
  CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
  cadenza_status status = cadenza_stream_load_state(s->stream, scratch, size);
  cadenza_stream_destroy(other);
  cadenza_model_release(other_model);
  free(bytes);
  return status;
}
CALL(load_from_another_rate) {
  static const uint32_t rates[][2] = {{44100, 0}, {0, 44100}, {48000, 48000}};
  cadenza_status status = CADENZA_ERROR_FORMAT;
  for (int i = 0; i < 3 && status == CADENZA_ERROR_FORMAT; i++) {
    cadenza_stream *other = create_at(s->model, 99, rates[i][0], rates[i][1]);
    size_t size = sizeof scratch;
    CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
    status = cadenza_stream_load_state(s->stream, scratch, size);
    /* And the other way round. */
    size = sizeof scratch;
    CHECK(cadenza_stream_save_state(s->stream, scratch, &size) == CADENZA_OK);
    CHECK(cadenza_stream_load_state(other, scratch, size) == CADENZA_ERROR_FORMAT);
    cadenza_stream_destroy(other);
  }
  return status;
}

/* What load_state refuses, check_state explains. */
static cadenza_status explain(subject *s, const void *bytes, size_t size, const char *words) {
  s->has_sentence = 1;
  memset(&s->error, 0xA5, sizeof s->error);
  cadenza_status status = cadenza_stream_check_state(s->stream, bytes, size, &s->error);
  CHECK(cadenza_stream_check_state(s->stream, bytes, size, NULL) == status);
  CHECK(strstr(s->error.message, words) != NULL);
  if (bytes != NULL) CHECK(cadenza_stream_load_state(s->stream, bytes, size) == status);
  return status;
}
CALL(check_null_stream) {
  s->has_sentence = 1;
  return cadenza_stream_check_state(NULL, scratch, 64, &s->error);
}
CALL(check_null) { return explain(s, NULL, 64, "NULL"); }
CALL(check_nothing) { return explain(s, scratch, 0, "0 bytes"); }
CALL(check_size_max) { return explain(s, scratch, SIZE_MAX, "size"); }
CALL(check_zeros) {
  memset(scratch, 0, sizeof scratch);
  return explain(s, scratch, 4096, "begin");
}
CALL(check_damaged) {
  size_t size = sizeof scratch;
  CHECK(cadenza_stream_save_state(s->stream, scratch, &size) == CADENZA_OK);
  CHECK(cadenza_stream_check_state(s->stream, scratch, size, &s->error) == CADENZA_OK && s->error.message[0] == 0);
  scratch[size / 2] ^= 4;
  return explain(s, scratch, size, "damaged");
}
CALL(check_from_another_model) {
  cadenza_model *other_model = load_tiny(TINY_GRU);
  cadenza_stream *other = create(other_model, 1);
  size_t size = sizeof scratch;
  CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
  cadenza_stream_destroy(other);
  cadenza_model_release(other_model);
  return explain(s, scratch, size, "another model");
}
CALL(check_from_another_rate) {
  cadenza_stream *other = create_at(s->model, 1, 44100, 48000);
  size_t size = sizeof scratch;
  CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
  cadenza_stream_destroy(other);
  return explain(s, scratch, size, "44100 Hz, from audio at 48000 Hz; expected 16000 Hz");
}
CALL(latency_null) { return cadenza_stream_get_latency(s->stream, NULL); }
CALL(statistics_null) { return cadenza_stream_get_statistics(s->stream, NULL); }
CALL(statistics_of_the_past) {
  cadenza_stream_statistics statistics;
  for (uint32_t size = 0; size < 64; size++) { /* the first release had 64 */
    memset(&statistics, 0xA5, sizeof statistics);
    statistics.struct_size = size;
    CHECK(cadenza_stream_get_statistics(s->stream, &statistics) == INVALID);
    CHECK(statistics.frames == 0xA5A5A5A5A5A5A5A5u);
  }
  return INVALID;
}

/* ---- Notes on a stream that plays none ------------------------------------------------------------------------------------ */

CALL(note_on_without_instrument) { return cadenza_stream_note_on(s->stream, 0, 0, 60, 1); }
CALL(note_off_without_instrument) { return cadenza_stream_note_off(s->stream, 0, 0, 60); }
CALL(instrument_condition_without_instrument) {
  float value = 0;
  return cadenza_stream_set_instrument_condition(s->stream, 0, 0, &value, 1);
}

static cadenza_status set_instrument(subject *s, cadenza_model *model, const cadenza_instrument_options *options) {
  s->has_sentence = 1;
  memset(&s->error, 0xA5, sizeof s->error);
  cadenza_status status = cadenza_stream_set_instrument(s->stream, model, options, &s->error);
  CHECK(cadenza_stream_set_instrument(s->stream, model, options, NULL) == status);
  return status;
}
CALL(instrument_null_stream) {
  s->has_sentence = 1;
  return cadenza_stream_set_instrument(NULL, s->model, NULL, &s->error);
}
CALL(instrument_on_no_composer) {
  cadenza_model *flute = load_tiny(TINY_FLUTE);
  cadenza_status status = set_instrument(s, flute, NULL);
  cadenza_model_release(flute);
  return status;
}
CALL(instrument_of_none_on_no_composer) { return set_instrument(s, NULL, NULL); }
CALL(instrument_with_local_conditions) { return set_instrument(s, s->model, NULL); }
CALL(instrument_without_pitch) {
  cadenza_model *gru = load_tiny(TINY_GRU);
  cadenza_status status = set_instrument(s, gru, NULL);
  CHECK(strstr(s->error.message, "pitch") != NULL);
  cadenza_model_release(gru);
  return status;
}

#define INSTRUMENT(name, change)                                                                                               \
  CALL(name) {                                                                                                                 \
    cadenza_model *flute = load_tiny(TINY_FLUTE);                                                                              \
    cadenza_instrument_options options;                                                                                        \
    cadenza_instrument_options_init(&options, flute);                                                                          \
    change;                                                                                                                    \
    cadenza_status status = set_instrument(s, flute, &options);                                                                \
    cadenza_model_release(flute);                                                                                              \
    return status;                                                                                                             \
  }
INSTRUMENT(instrument_struct_size_past, options.struct_size -= 4)
INSTRUMENT(instrument_struct_size_future, options.struct_size += 4)
INSTRUMENT(instrument_voices_none, options.voices = 0)
INSTRUMENT(instrument_voices_too_many, options.voices = 65)
INSTRUMENT(instrument_top_k_high, options.top_k = 16777217)
INSTRUMENT(instrument_temperature_nan, options.temperature = NAN)
INSTRUMENT(instrument_top_p_negative, options.top_p = -0.5f)
INSTRUMENT(instrument_gain_infinite, options.gain = INFINITY)
INSTRUMENT(instrument_attack_none, options.attack_seconds = 0)
INSTRUMENT(instrument_attack_nan, options.attack_seconds = NAN)
INSTRUMENT(instrument_release_long, options.release_seconds = 10.5f)
INSTRUMENT(instrument_transpose_far, options.transpose = INT32_MIN)
INSTRUMENT(instrument_transpose_high, options.transpose = 128)
INSTRUMENT(instrument_reserved, options.reserved = 1)

/* ---- Calls on a model --------------------------------------------------------------------------------------------------- */

CALL(info_null) { return cadenza_model_get_info(s->model, NULL); }
CALL(info_null_model) {
  cadenza_model_info info = {.struct_size = sizeof info};
  (void)s;
  return cadenza_model_get_info(NULL, &info);
}
CALL(info_of_the_past) {
  cadenza_model_info info;
  for (uint32_t size = 0; size < 128; size++) {
    memset(&info, 0xA5, sizeof info);
    info.struct_size = size;
    CHECK(cadenza_model_get_info(s->model, &info) == INVALID);
    CHECK(info.sample_rate == 0xA5A5A5A5u);
  }
  return INVALID;
}
CALL(condition_info_null) { return cadenza_model_get_condition_info(s->model, 0, NULL); }
CALL(condition_info_null_model) {
  cadenza_condition_info info = {.struct_size = sizeof info};
  (void)s;
  return cadenza_model_get_condition_info(NULL, 0, &info);
}
CALL(condition_info_unknown) {
  cadenza_condition_info info = {.struct_size = sizeof info};
  CHECK(cadenza_model_get_condition_info(s->model, UINT32_MAX, &info) == INVALID);
  return cadenza_model_get_condition_info(s->model, 5, &info);
}
CALL(condition_info_of_the_past) {
  cadenza_condition_info info = {.struct_size = sizeof info - 1};
  return cadenza_model_get_condition_info(s->model, 0, &info);
}

/* ---- Calls without a stream --------------------------------------------------------------------------------------------- */

CALL(null_stream_generate) {
  (void)s;
  float block[100];
  for (int i = 0; i < 100; i++) block[i] = 7;
  cadenza_status status = cadenza_generate_block(NULL, block, 99);
  for (int i = 0; i < 99; i++) CHECK(block[i] == 0); /* silence */
  CHECK(block[99] == 7);
  CHECK(cadenza_generate_block(NULL, NULL, 99) == status);
  CHECK(cadenza_generate_block(NULL, NULL, 0) == status);
  CHECK(cadenza_generate_block(NULL, block, HUGE_FRAMES) == status);
  return status;
}
CALL(null_stream_everywhere) {
  (void)s;
  float value = 0;
  double nats = 5;
  size_t size = sizeof scratch;
  cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
  CHECK(cadenza_stream_reset(NULL, 1) == INVALID);
  CHECK(cadenza_stream_prime(NULL, silence, 64) == INVALID);
  CHECK(cadenza_stream_score(NULL, silence, 64, &nats) == INVALID && nats == 0);
  CHECK(cadenza_stream_set_parameter(NULL, CADENZA_PARAMETER_GAIN, 1) == INVALID);
  CHECK(cadenza_stream_get_parameter(NULL, CADENZA_PARAMETER_GAIN, &value) == INVALID);
  CHECK(cadenza_stream_set_condition(NULL, 0, &value, 1) == INVALID);
  CHECK(cadenza_stream_get_condition(NULL, 0, &value, 1) == INVALID);
  CHECK(cadenza_stream_glide_latent(NULL, 0, &value, 1, 0, CADENZA_INTERPOLATION_LINEAR) == INVALID);
  CHECK(cadenza_stream_randomize_latent(NULL, 0, 1, 0, CADENZA_INTERPOLATION_LINEAR) == INVALID);
  CHECK(cadenza_stream_glide_instrument_latent(NULL, 0, 0, &value, 1, 0, CADENZA_INTERPOLATION_LINEAR) == INVALID);
  uint32_t found = 77;
  CHECK(cadenza_model_find_condition(NULL, "pitch", &found) == INVALID && found == 77);
  CHECK(cadenza_model_find_class(NULL, 0, "flute", &found) == INVALID && found == 77);
  CHECK(cadenza_stream_save_state(NULL, scratch, &size) == INVALID);
  CHECK(cadenza_stream_load_state(NULL, scratch, 64) == INVALID);
  CHECK(cadenza_stream_get_statistics(NULL, &statistics) == INVALID);
  uint32_t frames = 5;
  CHECK(cadenza_stream_get_latency(NULL, &frames) == INVALID && frames == 5);
  CHECK(cadenza_stream_get_latency(NULL, NULL) == INVALID);
  CHECK(cadenza_stream_prime(NULL, NULL, 0) == INVALID);
  CHECK(cadenza_stream_score(NULL, NULL, 0, &nats) == INVALID);
  CHECK(cadenza_stream_note_on(NULL, 0, 0, 60, 1) == INVALID);
  CHECK(cadenza_stream_note_off(NULL, 0, 0, 60) == INVALID);
  CHECK(cadenza_stream_set_instrument_condition(NULL, 0, 0, &value, 1) == INVALID);
  CHECK(cadenza_stream_set_parameter(NULL, CADENZA_PARAMETER_TEMPO, 120) == INVALID);
  cadenza_event event = {0};
  size_t count = 5;
  CHECK(cadenza_stream_read_events(NULL, &event, 1, &count) == INVALID && count == 0);
  CHECK(cadenza_stream_read_events(NULL, NULL, 0, NULL) == INVALID);
  CHECK(cadenza_stream_prime_events(NULL, &event, 1, 10) == INVALID);
  CHECK(cadenza_stream_prime_events(NULL, NULL, 0, 0) == INVALID);
  uint64_t choices = 5;
  nats = 5;
  CHECK(cadenza_stream_score_events(NULL, &event, 1, 10, &nats, &choices) == INVALID && nats == 0 && choices == 0);
  CHECK(cadenza_stream_score_events(NULL, NULL, 0, 0, NULL, NULL) == INVALID);
  cadenza_instrument_options_init(NULL, NULL);
  cadenza_stream_destroy(NULL);
  cadenza_model_release(NULL);
  CHECK(cadenza_model_retain(NULL) == NULL);
  return INVALID;
}

/* ---- Creating: each call also gives a sentence ---------------------------------------------------------------------------- */

static cadenza_status create_with(subject *s, cadenza_model *model, const cadenza_stream_options *options) {
  cadenza_stream *stream = (cadenza_stream *)s; /* must become NULL */
  s->has_sentence = 1;
  memset(&s->error, 0xA5, sizeof s->error);
  cadenza_status status = cadenza_stream_create(model, options, &stream, &s->error);
  CHECK(stream == NULL);
  CHECK(cadenza_stream_create(model, options, &stream, NULL) == status); /* the error may be NULL */
  return status;
}

static cadenza_stream_options defaults(subject *s) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, s->model);
  return options;
}

#define CREATE(name, change)                                                                                                   \
  CALL(name) {                                                                                                                 \
    cadenza_stream_options options = defaults(s);                                                                              \
    change;                                                                                                                    \
    return create_with(s, s->model, &options);                                                                                 \
  }

CALL(create_null_model) { return create_with(s, NULL, NULL); }
CALL(create_null_stream) {
  s->has_sentence = 1;
  return cadenza_stream_create(s->model, NULL, NULL, &s->error);
}
CREATE(create_struct_size_zero, options.struct_size = 0)
CREATE(create_struct_size_past, options.struct_size -= 4)
CREATE(create_struct_size_future, options.struct_size += 8)
CREATE(create_struct_size_absurd, options.struct_size = UINT32_MAX)
CREATE(create_temperature_negative, options.temperature = -1)
CREATE(create_temperature_high, options.temperature = 101)
CREATE(create_temperature_nan, options.temperature = NAN)
CREATE(create_top_p_nan, options.top_p = NAN)
CREATE(create_top_p_high, options.top_p = 1.5f)
CREATE(create_top_k_high, options.top_k = 16777217)
CREATE(create_gain_negative, options.gain = -1)
CREATE(create_gain_infinite, options.gain = INFINITY)
CREATE(create_rate_too_low, options.sample_rate = 999)
CREATE(create_rate_too_high, options.sample_rate = 768001)
CREATE(create_rate_absurd, options.sample_rate = UINT32_MAX)
CREATE(create_input_rate_too_low, options.input_sample_rate = 1)
CREATE(create_input_rate_too_high, options.input_sample_rate = 768001)
CREATE(create_input_rate_absurd, options.input_sample_rate = UINT32_MAX)
CREATE(create_voices_too_many, options.voices = 65)
CREATE(create_voices_absurd, options.voices = UINT32_MAX)
CREATE(create_voices_with_local_conditions, options.voices = 1)
CREATE(create_struct_size_between, options.struct_size = 41)
CREATE(create_ring_too_long, options.render_ahead_frames = 16777217)
CREATE(create_ring_absurd, options.render_ahead_frames = UINT32_MAX)
CREATE(create_smoothing_negative, options.smoothing_seconds = -0.001f)
CREATE(create_smoothing_long, options.smoothing_seconds = 1.001f)
CREATE(create_smoothing_nan, options.smoothing_seconds = NAN)
CREATE(create_smoothing_infinite, options.smoothing_seconds = INFINITY)
CREATE(create_limit_zero, options.output_limit = 0)
CREATE(create_limit_negative, options.output_limit = -4)
CREATE(create_limit_high, options.output_limit = 16.1f)
CREATE(create_limit_nan, options.output_limit = NAN)
CREATE(create_dc_blocker_negative, options.dc_blocker_hertz = -1)
CREATE(create_dc_blocker_high, options.dc_blocker_hertz = 1600) /* a tenth of the model's rate */
CREATE(create_dc_blocker_nan, options.dc_blocker_hertz = NAN)
CREATE(create_options_reserved, options.reserved = 1)

/* ---- Rendering ahead ------------------------------------------------------------------------------------------------------ */

CALL(drop_ahead_null) {
  (void)s;
  return cadenza_stream_drop_ahead(NULL);
}
CALL(render_mode_null) {
  (void)s;
  return cadenza_stream_set_render_mode(NULL, CADENZA_RENDER_OFFLINE);
}
CALL(render_mode_unknown) { return cadenza_stream_set_render_mode(s->stream, 2); }
CALL(render_mode_negative) { return cadenza_stream_set_render_mode(s->stream, -1); }

/* ---- Loading -------------------------------------------------------------------------------------------------------------- */

static cadenza_status load_bytes(subject *s, const void *bytes, size_t size) {
  cadenza_model *model = (cadenza_model *)s;
  s->has_sentence = 1;
  memset(&s->error, 0xA5, sizeof s->error);
  cadenza_status status = cadenza_model_load_memory(bytes, size, &model, &s->error);
  CHECK(model == NULL);
  CHECK(cadenza_model_load_memory(bytes, size, &model, NULL) == status);
  return status;
}

static cadenza_status load_path(subject *s, const char *path) {
  cadenza_model *model = (cadenza_model *)s;
  s->has_sentence = 1;
  memset(&s->error, 0xA5, sizeof s->error);
  cadenza_status status = cadenza_model_load(path, &model, &s->error);
  CHECK(model == NULL);
  CHECK(cadenza_model_load(path, &model, NULL) == status);
  return status;
}

CALL(load_null_path) { return load_path(s, NULL); }
CALL(load_null_model) {
  s->has_sentence = 1;
  return cadenza_model_load("x", NULL, &s->error);
}
CALL(load_memory_null_model) {
  s->has_sentence = 1;
  return cadenza_model_load_memory("x", 1, NULL, &s->error);
}
CALL(load_no_such_file) { return load_path(s, "/nonexistent/model.safetensors"); }
CALL(load_empty_path) { return load_path(s, ""); }
CALL(load_folder) { return load_path(s, "/tmp"); }
CALL(load_device) { return load_path(s, "/dev/null"); }
CALL(load_null_bytes) { return load_bytes(s, NULL, 100); }
CALL(load_no_bytes) { return load_bytes(s, "", 0); }
CALL(load_impossible_size) { return load_bytes(s, "x", SIZE_MAX); }
CALL(load_text) {
  static const char text[] = "This is not a model, but a sentence about one.";
  return load_bytes(s, text, sizeof text);
}
CALL(load_long_name) { /* the sentence is cut, never overrun */
  static char path[8192];
  memset(path, 'x', sizeof path - 1);
  return load_path(s, path);
}

static const bad_call calls[] = {
#define ENTRY(call, expected)                                                                                                  \
  { #call, call, expected }
    ENTRY(generate_null_output, INVALID),
    ENTRY(generate_too_much, INVALID),
    ENTRY(generate_too_much_into_null, INVALID),
    ENTRY(prime_null, INVALID),
    ENTRY(prime_too_much, INVALID),
    ENTRY(prime_size_max, INVALID),
    ENTRY(prime_nan, INVALID),
    ENTRY(prime_infinity, INVALID),
    ENTRY(score_null_samples, INVALID),
    ENTRY(score_null_nats, INVALID),
    ENTRY(score_nan, INVALID),
    ENTRY(score_too_much, INVALID),
    ENTRY(parameter_unknown, INVALID),
    ENTRY(tempo_of_no_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(parameter_negative, INVALID),
    ENTRY(parameter_far_away, INVALID),
    ENTRY(temperature_negative, INVALID),
    ENTRY(temperature_too_high, INVALID),
    ENTRY(temperature_nan, INVALID),
    ENTRY(temperature_infinite, INVALID),
    ENTRY(top_k_fraction, INVALID),
    ENTRY(top_k_negative, INVALID),
    ENTRY(top_k_too_high, INVALID),
    ENTRY(top_k_nan, INVALID),
    ENTRY(top_k_infinite, INVALID),
    ENTRY(top_p_negative, INVALID),
    ENTRY(top_p_above_one, INVALID),
    ENTRY(top_p_nan, INVALID),
    ENTRY(gain_negative, INVALID),
    ENTRY(gain_too_high, INVALID),
    ENTRY(gain_infinite, INVALID),
    ENTRY(get_parameter_null, INVALID),
    ENTRY(get_parameter_unknown, INVALID),
    ENTRY(condition_unknown, INVALID),
    ENTRY(condition_far_away, INVALID),
    ENTRY(condition_null, INVALID),
    ENTRY(condition_empty, INVALID),
    ENTRY(condition_class_of_two, INVALID),
    ENTRY(condition_class_too_high, INVALID),
    ENTRY(condition_class_negative, INVALID),
    ENTRY(condition_class_fraction, INVALID),
    ENTRY(condition_class_nan, INVALID),
    ENTRY(condition_class_infinite, INVALID),
    ENTRY(condition_class_enormous, INVALID),
    ENTRY(condition_vector_of_one, INVALID),
    ENTRY(condition_vector_of_three, INVALID),
    ENTRY(condition_vector_of_many, INVALID),
    ENTRY(condition_vector_nan, INVALID),
    ENTRY(condition_local_class_too_high, INVALID),
    ENTRY(condition_local_second_value_bad, INVALID),
    ENTRY(condition_local_vector_torn, INVALID),
    ENTRY(condition_local_vector_infinite, INVALID),
    ENTRY(condition_local_queue_overflows, CADENZA_ERROR_STATE),
    ENTRY(condition_local_count_enormous, INVALID),
    ENTRY(get_condition_null, INVALID),
    ENTRY(get_condition_of_none, INVALID),
    ENTRY(get_condition_unknown, INVALID),
    ENTRY(find_condition_null, INVALID),
    ENTRY(find_class_unknown, INVALID),
    ENTRY(interpolate_badly, INVALID),
    ENTRY(glide_of_a_class, INVALID),
    ENTRY(save_null_size, INVALID),
    ENTRY(save_too_little_room, INVALID),
    ENTRY(load_null, INVALID),
    ENTRY(load_nothing, CADENZA_ERROR_FORMAT),
    ENTRY(load_zeros, CADENZA_ERROR_FORMAT),
    ENTRY(load_truncated, CADENZA_ERROR_FORMAT),
    ENTRY(load_from_another_model, CADENZA_ERROR_FORMAT),
    ENTRY(load_from_a_model_of_the_same_shape, CADENZA_ERROR_FORMAT),
    ENTRY(load_from_another_rate, CADENZA_ERROR_FORMAT),
    ENTRY(check_null_stream, INVALID),
    ENTRY(check_null, INVALID),
    ENTRY(check_nothing, CADENZA_ERROR_FORMAT),
    ENTRY(check_size_max, CADENZA_ERROR_FORMAT),
    ENTRY(check_zeros, CADENZA_ERROR_FORMAT),
    ENTRY(check_damaged, CADENZA_ERROR_FORMAT),
    ENTRY(check_from_another_model, CADENZA_ERROR_FORMAT),
    ENTRY(check_from_another_rate, CADENZA_ERROR_FORMAT),
    ENTRY(latency_null, INVALID),
    ENTRY(statistics_null, INVALID),
    ENTRY(statistics_of_the_past, INVALID),
    ENTRY(note_on_without_instrument, CADENZA_ERROR_STATE),
    ENTRY(note_off_without_instrument, CADENZA_ERROR_STATE),
    ENTRY(instrument_condition_without_instrument, CADENZA_ERROR_STATE),
    ENTRY(instrument_null_stream, INVALID),
    ENTRY(instrument_on_no_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(instrument_of_none_on_no_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(instrument_with_local_conditions, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(info_null, INVALID),
    ENTRY(info_null_model, INVALID),
    ENTRY(info_of_the_past, INVALID),
    ENTRY(condition_info_null, INVALID),
    ENTRY(condition_info_null_model, INVALID),
    ENTRY(condition_info_unknown, INVALID),
    ENTRY(condition_info_of_the_past, INVALID),
    ENTRY(null_stream_generate, INVALID),
    ENTRY(null_stream_everywhere, INVALID),
    ENTRY(create_null_model, INVALID),
    ENTRY(create_null_stream, INVALID),
    ENTRY(create_struct_size_zero, INVALID),
    ENTRY(create_struct_size_past, INVALID),
    ENTRY(create_struct_size_future, INVALID),
    ENTRY(create_struct_size_absurd, INVALID),
    ENTRY(create_temperature_negative, INVALID),
    ENTRY(create_temperature_high, INVALID),
    ENTRY(create_temperature_nan, INVALID),
    ENTRY(create_top_p_nan, INVALID),
    ENTRY(create_top_p_high, INVALID),
    ENTRY(create_top_k_high, INVALID),
    ENTRY(create_gain_negative, INVALID),
    ENTRY(create_gain_infinite, INVALID),
    ENTRY(create_rate_too_low, INVALID),
    ENTRY(create_rate_too_high, INVALID),
    ENTRY(create_rate_absurd, INVALID),
    ENTRY(create_input_rate_too_low, INVALID),
    ENTRY(create_input_rate_too_high, INVALID),
    ENTRY(create_input_rate_absurd, INVALID),
    ENTRY(create_voices_too_many, INVALID),
    ENTRY(create_voices_absurd, INVALID),
    ENTRY(create_voices_with_local_conditions, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(create_struct_size_between, INVALID),
    ENTRY(create_ring_too_long, INVALID),
    ENTRY(create_ring_absurd, INVALID),
    ENTRY(create_smoothing_negative, INVALID),
    ENTRY(create_smoothing_long, INVALID),
    ENTRY(create_smoothing_nan, INVALID),
    ENTRY(create_smoothing_infinite, INVALID),
    ENTRY(create_limit_zero, INVALID),
    ENTRY(create_limit_negative, INVALID),
    ENTRY(create_limit_high, INVALID),
    ENTRY(create_limit_nan, INVALID),
    ENTRY(create_dc_blocker_negative, INVALID),
    ENTRY(create_dc_blocker_high, INVALID),
    ENTRY(create_dc_blocker_nan, INVALID),
    ENTRY(create_options_reserved, INVALID),
    ENTRY(drop_ahead_null, INVALID),
    ENTRY(render_mode_null, INVALID),
    ENTRY(render_mode_unknown, INVALID),
    ENTRY(render_mode_negative, INVALID),
    ENTRY(load_null_path, INVALID),
    ENTRY(load_null_model, INVALID),
    ENTRY(load_memory_null_model, INVALID),
    ENTRY(load_no_such_file, CADENZA_ERROR_IO),
    ENTRY(load_empty_path, CADENZA_ERROR_IO),
    ENTRY(load_folder, CADENZA_ERROR_IO),
    ENTRY(load_device, CADENZA_ERROR_IO),
    ENTRY(load_null_bytes, INVALID),
    ENTRY(load_no_bytes, CADENZA_ERROR_FORMAT),
    ENTRY(load_impossible_size, INVALID),
    ENTRY(load_text, CADENZA_ERROR_FORMAT),
    ENTRY(load_long_name, CADENZA_ERROR_IO),
};

/* ---- Events of a stream that does not compose ------------------------------------------------------------------------------- */

CALL(read_events_of_no_composer) {
  cadenza_event event;
  size_t count = 5;
  cadenza_status status = cadenza_stream_read_events(s->stream, &event, 1, &count);
  CHECK(count == 0);
  CHECK(cadenza_stream_read_events(s->stream, NULL, 0, &count) == status);
  return status;
}
CALL(prime_events_of_no_composer) {
  cadenza_event event = {0};
  CHECK(cadenza_stream_prime_events(s->stream, NULL, 0, 0) == CADENZA_ERROR_UNSUPPORTED);
  return cadenza_stream_prime_events(s->stream, &event, 1, 100);
}
CALL(score_events_of_no_composer) {
  cadenza_event event = {0};
  double nats = 5;
  uint64_t choices = 5;
  cadenza_status status = cadenza_stream_score_events(s->stream, &event, 1, 100, &nats, &choices);
  CHECK(nats == 0 && choices == 0);
  return status;
}

static const bad_call calls_on_no_composer[] = {
    ENTRY(read_events_of_no_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(prime_events_of_no_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(score_events_of_no_composer, CADENZA_ERROR_UNSUPPORTED),
};

/* ---- Calls on a composer that a flute plays --------------------------------------------------------------------------------- */

CALL(read_events_null) {
  size_t count = 5;
  cadenza_status status = cadenza_stream_read_events(s->stream, NULL, 3, &count);
  CHECK(count == 0);
  CHECK(cadenza_stream_read_events(s->stream, NULL, SIZE_MAX, &count) == status && count == 0);
  return status;
}
CALL(read_events_null_count) {
  cadenza_event event;
  CHECK(cadenza_stream_read_events(s->stream, NULL, 0, NULL) == INVALID);
  return cadenza_stream_read_events(s->stream, &event, 1, NULL);
}

/* A piece of three good events, one of which each of these spoils; given and scored. */
static cadenza_status give(subject *s, const cadenza_event *events, size_t count, uint64_t frames) {
  double nats = 5;
  uint64_t choices = 5;
  cadenza_status status = cadenza_stream_prime_events(s->stream, events, count, frames);
  CHECK_EQUAL(cadenza_stream_score_events(s->stream, events, count, frames, &nats, &choices), status);
  CHECK(nats == 0 && choices == 0);
  nats = 5;
  CHECK_EQUAL(cadenza_stream_score_events(s->stream, events, count, frames, &nats, NULL), status);
  CHECK(nats == 0);
  return status;
}
#define PIECE(name, change)                                                                                                    \
  CALL(name) {                                                                                                                 \
    cadenza_event piece[3] = {{0, CADENZA_EVENT_NOTE_ON, 0, 67, 1, 0},                                                         \
                              {9000, CADENZA_EVENT_NOTE_OFF, 0, 67, 0, 0},                                                     \
                              {9000, CADENZA_EVENT_NOTE_ON, 2, 50, 0.5f, NAN /* ignored */}};                                  \
    uint64_t frames = 20000;                                                                                                   \
    size_t count = 3;                                                                                                          \
    change;                                                                                                                    \
    return give(s, piece, count, frames);                                                                                      \
  }
PIECE(piece_frames_fall, piece[1].frame = 9001)
PIECE(piece_event_beyond_its_end, frames = 8999)
PIECE(piece_event_far_beyond_its_end, piece[2].frame = UINT64_MAX)
PIECE(piece_of_no_frames, frames = 0)
PIECE(piece_endless, frames = UINT64_MAX)
PIECE(piece_of_years, frames = (uint64_t)1 << 44)
PIECE(piece_count_negative, count = SIZE_MAX)
PIECE(piece_count_enormous, count = SIZE_MAX / 2 + 1)
PIECE(piece_pitch_high, piece[0].pitch = 128)
PIECE(piece_pitch_absurd, piece[1].pitch = UINT32_MAX)
PIECE(piece_voice_high, piece[2].voice = 16)
PIECE(piece_every_voice, piece[0].voice = CADENZA_ALL_VOICES)
PIECE(piece_velocity_high, piece[0].velocity = 1.001f)
PIECE(piece_velocity_negative, piece[2].velocity = -0.001f)
PIECE(piece_velocity_nan, piece[2].velocity = NAN)
PIECE(piece_velocity_infinite, piece[1].velocity = INFINITY)
PIECE(piece_kind_unknown, piece[2].kind = 3)
PIECE(piece_kind_negative, piece[0].kind = -1)
PIECE(piece_kind_absurd, piece[1].kind = INT32_MIN)
CALL(piece_null) { return give(s, NULL, 1, 100); }
CALL(score_events_null_nats) {
  cadenza_event event = {0, CADENZA_EVENT_NOTE_ON, 0, 67, 1, 0};
  uint64_t choices = 5;
  cadenza_status status = cadenza_stream_score_events(s->stream, &event, 1, 100, NULL, &choices);
  CHECK(choices == 0);
  CHECK(cadenza_stream_score_events(s->stream, &event, 1, 100, NULL, NULL) == status);
  return status;
}
CALL(audio_for_a_composer) {
  CHECK_EQUAL(cadenza_stream_prime(s->stream, NULL, 0), CADENZA_ERROR_UNSUPPORTED);
  return cadenza_stream_prime(s->stream, silence, 64);
}
CALL(audio_scored_by_a_composer) {
  double nats = 5;
  cadenza_status status = cadenza_stream_score(s->stream, silence, 64, &nats);
  CHECK(nats == 0);
  return status;
}
CALL(tempo_slow) { return set(s, CADENZA_PARAMETER_TEMPO, 9.99f); }
CALL(tempo_fast) { return set(s, CADENZA_PARAMETER_TEMPO, 1000.1f); }
CALL(tempo_nan) { return set(s, CADENZA_PARAMETER_TEMPO, NAN); }
CALL(tempo_infinite) { return set(s, CADENZA_PARAMETER_TEMPO, INFINITY); }
CALL(tempo_negative) { return set(s, CADENZA_PARAMETER_TEMPO, -120); }
CALL(position_set_by_the_host) { return condition(s, 1, 3, 1); }
CALL(key_unknown) { return condition(s, 0, 4, 1); }
CALL(third_condition_of_two) { return condition(s, 2, 0, 1); }

static cadenza_status play_note(subject *s, uint32_t frame, uint32_t voice, uint32_t pitch, float velocity) {
  cadenza_status status = cadenza_stream_note_on(s->stream, frame, voice, pitch, velocity);
  if (velocity == 1) CHECK_EQUAL(cadenza_stream_note_off(s->stream, frame, voice, pitch), status);
  return status;
}
CALL(note_frame_far) { return play_note(s, CADENZA_MAX_BLOCK_FRAMES + 1, 0, 60, 1); }
CALL(note_voice_high) { return play_note(s, 0, 16, 60, 1); }
CALL(note_of_every_voice) { return play_note(s, 0, CADENZA_ALL_VOICES, 60, 1); }
CALL(note_pitch_high) { return play_note(s, 0, 0, 128, 1); }
CALL(note_velocity_high) { return play_note(s, 0, 0, 60, 1.001f); }
CALL(note_velocity_nan) { return play_note(s, 0, 0, 60, NAN); }

static cadenza_status set_instrument_condition(subject *s, uint32_t voice, uint32_t index, float value, size_t count) {
  const float values[2] = {value, value};
  return cadenza_stream_set_instrument_condition(s->stream, voice, index, values, count);
}
CALL(instrument_condition_voice_high) { return set_instrument_condition(s, 16, 2, 0, 1); }
CALL(instrument_condition_pitch) { return set_instrument_condition(s, CADENZA_ALL_VOICES, 1, 0, 1); }
CALL(instrument_condition_unknown) { return set_instrument_condition(s, 0, 3, 0, 1); }
CALL(instrument_condition_far_away) { return set_instrument_condition(s, 0, UINT32_MAX, 0, 1); }
CALL(instrument_condition_no_class) { return set_instrument_condition(s, 0, 2, 3, 1); }
CALL(instrument_condition_nan) { return set_instrument_condition(s, 0, 0, NAN, 2); }
CALL(instrument_condition_of_one) { return set_instrument_condition(s, 0, 0, 0, 1); }
CALL(instrument_condition_of_many) { return set_instrument_condition(s, 0, 0, 0, SIZE_MAX); }
CALL(instrument_condition_of_none) { return set_instrument_condition(s, 0, 0, 0, 0); }
CALL(instrument_condition_null) { return cadenza_stream_set_instrument_condition(s->stream, 0, 0, NULL, 2); }

CALL(instrument_that_composes) { return set_instrument(s, s->model, NULL); }
CALL(instrument_that_is_local) {
  cadenza_model *wavenet = load_tiny(TINY_WAVENET);
  cadenza_status status = set_instrument(s, wavenet, NULL);
  cadenza_model_release(wavenet);
  return status;
}
CALL(instrument_none_with_bad_options) { /* nobody is to play, but an option that cannot be understood is never ignored */
  cadenza_instrument_options options;
  cadenza_instrument_options_init(&options, NULL);
  options.struct_size = 7;
  return set_instrument(s, NULL, &options);
}
CALL(create_composer_with_voices) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, s->model);
  options.voices = 4;
  cadenza_stream *stream = s->stream;
  s->has_sentence = 1;
  cadenza_status status = cadenza_stream_create(s->model, &options, &stream, &s->error);
  CHECK(stream == NULL);
  return status;
}
static cadenza_status load_from(subject *s, cadenza_stream *other) {
  size_t size = sizeof scratch;
  s->has_sentence = 1;
  CHECK(cadenza_stream_save_state(other, scratch, &size) == CADENZA_OK);
  cadenza_status status = cadenza_stream_load_state(s->stream, scratch, size);
  CHECK_EQUAL(cadenza_stream_check_state(s->stream, scratch, size, &s->error), status);
  cadenza_stream_destroy(other);
  return status;
}
CALL(load_composer_without_instrument) { return load_from(s, create_composer(s->model, 3, rate, 0)); }
CALL(load_composer_of_fewer_voices) { return load_from(s, create_composer(s->model, 3, rate, 2)); }
CALL(load_composer_of_another_instrument) {
  cadenza_model *lstm = load_tiny(TINY_LSTM);
  cadenza_stream *other = create_at(s->model, 3, rate, 0);
  cadenza_instrument_options options;
  cadenza_instrument_options_init(&options, lstm);
  options.voices = COMPOSER_VOICES;
  CHECK(cadenza_stream_set_instrument(other, lstm, &options, NULL) == CADENZA_OK);
  cadenza_model_release(lstm);
  return load_from(s, other);
}
CALL(load_composer_of_another_model) {
  cadenza_model *melody = load_tiny(TINY_MELODY);
  cadenza_stream *other = create_composer(melody, 3, rate, COMPOSER_VOICES);
  cadenza_model_release(melody);
  return load_from(s, other);
}

static const bad_call calls_on_a_composer[] = {
    ENTRY(read_events_null, INVALID),
    ENTRY(read_events_null_count, INVALID),
    ENTRY(piece_frames_fall, INVALID),
    ENTRY(piece_event_beyond_its_end, INVALID),
    ENTRY(piece_event_far_beyond_its_end, INVALID),
    ENTRY(piece_of_no_frames, INVALID),
    ENTRY(piece_endless, INVALID),
    ENTRY(piece_of_years, INVALID),
    ENTRY(piece_count_negative, INVALID),
    ENTRY(piece_count_enormous, INVALID),
    ENTRY(piece_pitch_high, INVALID),
    ENTRY(piece_pitch_absurd, INVALID),
    ENTRY(piece_voice_high, INVALID),
    ENTRY(piece_every_voice, INVALID),
    ENTRY(piece_velocity_high, INVALID),
    ENTRY(piece_velocity_negative, INVALID),
    ENTRY(piece_velocity_nan, INVALID),
    ENTRY(piece_velocity_infinite, INVALID),
    ENTRY(piece_kind_unknown, INVALID),
    ENTRY(piece_kind_negative, INVALID),
    ENTRY(piece_kind_absurd, INVALID),
    ENTRY(piece_null, INVALID),
    ENTRY(score_events_null_nats, INVALID),
    ENTRY(audio_for_a_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(audio_scored_by_a_composer, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(parameter_unknown, INVALID),
    ENTRY(tempo_slow, INVALID),
    ENTRY(tempo_fast, INVALID),
    ENTRY(tempo_nan, INVALID),
    ENTRY(tempo_infinite, INVALID),
    ENTRY(tempo_negative, INVALID),
    ENTRY(position_set_by_the_host, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(key_unknown, INVALID),
    ENTRY(third_condition_of_two, INVALID),
    ENTRY(note_frame_far, INVALID),
    ENTRY(note_voice_high, INVALID),
    ENTRY(note_of_every_voice, INVALID),
    ENTRY(note_pitch_high, INVALID),
    ENTRY(note_velocity_high, INVALID),
    ENTRY(note_velocity_nan, INVALID),
    ENTRY(instrument_condition_voice_high, INVALID),
    ENTRY(instrument_condition_pitch, INVALID),
    ENTRY(instrument_condition_unknown, INVALID),
    ENTRY(instrument_condition_far_away, INVALID),
    ENTRY(instrument_condition_no_class, INVALID),
    ENTRY(instrument_condition_nan, INVALID),
    ENTRY(instrument_condition_of_one, INVALID),
    ENTRY(instrument_condition_of_many, INVALID),
    ENTRY(instrument_condition_of_none, INVALID),
    ENTRY(instrument_condition_null, INVALID),
    ENTRY(instrument_null_stream, INVALID),
    ENTRY(instrument_that_composes, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(instrument_that_is_local, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(instrument_none_with_bad_options, INVALID),
    ENTRY(instrument_without_pitch, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(instrument_struct_size_past, INVALID),
    ENTRY(instrument_struct_size_future, INVALID),
    ENTRY(instrument_voices_none, INVALID),
    ENTRY(instrument_voices_too_many, INVALID),
    ENTRY(instrument_top_k_high, INVALID),
    ENTRY(instrument_temperature_nan, INVALID),
    ENTRY(instrument_top_p_negative, INVALID),
    ENTRY(instrument_gain_infinite, INVALID),
    ENTRY(instrument_attack_none, INVALID),
    ENTRY(instrument_attack_nan, INVALID),
    ENTRY(instrument_release_long, INVALID),
    ENTRY(instrument_transpose_far, INVALID),
    ENTRY(instrument_transpose_high, INVALID),
    ENTRY(instrument_reserved, INVALID),
    ENTRY(create_composer_with_voices, CADENZA_ERROR_UNSUPPORTED),
    ENTRY(load_composer_without_instrument, CADENZA_ERROR_FORMAT),
    ENTRY(load_composer_of_fewer_voices, CADENZA_ERROR_FORMAT),
    ENTRY(load_composer_of_another_instrument, CADENZA_ERROR_FORMAT),
    ENTRY(load_composer_of_another_model, CADENZA_ERROR_FORMAT),
};

/* ---- The table at work ----------------------------------------------------------------------------------------------------- */

static const bad_call *current;

static void check_sentence(const cadenza_error *error, cadenza_status expected) {
  CHECK_EQUAL(error->status, expected);
  size_t length = 0;
  while (length < CADENZA_ERROR_MESSAGE_SIZE && error->message[length] != 0) length++;
  CHECK(length >= 10 && length < CADENZA_ERROR_MESSAGE_SIZE);
  for (size_t i = length; i < CADENZA_ERROR_MESSAGE_SIZE; i++) CHECK(error->message[i] == 0);
}

static void same_parameters(const cadenza_stream *left, const cadenza_stream *right) {
  for (cadenza_parameter parameter = 0; parameter < 5; parameter++) {
    float a = -1, b = -1;
    cadenza_status status = cadenza_stream_get_parameter(left, parameter, &a);
    CHECK(status == CADENZA_OK || (status == CADENZA_ERROR_UNSUPPORTED && parameter == CADENZA_PARAMETER_TEMPO));
    CHECK_EQUAL(cadenza_stream_get_parameter(right, parameter, &b), status);
    CHECK(a == b && (status == CADENZA_OK) == (a >= 0));
  }
}

static void same_state(const cadenza_stream *left, const cadenza_stream *right) {
  size_t size = 0, right_size = 0;
  CHECK(cadenza_stream_save_state(left, NULL, &size) == CADENZA_OK);
  CHECK(cadenza_stream_save_state(right, NULL, &right_size) == CADENZA_OK);
  CHECK_EQUAL(size, right_size);
  unsigned char *a = malloc(size), *b = malloc(size);
  CHECK(cadenza_stream_save_state(left, a, &size) == CADENZA_OK);
  CHECK(cadenza_stream_save_state(right, b, &right_size) == CADENZA_OK);
  CHECK(memcmp(a, b, size) == 0);
  free(a);
  free(b);
}

static void one_bad_call(void) {
  note("%s", current->name);
  subject s = {.model = load_tiny(TINY_WAVENET)};
  s.stream = create_at(s.model, 99, rate, input_rate);
  cadenza_stream *twin = create_at(s.model, 99, rate, input_rate);
  set_conditions(s.stream, s.model, 3);
  set_conditions(twin, s.model, 3);
  CHECK(same_sound(s.stream, twin, 150));

  cadenza_status status = current->call(&s);
  CHECK_EQUAL(status, current->expected);
  const char *phrase = cadenza_status_string(status);
  CHECK(phrase != NULL && phrase[0] != 0);
  if (s.has_sentence) check_sentence(&s.error, current->expected);

  same_parameters(s.stream, twin);
  same_state(s.stream, twin);
  CHECK_EQUAL(statistics_of(s.stream).frames, statistics_of(twin).frames);
  CHECK_EQUAL(statistics_of(s.stream).blocks, statistics_of(twin).blocks);
  CHECK(same_sound(s.stream, twin, 250));
  cadenza_stream_destroy(s.stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(s.model);
}

/* The same of a composer, which a flute plays: its events, too, go on as its twin's. */
static void one_bad_call_on_a_composer(void) {
  note("%s", current->name);
  subject s = {.model = load_tiny(TINY_CHORALE)};
  s.stream = create_composer(s.model, 99, rate, COMPOSER_VOICES);
  cadenza_stream *twin = create_composer(s.model, 99, rate, COMPOSER_VOICES);
  set_conditions(s.stream, s.model, 3);
  set_conditions(twin, s.model, 3);
  CHECK(same_sound(s.stream, twin, 12345));

  CHECK_EQUAL(current->call(&s), current->expected);
  if (s.has_sentence) check_sentence(&s.error, current->expected);

  static cadenza_event events[2][CADENZA_MAX_EVENTS];
  for (int round = 0; round < 2;
       round++) { /* what had happened before the call is still to be read, then what comes after it */
    size_t counts[2];
    memset(events, 0, sizeof events);
    CHECK(cadenza_stream_read_events(s.stream, events[0], CADENZA_MAX_EVENTS, &counts[0]) == CADENZA_OK);
    CHECK(cadenza_stream_read_events(twin, events[1], CADENZA_MAX_EVENTS, &counts[1]) == CADENZA_OK);
    CHECK(counts[0] > 0 && counts[0] == counts[1] && memcmp(events[0], events[1], sizeof events[0]) == 0);
    if (round == 0) {
      same_parameters(s.stream, twin);
      same_state(s.stream, twin);
      CHECK_EQUAL(latency_of(s.stream), latency_of(twin));
      CHECK_EQUAL(statistics_of(s.stream).frames, statistics_of(twin).frames);
      CHECK(same_sound(s.stream, twin, 34567));
    }
  }
  cadenza_stream_destroy(s.stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(s.model);
}

/* ---- What is allowed -------------------------------------------------------------------------------------------------------- */

static void zero_frames_do_nothing(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *stream = create(model, 5), *twin = create(model, 5);
  float block[4] = {7, 7, 7, 7};
  double nats = 5;
  CHECK(same_sound(stream, twin, 50));
  CHECK(cadenza_generate_block(stream, block, 0) == CADENZA_OK && block[0] == 7);
  CHECK(cadenza_generate_block(stream, NULL, 0) == CADENZA_OK);
  CHECK(cadenza_stream_prime(stream, block, 0) == CADENZA_OK);
  CHECK(cadenza_stream_prime(stream, NULL, 0) == CADENZA_OK);
  CHECK(cadenza_stream_score(stream, block, 0, &nats) == CADENZA_OK && nats == 0);
  CHECK_EQUAL(statistics_of(stream).blocks, 1);
  same_state(stream, twin);
  CHECK(same_sound(stream, twin, 50));
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

static void limits_are_allowed(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream *stream = create(model, 5);
  static const float limits[4][3] = {{0, 100, 1e-30f}, {0, 16777216, 1}, {0, 1, 1e-30f}, {0, 16, 1}};
  float block[64];
  for (cadenza_parameter parameter = 0; parameter < 4; parameter++) {
    for (int i = 0; i < 3; i++) {
      float value = -1;
      note("parameter %d = %g", parameter, limits[parameter][i]);
      CHECK(cadenza_stream_set_parameter(stream, parameter, limits[parameter][i]) == CADENZA_OK);
      CHECK(cadenza_stream_get_parameter(stream, parameter, &value) == CADENZA_OK && value == limits[parameter][i]);
      CHECK(cadenza_generate_block(stream, block, 64) == CADENZA_OK);
      for (int frame = 0; frame < 64; frame++) CHECK(isfinite(block[frame]));
    }
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* Any rate in the range, and what is asked for by 0 or by name is the same. */
static void rates_are_allowed(void) {
  static const uint32_t rates[] = {1000, 1001, 8000, 11025, 15999, 16000, 16001, 44100, 48000, 96000, 192000, 767999, 768000};
  cadenza_model *model = load_tiny(TINY_LSTM);
  float block[64];
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    for (size_t j = 0; j < sizeof rates / sizeof *rates; j += 3) {
      note("%u Hz, from audio at %u Hz", (unsigned)rates[i], (unsigned)rates[j]);
      cadenza_stream *stream = create_at(model, 5, rates[i], rates[j]);
      CHECK(cadenza_stream_prime(stream, silence, 100) == CADENZA_OK);
      CHECK(cadenza_generate_block(stream, block, 64) == CADENZA_OK);
      for (int frame = 0; frame < 64; frame++) CHECK(block[frame] > -2 && block[frame] < 2);
      CHECK_EQUAL(statistics_of(stream).frames, 64);
      cadenza_stream_destroy(stream);
    }
  }
  cadenza_stream *named = create_at(model, 5, 16000, 16000), *unnamed = create(model, 5);
  same_state(named, unnamed);
  CHECK(same_sound(named, unnamed, 300));
  cadenza_stream_destroy(named);
  cadenza_stream_destroy(unnamed);
  cadenza_model_release(model);
}

static void success_clears_the_error(void) {
  size_t size;
  unsigned char *bytes = tiny_model(TINY_LSTM, &size);
  cadenza_error error;
  memset(&error, 0xA5, sizeof error);
  cadenza_model *model;
  CHECK(cadenza_model_load_memory(bytes, size, &model, &error) == CADENZA_OK);
  CHECK_EQUAL(error.status, CADENZA_OK);
  for (size_t i = 0; i < sizeof error.message; i++) CHECK(error.message[i] == 0);
  cadenza_stream *stream;
  memset(&error, 0xA5, sizeof error);
  CHECK(cadenza_stream_create(model, NULL, &stream, &error) == CADENZA_OK);
  CHECK(error.status == CADENZA_OK && error.message[0] == 0);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
  free(bytes);
}

/* What a stream that plays notes refuses: in the middle of its music, and it goes on as its twin does. */
static void bad_notes_change_nothing(void) {
  cadenza_model *model = load_tiny(TINY_FLUTE), *lstm = load_tiny(TINY_LSTM);
  cadenza_stream *stream = create_instrument(model, 5, 44100, 3), *twin = create_instrument(model, 5, 44100, 3);
  cadenza_stream *plain = create_at(model, 5, 44100, 0), *fewer = create_instrument(model, 5, 44100, 2);
  ask_for_notes(stream, 0, 400);
  ask_for_notes(twin, 0, 400);
  CHECK(same_sound(stream, twin, 300));

  static const struct {
    uint32_t frame, voice, pitch;
    float velocity;
  } notes[] = {{CADENZA_MAX_BLOCK_FRAMES + 1, 0, 60, 1},
               {UINT32_MAX, 0, 60, 1},
               {500, 16, 60, 1},
               {500, UINT32_MAX, 60, 1},
               {500, 0, 128, 1},
               {500, 0, UINT32_MAX, 1},
               {500, 0, 60, 1.001f},
               {500, 0, 60, -0.001f},
               {500, 0, 60, NAN},
               {500, 0, 60, INFINITY},
               {0, 0, 60, 1 /* others wait for later frames */}};
  for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
    note("note %zu", i);
    CHECK_EQUAL(cadenza_stream_note_on(stream, notes[i].frame, notes[i].voice, notes[i].pitch, notes[i].velocity), INVALID);
    if (notes[i].velocity == 1) {
      CHECK_EQUAL(cadenza_stream_note_off(stream, notes[i].frame, notes[i].voice, notes[i].pitch), INVALID);
    }
  }

  const float values[3] = {0, NAN, 0};
  static const struct {
    uint32_t voice, index;
    size_t first, count;
  } sets[] = {{16, 2, 0, 1}, {0, 3, 0, 1}, {0, UINT32_MAX, 0, 1}, {0, 1, 0, 1 /* pitch */},     {0, 0, 0, 1}, {0, 0, 0, 2},
              {0, 2, 1, 1},  {0, 2, 0, 2}, {0, 0, 0, 3},          {CADENZA_ALL_VOICES, 0, 1, 2}};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    note("condition %zu", i);
    CHECK_EQUAL(
        cadenza_stream_set_instrument_condition(stream, sets[i].voice, sets[i].index, values + sets[i].first, sets[i].count),
        INVALID);
  }
  const float three = 3;
  CHECK_EQUAL(cadenza_stream_set_instrument_condition(stream, 0, 2, &three, 1), INVALID);
  CHECK_EQUAL(cadenza_stream_set_instrument_condition(stream, 0, 2, NULL, 1), INVALID);
  CHECK_EQUAL(cadenza_stream_set_instrument_condition(stream, 0, 2, &three, 0), INVALID);
  CHECK_EQUAL(cadenza_stream_set_instrument_condition(stream, 0, 2, &three, SIZE_MAX), INVALID);
  CHECK_EQUAL(cadenza_stream_set_condition(stream, 1, values, 1), INVALID); /* pitch */
  CHECK_EQUAL(cadenza_stream_set_condition(stream, 2, &three, 1), INVALID);

  /* It plays notes: audio is no part of its past. */
  double nats = 5;
  CHECK_EQUAL(cadenza_stream_prime(stream, silence, 64), CADENZA_ERROR_UNSUPPORTED);
  CHECK_EQUAL(cadenza_stream_prime(stream, NULL, 0), CADENZA_ERROR_UNSUPPORTED);
  CHECK_EQUAL(cadenza_stream_score(stream, silence, 64, &nats), CADENZA_ERROR_UNSUPPORTED);
  CHECK(nats == 0);
  cadenza_error error;
  CHECK_EQUAL(cadenza_stream_set_instrument(stream, lstm, NULL, &error), CADENZA_ERROR_UNSUPPORTED);
  check_sentence(&error, CADENZA_ERROR_UNSUPPORTED);

  /* States of other kinds of streams. */
  cadenza_stream *others[2] = {plain, fewer};
  for (int i = 0; i < 2; i++) {
    size_t size = sizeof scratch;
    CHECK(cadenza_stream_save_state(others[i], scratch, &size) == CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_check_state(stream, scratch, size, &error), CADENZA_ERROR_FORMAT);
    CHECK(strstr(error.message, "voices") != NULL);
    CHECK_EQUAL(cadenza_stream_load_state(stream, scratch, size), CADENZA_ERROR_FORMAT);
    size = sizeof scratch;
    CHECK(cadenza_stream_save_state(stream, scratch, &size) == CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_load_state(others[i], scratch, size), CADENZA_ERROR_FORMAT);
  }

  note("after all of it");
  same_state(stream, twin);
  CHECK(same_sound(stream, twin, 2000));

  /* 256 may wait, and no more. */
  for (int i = 0; i < 256; i++) CHECK(cadenza_stream_note_on(stream, 100, 0, (uint32_t)i % 128, 1) == CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_note_on(stream, 100, 0, 60, 1), CADENZA_ERROR_STATE);
  CHECK_EQUAL(cadenza_stream_note_off(stream, 101, 0, 60), CADENZA_ERROR_STATE);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_stream_destroy(plain);
  cadenza_stream_destroy(fewer);
  cadenza_model_release(model);
  cadenza_model_release(lstm);
}

/* A voice's network overflows: the whole stream is silent until a reset, and well again until the next note. */
static void numeric_error_of_a_voice(void) {
  cadenza_model *model = load_tiny(TINY_OVERFLOW);
  cadenza_stream *stream = create_instrument(model, 5, 0, 2);
  for (int round = 0; round < 3; round++) {
    float block[64];
    CHECK_EQUAL(cadenza_generate_block(stream, block, 64), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_note_on(stream, 20, 0, 60, 1), CADENZA_OK);
    for (int i = 0; i < 64; i++) block[i] = 7;
    CHECK_EQUAL(cadenza_generate_block(stream, block, 64), CADENZA_ERROR_NUMERIC);
    for (int i = 0; i < 64; i++) CHECK(block[i] == 0);
    CHECK_EQUAL(cadenza_stream_note_on(stream, 20, 0, 60, 1), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(stream, block, 64), CADENZA_ERROR_NUMERIC);
    CHECK_EQUAL(cadenza_stream_note_on(stream, 0, 0, 60, 1), CADENZA_OK); /* the one before is gone */
    CHECK_EQUAL(statistics_of(stream).numeric_errors, 1);
    CHECK(cadenza_stream_reset(stream, 7) == CADENZA_OK);
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* A network that overflows: silence and NUMERIC from the first block to the next reset, whatever is called in between. */
static void numeric_error_is_silence_until_reset(void) {
  cadenza_model *model = load_tiny(TINY_OVERFLOW);
  cadenza_stream *stream = create(model, 5);
  for (int round = 0; round < 3; round++) {
    for (int block_number = 0; block_number < 3; block_number++) {
      float block[65];
      for (int i = 0; i < 65; i++) block[i] = 7;
      CHECK_EQUAL(cadenza_generate_block(stream, block, 64), CADENZA_ERROR_NUMERIC);
      for (int i = 0; i < 64; i++) CHECK(block[i] == 0);
      CHECK(block[64] == 7);
    }
    CHECK_EQUAL(statistics_of(stream).numeric_errors, 1);
    double nats = 5;
    CHECK_EQUAL(cadenza_stream_prime(stream, silence, 64), CADENZA_ERROR_STATE);
    CHECK_EQUAL(cadenza_stream_score(stream, silence, 64, &nats), CADENZA_ERROR_STATE);
    CHECK(nats == 0);
    CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, 2) == CADENZA_OK);
    CHECK(cadenza_stream_reset(stream, 7) == CADENZA_OK);
    CHECK_EQUAL(statistics_of(stream).numeric_errors, 0);
    CHECK_EQUAL(statistics_of(stream).frames, 0);
  }
  double nats = 5;
  CHECK_EQUAL(cadenza_stream_score(stream, silence, 64, &nats), CADENZA_ERROR_NUMERIC);
  CHECK(nats == 0);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void score_needs_a_softmax(void) {
  cadenza_model *model = load_tiny(TINY_WAVEFORM);
  cadenza_stream *stream = create(model, 5), *twin = create(model, 5);
  double nats = 5;
  CHECK_EQUAL(cadenza_stream_score(stream, silence, 64, &nats), CADENZA_ERROR_UNSUPPORTED);
  CHECK(nats == 0);
  CHECK(same_sound(stream, twin, 100));
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

/* A composer of numbers has no likelihood, and says so before it looks at the piece. */
static void score_events_needs_a_softmax(void) {
  cadenza_model *model = load_tiny(TINY_MATRIX);
  cadenza_stream *stream = create_composer(model, 5, 16000, 0), *twin = create_composer(model, 5, 16000, 0);
  const cadenza_event event = {0, CADENZA_EVENT_NOTE_ON, 0, 60, 1, 0};
  double nats = 5;
  uint64_t choices = 5;
  CHECK_EQUAL(cadenza_stream_score_events(stream, &event, 1, 100, &nats, &choices), CADENZA_ERROR_UNSUPPORTED);
  CHECK(nats == 0 && choices == 0);
  same_state(stream, twin);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

/* Pieces at the edge of what may be: nothing, silence, events of every kind at one frame, the last frame included. */
static void odd_pieces_are_taken(void) {
  for (int number = 0; number < TINY_COMPOSERS - 1; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    cadenza_model *model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    cadenza_stream *stream = create_composer(model, 5, 16000, COMPOSER_VOICES);
    static cadenza_event piece[4000];
    static float block[2000];
    memset(piece, 0, sizeof piece);
    for (uint32_t i = 0; i < 4000; i++) {
      piece[i].frame = i < 3900 ? 500 : 16000;
      piece[i].kind = (cadenza_event_kind)(i * 7 % 3);
      piece[i].voice = i % 16;
      piece[i].pitch = i * 31 % 128;
      piece[i].velocity = (float)(i % 5) / 4;
    }
    CHECK_EQUAL(cadenza_stream_prime_events(stream, NULL, 0, 0), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime_events(stream, piece, 0, 0), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime_events(stream, NULL, 0, 16000), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime_events(stream, piece, 4000, 16000), CADENZA_OK);
    for (int round = 0; round < 10; round++) {
      cadenza_status status = cadenza_generate_block(stream, block, 2000);
      CHECK(status == CADENZA_OK || status == CADENZA_END);
    }
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

/* A piece ends: silence follows, and no more may be given until a reset. */
static void a_piece_that_has_ended(void) {
  cadenza_model *model = load_tiny(TINY_MELODY);
  cadenza_stream *stream = create_composer(model, 5, 16000, COMPOSER_VOICES);
  static float block[16000];
  for (int round = 0; round < 2; round++) {
    cadenza_status status = CADENZA_OK;
    uint32_t ends = 0;
    CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, 3) == CADENZA_OK);
    for (int second = 0; second < 600 && status == CADENZA_OK; second++) {
      cadenza_event events[64];
      size_t count;
      status = cadenza_generate_block(stream, block, 16000);
      CHECK(cadenza_stream_read_events(stream, events, 64, &count) == CADENZA_OK);
      for (size_t i = 0; i < count; i++) {
        CHECK(ends == 0); /* nothing comes after it */
        if (events[i].kind != CADENZA_EVENT_END) continue;
        ends++;
        CHECK(events[i].pitch == 0 && events[i].voice == 0 && events[i].velocity == 0);
      }
    }
    CHECK_EQUAL(status, CADENZA_END);
    CHECK_EQUAL(ends, 1);
    double nats = 5;
    CHECK_EQUAL(cadenza_stream_prime_events(stream, NULL, 0, 16000), CADENZA_ERROR_STATE);
    CHECK_EQUAL(cadenza_stream_score_events(stream, NULL, 0, 16000, &nats, NULL), CADENZA_ERROR_STATE);
    CHECK(nats == 0);
    for (int second = 0; second < 2; second++) CHECK_EQUAL(cadenza_generate_block(stream, block, 16000), CADENZA_END);
    for (int i = 0; i < 16000; i++) CHECK(block[i] == 0);
    CHECK(cadenza_stream_reset(stream, 6) == CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime_events(stream, NULL, 0, 0), CADENZA_OK);
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* A composer's network overflows, or its instrument's: NUMERIC and silence until a reset. */
static void numeric_error_of_a_composer(void) {
  for (int fails_in_the_instrument = 0; fails_in_the_instrument < 2; fails_in_the_instrument++) {
    note("%s", fails_in_the_instrument ? "the instrument" : "the composer");
    cadenza_model *model = load_tiny(fails_in_the_instrument ? TINY_CHORDS : TINY_NO_COMPOSER);
    cadenza_stream *stream = create_composer(model, 5, 16000, COMPOSER_VOICES);
    if (fails_in_the_instrument) {
      cadenza_model *overflow = load_tiny(TINY_OVERFLOW);
      CHECK(cadenza_stream_set_instrument(stream, overflow, NULL, NULL) == CADENZA_OK);
      cadenza_model_release(overflow);
    }
    static float block[4000];
    for (int round = 0; round < 2; round++) {
      int failed = 0;
      for (int i = 0; i < 40; i++) {
        cadenza_status status = cadenza_generate_block(stream, block, 4000);
        CHECK(status == CADENZA_ERROR_NUMERIC || (status == CADENZA_OK && !failed));
        failed |= status == CADENZA_ERROR_NUMERIC;
        for (int frame = 0; frame < 4000; frame++) CHECK(block[frame] == 0);
      }
      CHECK(failed);
      CHECK_EQUAL(statistics_of(stream).numeric_errors, 1);
      if (!fails_in_the_instrument) {
        double nats = 5;
        CHECK_EQUAL(cadenza_stream_prime_events(stream, NULL, 0, 100), CADENZA_ERROR_STATE);
        CHECK_EQUAL(cadenza_stream_score_events(stream, NULL, 0, 100, &nats, NULL), CADENZA_ERROR_STATE);
        CHECK(nats == 0);
      }
      CHECK(cadenza_stream_reset(stream, 7) == CADENZA_OK);
      CHECK_EQUAL(statistics_of(stream).numeric_errors, 0);
    }
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

int main(void) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    current = &calls[i];
    RUN_NAMED(one_bad_call, current->name);
  }
  rate = 44100;
  input_rate = 48000;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    char name[128];
    current = &calls[i];
    /* These look for words about a stream at the model's own rate. */
    if (current->call == check_from_another_rate) continue;
    snprintf(name, sizeof name, "%s, at another rate", current->name);
    RUN_NAMED(one_bad_call, name);
  }
  rate = input_rate = 0;
  for (size_t i = 0; i < sizeof calls_on_no_composer / sizeof *calls_on_no_composer; i++) {
    current = &calls_on_no_composer[i];
    RUN_NAMED(one_bad_call, current->name);
  }
  static const uint32_t composer_rates[2] = {16000, 44100};
  for (int turn = 0; turn < 2; turn++) {
    rate = composer_rates[turn];
    for (size_t i = 0; i < sizeof calls_on_a_composer / sizeof *calls_on_a_composer; i++) {
      char name[128];
      current = &calls_on_a_composer[i];
      snprintf(name, sizeof name, "%s, on a composer at %u Hz", current->name, (unsigned)rate);
      RUN_NAMED(one_bad_call_on_a_composer, name);
    }
  }
  rate = 0;
  RUN(score_events_needs_a_softmax);
  RUN(odd_pieces_are_taken);
  RUN(a_piece_that_has_ended);
  RUN(numeric_error_of_a_composer);
  RUN(zero_frames_do_nothing);
  RUN(limits_are_allowed);
  RUN(rates_are_allowed);
  RUN(success_clears_the_error);
  RUN(numeric_error_is_silence_until_reset);
  RUN(score_needs_a_softmax);
  RUN(bad_notes_change_nothing);
  RUN(numeric_error_of_a_voice);
  return finish();
}
