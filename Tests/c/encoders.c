/*
 * Encoders as a C host meets them: recordings and melodies into slots and into numbers, what is refused and with which sentence,
 * whose memory is whose, several threads on one model, saved states. Arguments: a WaveNet autoencoder, a composer with an encoder, a
 * model without one (files of Tests/Fixtures/parity).
 */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "host.h"

#define FRAMES 4000
#define INVALID CADENZA_ERROR_INVALID_ARGUMENT
#define UNSUPPORTED CADENZA_ERROR_UNSUPPORTED

static const char *sound_path, *melody_path, *plain_path;
static float first[FRAMES], second[FRAMES];
static cadenza_event melody[6];
static const uint64_t melody_frames = 72000;

static void make_input(void) {
  uint64_t random = 1;
  for (int i = 0; i < FRAMES; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    first[i] = (float)(random >> 40) / (float)(1 << 23) - 1;
    second[i] = sinf((float)i * 0.1f);
  }
  for (int i = 0; i < 6; i++) {
    melody[i].frame = (uint64_t)i * 12000;
    melody[i].kind = i % 2 ? CADENZA_EVENT_NOTE_OFF : CADENZA_EVENT_NOTE_ON;
    melody[i].pitch = 60 + (uint32_t)(i / 2) * 4;
    melody[i].velocity = i % 2 ? 0 : 0.7f;
  }
}

static float *encoded(const cadenza_model *model, const float *samples, size_t frames, size_t *count) {
  CHECK_EQUAL(cadenza_model_encode(model, samples, frames, NULL, 0, count, NULL), CADENZA_OK);
  CHECK(*count > 0);
  float *latent = calloc(*count + 1, sizeof *latent);
  latent[*count] = 7;
  size_t again = 0;
  CHECK_EQUAL(cadenza_model_encode(model, samples, frames, latent, *count, &again, NULL), CADENZA_OK);
  CHECK(again == *count && latent[*count] == 7);
  return latent;
}

