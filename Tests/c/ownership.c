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
  for (int kind = 0; kind < TINY_ALL; kind++) {
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
      int overflows = kind == TINY_OVERFLOW || kind == TINY_NO_COMPOSER;
      CHECK(cadenza_generate_block(stream, block, 500) == (overflows ? CADENZA_ERROR_NUMERIC : CADENZA_OK));
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

/* The streams whose states are saved: each tiny model's, then a player of notes for those that can play them, then the composers,
   half of them with an instrument. */
#define FIRST_STATE_COMPOSER (TINY_OVERFLOW + TINY_INSTRUMENTS - 1)
#define STATE_SUBJECTS (FIRST_STATE_COMPOSER + TINY_COMPOSERS - 1)

static cadenza_model *state_subject(int number) {
  tiny_kind kind = number < TINY_OVERFLOW          ? (tiny_kind)number
                   : number < FIRST_STATE_COMPOSER ? tiny_instruments[number - TINY_OVERFLOW]
                                                   : (tiny_kind)(TINY_FIRST_COMPOSER + number - FIRST_STATE_COMPOSER);
  note("%s, %d", tiny_names[kind], number);
  return load_tiny(kind);
}

static cadenza_stream *state_stream(cadenza_model *model, int number, uint64_t seed) {
  cadenza_stream *stream;
  if (number < TINY_OVERFLOW) {
    stream = create_at(model, seed, rate_of(number), input_rate_of(number));
    set_conditions(stream, model, 2);
  } else if (number >= FIRST_STATE_COMPOSER) {
    stream = create_composer(model, seed, number % 2 ? 22050 : 16000, number % 2 ? 0 : 2);
    set_conditions(stream, model, 2);
    CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPO, 1000) == CADENZA_OK);
    CHECK(cadenza_stream_prime_events(stream, NULL, 0, 1000) == CADENZA_OK);
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
  for (int kind = 0; kind < TINY_ALL; kind++) {
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
        CHECK(status == CADENZA_OK || status == CADENZA_ERROR_NUMERIC ||
              (kind >= FIRST_STATE_COMPOSER && status == CADENZA_END));
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

/* ---- Composers --------------------------------------------------------------------------------------------------------------- */

static void composer_keeps_nothing_of_its_pieces(void) {
  for (int number = 0; number < TINY_COMPOSERS - 1; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    cadenza_model *model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    cadenza_stream *stream = create_composer(model, 8, 16000, 2), *twin = create_composer(model, 8, 16000, 2);
    cadenza_event piece[7];
    memset(piece, 0, sizeof piece);
    for (uint32_t i = 0; i < 7; i++) {
      piece[i].frame = i * 2000;
      piece[i].kind = i % 2 ? CADENZA_EVENT_NOTE_OFF : CADENZA_EVENT_NOTE_ON;
      piece[i].pitch = 60 + i / 2 * 2;
      piece[i].velocity = i % 2 ? 0 : 0.9f;
    }
    guarded box = guard(piece, sizeof piece);
    double nats = 0, twin_nats = 0;
    uint64_t choices = 0, twin_choices = 0;
    CHECK(cadenza_stream_prime_events(stream, (const cadenza_event *)box.bytes, 7, 15000) == CADENZA_OK);
    cadenza_status status = cadenza_stream_score_events(stream, (const cadenza_event *)box.bytes, 7, 15000, &nats, &choices);
    forbid(box);
    CHECK_EQUAL(status, model_info(model).vocabulary_size > 0 ? CADENZA_OK : CADENZA_ERROR_UNSUPPORTED);
    CHECK(cadenza_stream_prime_events(twin, piece, 7, 15000) == CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_score_events(twin, piece, 7, 15000, &twin_nats, &twin_choices), status);
    CHECK(nats == twin_nats && choices == twin_choices && (nats > 0) == (status == CADENZA_OK));
    CHECK(same_sound(stream, twin, 20000));

    /* Events are read up to the last byte of the room, and not beyond; they are the caller's from then on. */
    cadenza_event all[64], zeros[3];
    size_t all_count = 0, few_count = 0, rest_count = 0;
    memset(zeros, 0, sizeof zeros);
    guarded room = guard(zeros, sizeof zeros);
    CHECK(cadenza_stream_read_events(twin, all, 64, &all_count) == CADENZA_OK);
    CHECK(all_count > 3);
    CHECK(cadenza_stream_read_events(stream, (cadenza_event *)room.bytes, 3, &few_count) == CADENZA_OK && few_count == 3);
    CHECK(memcmp(all, room.bytes, sizeof zeros) == 0);
    forbid(room);
    /* The others find room in the next call, in any room that is said to be huge. */
    cadenza_event rest[64];
    CHECK(cadenza_stream_read_events(stream, rest, all_count == 64 ? 61 : SIZE_MAX, &rest_count) == CADENZA_OK);
    CHECK_EQUAL(rest_count, all_count - 3);
    CHECK(memcmp(all + 3, rest, (all_count - 3) * sizeof *rest) == 0);
    CHECK(same_sound(stream, twin, 5000));
    discard(room);
    discard(box);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(twin);
    cadenza_model_release(model);
  }
}

/* The stream holds its composer and its instrument; the caller lets go of both while it plays. */
static void instrument_lives_as_long_as_it_plays(void) {
  cadenza_model *chorale = load_tiny(TINY_CHORALE), *flute = load_tiny(TINY_FLUTE), *lstm = load_tiny(TINY_LSTM);
  cadenza_instrument_options options;
  cadenza_instrument_options_init(&options, flute);
  options.voices = 5;
  guarded box = guard(&options, sizeof options);
  cadenza_stream *stream = create_at(chorale, 4, 44100, 0), *twin = create_at(chorale, 4, 44100, 0);
  uint32_t silent_latency = latency_of(stream);
  CHECK_EQUAL(silent_latency, 0);
  CHECK(cadenza_stream_set_instrument(stream, flute, (const cadenza_instrument_options *)box.bytes, NULL) == CADENZA_OK);
  forbid(box);
  CHECK(cadenza_stream_set_instrument(twin, flute, &options, NULL) == CADENZA_OK);
  CHECK(latency_of(stream) > 0);
  const float breath[2] = {0.4f, -0.3f};
  guarded values = guard(breath, sizeof breath);
  CHECK(cadenza_stream_set_instrument_condition(stream, CADENZA_ALL_VOICES, 0, (const float *)values.bytes, 2) == CADENZA_OK);
  forbid(values);
  CHECK(cadenza_stream_set_instrument_condition(twin, CADENZA_ALL_VOICES, 0, breath, 2) == CADENZA_OK);
  CHECK(same_sound(stream, twin, 30000));
  cadenza_model_release(chorale); /* the caller's last ones */
  cadenza_model_release(flute);
  CHECK(same_sound(stream, twin, 30000));

  /* Replaced in the middle of its notes, by one that the caller releases at once; then by itself. */
  for (int round = 0; round < 3; round++) {
    CHECK(cadenza_stream_set_instrument(stream, lstm, NULL, NULL) == CADENZA_OK);
    CHECK(cadenza_stream_set_instrument(twin, lstm, NULL, NULL) == CADENZA_OK);
    if (round == 0) CHECK(cadenza_model_retain(lstm) == lstm);
    cadenza_model *new_flute = load_tiny(TINY_FLUTE);
    CHECK(same_sound(stream, twin, 20000));
    CHECK(cadenza_stream_set_instrument(stream, new_flute, NULL, NULL) == CADENZA_OK);
    CHECK(cadenza_stream_set_instrument(twin, new_flute, NULL, NULL) == CADENZA_OK);
    cadenza_model_release(new_flute);
    CHECK(same_sound(stream, twin, 20000));
  }
  cadenza_model_release(lstm);
  cadenza_model_release(lstm);

  /* Removed, twice: its notes, latency and conditions are gone, and the music goes on unheard. */
  static float output[60000];
  for (int round = 0; round < 2; round++) {
    CHECK(cadenza_stream_set_instrument(stream, NULL, NULL, NULL) == CADENZA_OK);
    CHECK_EQUAL(latency_of(stream), 0);
    CHECK_EQUAL(cadenza_stream_note_on(stream, 0, 0, 60, 1), CADENZA_ERROR_STATE);
    CHECK_EQUAL(cadenza_stream_set_instrument_condition(stream, 0, 0, breath, 2), CADENZA_ERROR_STATE);
    CHECK(cadenza_generate_block(stream, output, 60000) == CADENZA_OK);
    for (int i = 0; i < 60000; i++) CHECK(output[i] == 0);
    CHECK(cadenza_generate_block(twin, output, 60000) == CADENZA_OK);
    cadenza_event events[2][200];
    size_t counts[2];
    memset(events, 0, sizeof events);
    CHECK(cadenza_stream_read_events(stream, events[0], 200, &counts[0]) == CADENZA_OK);
    CHECK(cadenza_stream_read_events(twin, events[1], 200, &counts[1]) == CADENZA_OK);
    CHECK(counts[0] > 0 && counts[0] == counts[1] && memcmp(events[0], events[1], sizeof events[0]) == 0);
  }
  /* One is destroyed with an instrument, the other without. */
  cadenza_stream_destroy(twin);
  cadenza_stream_destroy(stream);
  discard(values);
  discard(box);
}

int main(void) {
  host_smoothing = 0; /* a stream that was reset is a new one from its first frame on */
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
  RUN(composer_keeps_nothing_of_its_pieces);
  RUN(instrument_lives_as_long_as_it_plays);
  return finish();
}
