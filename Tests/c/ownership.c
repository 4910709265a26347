/*
 * Who owns what. The caller's memory is put against the end of a page with a forbidden page behind it, and forbidden altogether
 * as soon as a call returns: a library that reads beyond its argument, or keeps it, dies here.
 */
#define _DEFAULT_SOURCE
#include "host.h"

#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
  unsigned char *bytes; /* `size` of them, the last one just before a page that may not be touched */
  unsigned char *pages;
  size_t mapped;
} guarded;

static guarded guard(const void *bytes, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  guarded g;
  size_t room = (size + page - 1) / page * page;
  g.mapped = room + page;
  g.pages = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(g.pages != MAP_FAILED);
  CHECK(mprotect(g.pages + room, page, PROT_NONE) == 0);
  g.bytes = g.pages + room - size;
  if (size > 0) memcpy(g.bytes, bytes, size);
  return g;
}

/* From here on nobody may look. */
static void forbid(guarded g) { CHECK(mprotect(g.pages, g.mapped, PROT_NONE) == 0); }

static void discard(guarded g) { munmap(g.pages, g.mapped); }

static void model_keeps_nothing_of_its_bytes(void) {
  for (int kind = 0; kind < TINY_KINDS; kind++) {
    note("%s", tiny_names[kind]);
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    for (int shift = 0; shift < 8; shift++) { /* unaligned, too */
      guarded box = guard(bytes, size + (size_t)shift);
      memmove(box.bytes + shift, bytes, size);
      cadenza_model *model = NULL;
      CHECK(cadenza_model_load_memory(box.bytes + shift, size, &model, NULL) == CADENZA_OK);
      forbid(box);
      cadenza_model_info info = model_info(model);
      CHECK(strlen(info.name) + strlen(info.description) + strlen(info.license) < 1000);
      for (uint32_t i = 0; i < info.condition_count; i++) {
        cadenza_condition_info condition = condition_info(model, i);
        CHECK(strlen(condition.name) > 0);
        for (uint32_t label = 0; label < condition.label_count; label++) CHECK(strlen(condition.labels[label]) > 0);
      }
      cadenza_stream *stream = create(model, 1);
      set_conditions(stream, model, 1);
      float block[500];
      CHECK(cadenza_generate_block(stream, block, 500) == (kind == TINY_OVERFLOW ? CADENZA_ERROR_NUMERIC : CADENZA_OK));
      cadenza_stream_destroy(stream);
      cadenza_model_release(model);
      discard(box);
    }
    free(bytes);
  }
}

static void model_keeps_nothing_of_its_path(void) {
  char path[] = "/tmp/cadenza-\xE9\xFF-XXXXXX"; /* a name that is not UTF-8: file systems do not ask */
  size_t size;
  unsigned char *bytes = tiny_model(TINY_GRU, &size);
  int file = mkstemp(path);
  CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size && close(file) == 0);
  guarded box = guard(path, sizeof path);
  cadenza_model *model = NULL;
  cadenza_error error;
  CHECK(cadenza_model_load((const char *)box.bytes, &model, &error) == CADENZA_OK);
  forbid(box);
  CHECK(truncate(path, 0) == 0 && unlink(path) == 0);
  cadenza_stream *stream = create(model, 1);
  float block[500];
  CHECK(cadenza_generate_block(stream, block, 500) == CADENZA_OK);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
  discard(box);
  free(bytes);
}

static void stream_keeps_nothing_of_its_options(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = 8;
  guarded box = guard(&options, sizeof options);
  cadenza_stream *stream = NULL, *twin = create(model, 8);
  CHECK(cadenza_stream_create(model, (const cadenza_stream_options *)box.bytes, &stream, NULL) == CADENZA_OK);
  forbid(box);
  CHECK(same_sound(stream, twin, 300));
  cadenza_stream_destroy(stream);
  discard(box);

  /* The first release's structure ends before the fields of this one: nobody looks for them there. */
  options.struct_size = 40;
  guarded old = guard(&options, 40);
  CHECK(cadenza_stream_create(model, (const cadenza_stream_options *)old.bytes, &stream, NULL) == CADENZA_OK);
  forbid(old);
  CHECK(cadenza_stream_reset(twin, 8) == CADENZA_OK);
  CHECK(same_sound(stream, twin, 300));
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
  discard(old);
}