static void numbers_are_those_of_the_slots(void) {
  cadenza_model *model = load_file(sound_path);
  size_t count;
  float *latent = encoded(model, first, FRAMES, &count);
  cadenza_stream *one = create(model, 3), *other = create(model, 3), *silent = create(model, 3);
  CHECK_EQUAL(cadenza_stream_encode(one, 0, first, FRAMES, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_encoded(other, 0, latent, count, NULL), CADENZA_OK);
  /* The caller's memory is the caller's: nothing reads it later. */
  memset(latent, 0xFF, count * sizeof *latent);
  free(latent);
  CHECK(same_sound(one, other, 5000));
  CHECK(!same_sound(one, silent, 500));
  /* An emptied slot is silence. */
  CHECK_EQUAL(cadenza_stream_set_encoded(one, 0, NULL, 0, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_reset(one, 4), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_reset(silent, 4), CADENZA_OK);
  float waste[4096];
  CHECK_EQUAL(cadenza_generate_block(one, waste, 4096), CADENZA_OK);
  CHECK_EQUAL(cadenza_generate_block(silent, waste, 4096), CADENZA_OK);
  CHECK(same_sound(one, silent, 1000));
  cadenza_stream_destroy(one);
  cadenza_stream_destroy(other);
  cadenza_stream_destroy(silent);
  cadenza_model_release(model);
}

static void the_mix_goes_from_slot_to_slot(void) {
  cadenza_model *model = load_file(sound_path);
  cadenza_stream *mixed = create(model, 3), *plain = create(model, 3);
  float value = -1;
  CHECK_EQUAL(cadenza_stream_get_parameter(mixed, CADENZA_PARAMETER_MIX, &value), CADENZA_OK);
  CHECK(value == 0);
  CHECK_EQUAL(cadenza_stream_encode(mixed, 0, first, FRAMES, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_encode(mixed, 1, second, FRAMES, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_parameter(mixed, CADENZA_PARAMETER_MIX, 1), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_encode(plain, 0, second, FRAMES, NULL), CADENZA_OK);
  CHECK(same_sound(mixed, plain, 3000));
  CHECK_EQUAL(cadenza_stream_set_parameter(mixed, CADENZA_PARAMETER_MIX, 0.5f), CADENZA_OK);
  CHECK(!same_sound(mixed, plain, 500));
  for (int i = 0; i < 3; i++) {
    const float wrong[3] = {-0.01f, 1.01f, NAN};
    CHECK_EQUAL(cadenza_stream_set_parameter(mixed, CADENZA_PARAMETER_MIX, wrong[i]), INVALID);
  }
  CHECK_EQUAL(cadenza_stream_get_parameter(mixed, CADENZA_PARAMETER_MIX, &value), CADENZA_OK);
  CHECK(value == 0.5f);
  cadenza_stream_destroy(mixed);
  cadenza_stream_destroy(plain);
  cadenza_model_release(model);
}

static void states_hold_what_is_encoded(void) {
  cadenza_model *model = load_file(sound_path);
  cadenza_stream *stream = create(model, 3), *other = create(model, 9);
  size_t empty = 0, size = 0;
  CHECK_EQUAL(cadenza_stream_save_state(stream, NULL, &empty), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_encode(stream, 1, first, FRAMES, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_MIX, 0.75f), CADENZA_OK);
  float waste[700];
  CHECK_EQUAL(cadenza_generate_block(stream, waste, 700), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_save_state(stream, NULL, &size), CADENZA_OK);
  CHECK(size > empty);
  unsigned char *state = malloc(size);
  CHECK_EQUAL(cadenza_stream_save_state(stream, state, &size), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_load_state(other, state, size), CADENZA_OK);
  CHECK(same_sound(stream, other, 3000));
  CHECK_EQUAL(cadenza_stream_load_state(other, state, size - 1), CADENZA_ERROR_FORMAT);
  free(state);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(other);
  cadenza_model_release(model);
}

static void melodies_are_encoded(void) {
  cadenza_model *model = load_file(melody_path);
  cadenza_stream *stream = create(model, 3), *other = create(model, 3);
  float latent[64];
  size_t count = 0;
  CHECK_EQUAL(cadenza_model_encode_events(model, melody, 6, melody_frames, NULL, 0, &count, NULL), CADENZA_OK);
  CHECK(count > 0 && count <= 64);
  CHECK_EQUAL(cadenza_model_encode_events(model, melody, 6, melody_frames, latent, 64, &count, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_encode_events(stream, 0, melody, 6, melody_frames, NULL), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_condition(other, 0, latent, count), CADENZA_OK);
  cadenza_event left[64], right[64];
  float waste[4800];
  for (int block = 0; block < 20; block++) {
    size_t left_count = 0, right_count = 0;
    CHECK_EQUAL(cadenza_generate_block(stream, waste, 4800), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_read_events(stream, left, 64, &left_count), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(other, waste, 4800), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_read_events(other, right, 64, &right_count), CADENZA_OK);
    CHECK(left_count == right_count && memcmp(left, right, left_count * sizeof *left) == 0);
  }
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(other);
  cadenza_model_release(model);
}

/* ---- What is refused ------------------------------------------------------------------------------------------------------ */

static cadenza_model *sound, *composer, *plain;
static cadenza_stream *stream, *melodies, *without;

static void refused(int line, cadenza_status status, cadenza_status expected, const cadenza_error *error, const char *part) {
  note("line %d: %s", line, error->message);
  CHECK_EQUAL(status, expected);
  CHECK_EQUAL(error->status, expected);
  CHECK(strstr(error->message, part) != NULL);
}

#define REFUSED(call, expected, part)                                                                                          \
  do {                                                                                                                         \
    cadenza_error error;                                                                                                       \
    memset(&error, 0xA5, sizeof error);                                                                                        \
    cadenza_status status = call;                                                                                              \
    refused(__LINE__, status, expected, &error, part);                                                                         \
  } while (0)

static void bad_arguments_get_sentences(void) {
  sound = load_file(sound_path);
  composer = load_file(melody_path);
  plain = load_file(plain_path);
  stream = create(sound, 1);
  melodies = create(composer, 1);
  without = create(plain, 1);
  float quiet[64] = {0}, broken[64] = {1}, latent[6] = {0};
  size_t count = 5;
  broken[40] = NAN;
  quiet[3] = 9e-5f;
  REFUSED(cadenza_stream_encode(NULL, 0, first, FRAMES, &error), INVALID, "stream is NULL");
  REFUSED(cadenza_stream_encode(stream, 2, first, FRAMES, &error), INVALID, "slot is 2");
  REFUSED(cadenza_stream_encode(stream, UINT32_MAX, first, FRAMES, &error), INVALID, "slot is");
  REFUSED(cadenza_stream_encode(stream, 0, NULL, FRAMES, &error), INVALID, "samples is NULL");
  REFUSED(cadenza_stream_encode(stream, 0, first, SIZE_MAX, &error), INVALID, "frames is more than");
  REFUSED(cadenza_stream_encode(stream, 0, first, (size_t)1 << 40, &error), INVALID, "frames is more than");
  REFUSED(cadenza_stream_encode(stream, 0, first, 15, &error), INVALID, "has 15 frames, the encoder needs 16");
  REFUSED(cadenza_stream_encode(stream, 0, NULL, 0, &error), INVALID, "has 0 frames, the encoder needs 16");
  REFUSED(cadenza_stream_encode(stream, 0, quiet, 64, &error), INVALID, "silent");
  REFUSED(cadenza_stream_encode(stream, 0, broken, 64, &error), INVALID, "not finite");
  REFUSED(cadenza_stream_encode(melodies, 0, first, FRAMES, &error), UNSUPPORTED, "takes melodies");
  REFUSED(cadenza_stream_encode(without, 0, first, FRAMES, &error), UNSUPPORTED, "no encoder");
  REFUSED(cadenza_stream_encode_events(stream, 0, melody, 6, melody_frames, &error), UNSUPPORTED, "takes recordings");
  REFUSED(cadenza_stream_encode_events(melodies, 0, NULL, 6, melody_frames, &error), INVALID, "events is NULL");
  REFUSED(cadenza_stream_encode_events(melodies, 0, NULL, 0, melody_frames, &error), INVALID, "no notes");
  REFUSED(cadenza_stream_encode_events(melodies, 0, melody, 6, 10, &error), INVALID, "event 1 cannot be");
  REFUSED(cadenza_stream_encode_events(melodies, 9, melody, 6, melody_frames, &error), INVALID, "slot is 9");
  REFUSED(cadenza_stream_encode_events(NULL, 0, melody, 6, melody_frames, &error), INVALID, "stream is NULL");
  REFUSED(cadenza_stream_encode_events(melodies, 0, melody, SIZE_MAX, melody_frames, &error), INVALID, "count is more than");
  REFUSED(cadenza_stream_encode_events(melodies, 0, melody, 6, UINT64_MAX, &error), INVALID, "more than there can be");
  REFUSED(cadenza_stream_set_encoded(stream, 0, latent, 5, &error), INVALID, "5 numbers, expected 6 a row");
  REFUSED(cadenza_stream_set_encoded(stream, 0, NULL, 6, &error), INVALID, "latent is NULL");
  REFUSED(cadenza_stream_set_encoded(stream, 0, latent, SIZE_MAX, &error), INVALID, "count is more than");
  REFUSED(cadenza_stream_set_encoded(without, 0, latent, 6, &error), UNSUPPORTED, "no encoder");
  latent[2] = INFINITY;
  REFUSED(cadenza_stream_set_encoded(stream, 0, latent, 6, &error), INVALID, "not finite");
  REFUSED(cadenza_model_encode(NULL, first, FRAMES, latent, 6, &count, &error), INVALID, "model is NULL");
  REFUSED(cadenza_model_encode(sound, first, FRAMES, latent, 6, NULL, &error), INVALID, "count is NULL");
  REFUSED(cadenza_model_encode(sound, first, FRAMES, NULL, 6, &count, &error), INVALID, "latent is NULL");
  REFUSED(cadenza_model_encode(sound, first, 32, latent, 6, &count, &error), INVALID, "room for 6 numbers, expected 12");
  CHECK(count == 12);
  REFUSED(cadenza_model_encode(sound, quiet, 64, latent, 64, &count, &error), INVALID, "silent");
  CHECK(count == 0 && latent[2] == INFINITY);
  REFUSED(cadenza_model_encode(plain, first, FRAMES, latent, 6, &count, &error), UNSUPPORTED, "no encoder");
  REFUSED(cadenza_model_encode_events(sound, melody, 6, melody_frames, latent, 6, &count, &error), UNSUPPORTED, "recordings");
  /* An embedding is not the host's to set, and no model without an encoder has a mix. */
  float zeros[6] = {0}, value = 0;
  CHECK_EQUAL(cadenza_stream_set_condition(stream, 0, zeros, 6), UNSUPPORTED);
  CHECK_EQUAL(cadenza_stream_set_parameter(without, CADENZA_PARAMETER_MIX, 0.5f), UNSUPPORTED);
  CHECK_EQUAL(cadenza_stream_get_parameter(without, CADENZA_PARAMETER_MIX, &value), UNSUPPORTED);
  /* None of it changed anything. */
  cadenza_stream *fresh = create(sound, 1);
  CHECK(same_sound(stream, fresh, 1000));
  cadenza_stream_destroy(fresh);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(melodies);
  cadenza_stream_destroy(without);
  cadenza_model_release(sound);
  cadenza_model_release(composer);
  cadenza_model_release(plain);
}

/* ---- Threads -------------------------------------------------------------------------------------------------------------- */

typedef struct encoding {
  const cadenza_model *model;
  float *latent;
  size_t count;
  cadenza_status status;
} encoding;

static void *encode_often(void *context) {
  encoding *e = context;
  for (int turn = 0; turn < 5 && e->status == CADENZA_OK; turn++) {
    e->status = cadenza_model_encode(e->model, first, FRAMES, e->latent, e->count, &e->count, NULL);
  }
  return NULL;
}

static void a_model_encodes_on_many_threads(void) {
  cadenza_model *model = load_file(sound_path);
  size_t count;
  float *expected = encoded(model, first, FRAMES, &count);
  encoding encodings[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    encodings[i] = (encoding){model, calloc(count, sizeof(float)), count, CADENZA_OK};
    CHECK_EQUAL(pthread_create(threads + i, NULL, encode_often, encodings + i), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    CHECK_EQUAL(encodings[i].status, CADENZA_OK);
    CHECK(encodings[i].count == count && memcmp(encodings[i].latent, expected, count * sizeof(float)) == 0);
    free(encodings[i].latent);
  }
  free(expected);
  cadenza_model_release(model);
}

int main(int argument_count, char **arguments) {
  if (argument_count != 4) return 2;
  sound_path = arguments[1];
  melody_path = arguments[2];
  plain_path = arguments[3];
  host_smoothing = 0;
  make_input();
  RUN(numbers_are_those_of_the_slots);
  RUN(the_mix_goes_from_slot_to_slot);
  RUN(states_hold_what_is_encoded);
  RUN(melodies_are_encoded);
  RUN(bad_arguments_get_sentences);
  RUN(a_model_encodes_on_many_threads);
  return finish();
}