static void stream_keeps_nothing_of_conditions(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream *stream = create(model, 8), *twin = create(model, 8);
  const float values[6] = {2, 1, 4, 0, 3, 1};
  static const struct {
    uint32_t index;
    size_t count;
  } sets[] = {{0, 1}, {1, 1}, {2, 2}, {3, 3}, {4, 6}};
  for (int i = 0; i < 5; i++) {
    guarded box = guard(values, sets[i].count * sizeof(float));
    CHECK(cadenza_stream_set_condition(stream, sets[i].index, (const float *)box.bytes, sets[i].count) == CADENZA_OK);
    forbid(box);
    CHECK(cadenza_stream_set_condition(twin, sets[i].index, values, sets[i].count) == CADENZA_OK);
    CHECK(same_sound(stream, twin, 40));
    discard(box);
  }
  CHECK(same_sound(stream, twin, 1000));
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

static void stream_keeps_nothing_of_instrument_conditions_and_options(void) {
  cadenza_model *model = load_tiny(TINY_FLUTE);
  cadenza_stream *stream = create_instrument(model, 8, 44100, 2), *twin = create_instrument(model, 8, 44100, 2);
  const float values[2] = {0.7f, -0.2f};
  guarded box = guard(values, sizeof values);
  CHECK(cadenza_stream_set_instrument_condition(stream, CADENZA_ALL_VOICES, 0, (const float *)box.bytes, 2) == CADENZA_OK);
  forbid(box);
  CHECK(cadenza_stream_set_instrument_condition(twin, CADENZA_ALL_VOICES, 0, values, 2) == CADENZA_OK);
  cadenza_instrument_options options;
  cadenza_instrument_options_init(&options, model);
  guarded options_box = guard(&options, sizeof options);
  /* It composes nothing, and says so, having read no further than the options' end. */
  CHECK(cadenza_stream_set_instrument(stream, model, (const cadenza_instrument_options *)options_box.bytes, NULL) ==
        CADENZA_ERROR_UNSUPPORTED);
  forbid(options_box);
  ask_for_notes(stream, 0, 300);
  ask_for_notes(twin, 0, 300);
  CHECK(same_sound(stream, twin, 1000));
  discard(box);
  discard(options_box);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

static void keeps_nothing_of_audio(uint32_t rate, uint32_t input_rate) {
  note("%u Hz, from audio at %u Hz", (unsigned)rate, (unsigned)input_rate);
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *stream = create_at(model, 8, rate, input_rate), *twin = create_at(model, 8, rate, input_rate);
  float samples[333];
  for (int i = 0; i < 333; i++) samples[i] = (float)(i % 50) / 50 - 0.5f;
  guarded box = guard(samples, sizeof samples);
  double nats = 0, twin_nats = 0;
  CHECK(cadenza_stream_prime(stream, (const float *)box.bytes, 333) == CADENZA_OK);
  CHECK(cadenza_stream_score(stream, (const float *)box.bytes, 333, &nats) == CADENZA_OK);
  CHECK(mprotect(box.pages, box.mapped - 4096, PROT_READ | PROT_WRITE) == 0);
  CHECK(cadenza_generate_block(stream, (float *)box.bytes, 333) == CADENZA_OK); /* up to the last byte, not beyond */
  CHECK(cadenza_stream_prime(twin, samples, 333) == CADENZA_OK);
  CHECK(cadenza_stream_score(twin, samples, 333, &twin_nats) == CADENZA_OK);
  CHECK(nats == twin_nats && nats > 0);
  CHECK(cadenza_generate_block(twin, samples, 333) == CADENZA_OK);
  CHECK(memcmp(samples, box.bytes, sizeof samples) == 0);
  forbid(box);
  CHECK(same_sound(stream, twin, 300));
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
  discard(box);
}

static void stream_keeps_nothing_of_audio_and_writes_no_further(void) {
  keeps_nothing_of_audio(0, 0);
  keeps_nothing_of_audio(44100, 0);
  keeps_nothing_of_audio(0, 44100);
  keeps_nothing_of_audio(8000, 16001);
}

/* Where sample rates are converted, for every second kind of model: to and from these. */
static uint32_t rate_of(int kind) { return kind % 2 ? 44100 : 0; }
static uint32_t input_rate_of(int kind) { return kind % 2 ? 22050 : 0; }

/* The streams whose states are saved: each tiny model's, then a player of notes for those that can play them. */
#define STATE_SUBJECTS (TINY_OVERFLOW + TINY_INSTRUMENTS - 1)

static cadenza_model *state_subject(int number) {
  tiny_kind kind = number < TINY_OVERFLOW ? (tiny_kind)number : tiny_instruments[number - TINY_OVERFLOW];
  note("%s, %d", tiny_names[kind], number);
  return load_tiny(kind);
}

static cadenza_stream *state_stream(cadenza_model *model, int number, uint64_t seed) {
  cadenza_stream *stream;
  if (number < TINY_OVERFLOW) {
    stream = create_at(model, seed, rate_of(number), input_rate_of(number));
    set_conditions(stream, model, 2);
  } else {
    stream = create_instrument(model, seed, rate_of(number), 2);
    ask_for_notes(stream, 0, 400);
  }
  return stream;
}

static void stream_keeps_nothing_of_states(void) {
  for (int kind = 0; kind < STATE_SUBJECTS; kind++) {
    cadenza_model *model = state_subject(kind);
    cadenza_stream *stream = state_stream(model, kind, 8);
    cadenza_stream *other = state_stream(model, kind, 9);
    float block[77];
    CHECK(cadenza_generate_block(stream, block, 77) == CADENZA_OK);
    size_t size = 0;
    CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
    unsigned char *zeros = calloc(1, size);
    guarded box = guard(zeros, size);
    size_t written = size;
    CHECK(cadenza_stream_save_state(stream, box.bytes, &written) == CADENZA_OK && written == size);
    CHECK(cadenza_stream_check_state(other, box.bytes, size, NULL) == CADENZA_OK);
    CHECK(cadenza_stream_load_state(other, box.bytes, size) == CADENZA_OK);
    forbid(box);
    CHECK(same_sound(stream, other, 300));
    discard(box);
    free(zeros);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

/* Every beginning of a model file, up to the whole: refused with a sentence, never read beyond. */
static void truncated_models_are_refused(void) {
  for (int kind = 0; kind < TINY_KINDS; kind++) {
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    size_t step = 1;
    for (size_t length = 0; length < size; length += step) {
      note("%s, %zu of %zu bytes", tiny_names[kind], length, size);
      guarded box = guard(bytes, length);
      cadenza_model *model = (cadenza_model *)bytes;
      cadenza_error error;
      CHECK_EQUAL(cadenza_model_load_memory(box.bytes, length, &model, &error), CADENZA_ERROR_FORMAT);
      CHECK(model == NULL && strlen(error.message) > 10);
      discard(box);
      step = length < 3000 ? 7 : 997;
      if (length + step >= size && length + 1 < size) step = size - 1 - length;
    }
    free(bytes);
  }
}

/* Every beginning of a saved state, and every byte of it inverted: refused, or taken and harmless. */
static void damaged_states_are_harmless(void) {
  for (int kind = 0; kind < STATE_SUBJECTS; kind++) {
    cadenza_model *model = state_subject(kind);
    cadenza_stream *stream = state_stream(model, kind, 8);
    cadenza_stream *twin = state_stream(model, kind, 8);
    CHECK(same_sound(stream, twin, 50));
    size_t size = 0;
    CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
    unsigned char *state = malloc(size);
    CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
    size_t step = size / 500 + 1;
    for (size_t length = 0; length < size; length += length < 600 ? 1 : step) {
      note("stream %d, %zu of %zu bytes", kind, length, size);
      guarded box = guard(state, length);
      CHECK_EQUAL(cadenza_stream_load_state(stream, box.bytes, length), CADENZA_ERROR_FORMAT);
      CHECK_EQUAL(cadenza_stream_check_state(stream, box.bytes, length, NULL), CADENZA_ERROR_FORMAT);
      discard(box);
    }
    CHECK(same_sound(stream, twin, 50)); /* unchanged by all of those */
    for (size_t at = 0; at < size; at += at < 600 ? 1 : step) {
      note("stream %d, byte %zu of %zu inverted", kind, at, size);
      state[at] ^= 0xFF;
      cadenza_status status = cadenza_stream_load_state(stream, state, size);
      CHECK(status == CADENZA_OK || status == CADENZA_ERROR_FORMAT);
      if (status == CADENZA_ERROR_FORMAT) {
        CHECK(same_sound(stream, twin, 3));
      } else {
        float block[20];
        status = cadenza_generate_block(stream, block, 20);
        CHECK(status == CADENZA_OK || status == CADENZA_ERROR_NUMERIC);
        size_t twin_size = size;
        unsigned char *twin_state = malloc(size);
        CHECK(cadenza_stream_save_state(twin, twin_state, &twin_size) == CADENZA_OK);
        CHECK(cadenza_stream_load_state(stream, twin_state, twin_size) == CADENZA_OK);
        free(twin_state);
      }
      state[at] ^= 0xFF;
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(twin);
    cadenza_model_release(model);
  }
}

/* A stream outlives its creator's reference to the model, and references are counted one by one. */
static void model_lives_until_the_last_reference(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_model *reference = load_tiny(TINY_WAVENET);
  cadenza_stream *twin = create(reference, 4);
  CHECK(cadenza_model_retain(model) == model);
  CHECK(cadenza_model_retain(model) == model);
  cadenza_model_release(model);
  cadenza_model_release(model);
  cadenza_stream *first = create(model, 4), *second = create(model, 4);
  cadenza_model_release(model); /* the caller's last one */
  CHECK(same_sound(first, twin, 200));
  cadenza_stream_destroy(first);
  CHECK(cadenza_stream_reset(twin, 4) == CADENZA_OK);
  CHECK(same_sound(second, twin, 200));
  cadenza_stream_destroy(second);
  cadenza_stream_destroy(twin);
  cadenza_model_release(reference);
}

int main(void) {
  RUN(model_keeps_nothing_of_its_bytes);
  RUN(model_keeps_nothing_of_its_path);
  RUN(stream_keeps_nothing_of_its_options);
  RUN(stream_keeps_nothing_of_conditions);
  RUN(stream_keeps_nothing_of_instrument_conditions_and_options);
  RUN(stream_keeps_nothing_of_audio_and_writes_no_further);
  RUN(stream_keeps_nothing_of_states);
  RUN(truncated_models_are_refused);
  RUN(damaged_states_are_harmless);
  RUN(model_lives_until_the_last_reference);
  return finish();
}
