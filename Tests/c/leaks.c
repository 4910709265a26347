/* What is allocated is freed: the number of live memory blocks is the same before and after, on every path, failures included. */
#include "host.h"
#include "interpose.h"

static const char *model_file; /* from the command line, where one is given */

static void load_and_release_balances(void) {
  for (int kind = 0; kind < TINY_ALL; kind++) {
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    long before = interpose_live_blocks();
    for (int round = 0; round < 5; round++) {
      note("%s, round %d", tiny_names[kind], round);
      cadenza_model *model = NULL;
      CHECK(cadenza_model_load_memory(bytes, size, &model, NULL) == CADENZA_OK);
      cadenza_model_retain(model);
      cadenza_model_release(model);
      cadenza_stream *first = NULL, *second = NULL;
      CHECK(cadenza_stream_create(model, NULL, &first, NULL) == CADENZA_OK);
      second = create_at(model, 0, 44100, 11025);
      CHECK(interpose_live_blocks() > before);
      float block[100];
      cadenza_generate_block(first, block, 100);
      cadenza_stream_destroy(first);
      cadenza_model_release(model);
      cadenza_generate_block(second, block, 100);
      cadenza_stream_destroy(second);
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    free(bytes);
  }
}

static void using_a_stream_keeps_nothing(void) {
  for (int kind = 0; kind < TINY_OVERFLOW; kind++) {
    note("%s", tiny_names[kind]);
    cadenza_model *model = load_tiny((tiny_kind)kind);
    cadenza_stream *stream = create_at(model, 3, kind % 2 ? 48000 : 0, kind % 3 ? 44100 : 0);
    unsigned char *state = malloc(1 << 20);
    long before = interpose_live_blocks();
    for (int round = 0; round < 3; round++) {
      float block[100] = {0};
      double nats;
      size_t size = 1 << 20;
      set_conditions(stream, model, 3);
      CHECK(cadenza_generate_block(stream, block, 100) == CADENZA_OK);
      const cadenza_status primed = takes_audio(model) ? CADENZA_OK : CADENZA_ERROR_UNSUPPORTED;
      CHECK_EQUAL(cadenza_stream_prime(stream, block, 100), primed);
      cadenza_stream_score(stream, block, 100, &nats);
      CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
      CHECK(cadenza_stream_load_state(stream, state, size) == CADENZA_OK);
      CHECK(cadenza_stream_load_state(stream, state, size - 1) == CADENZA_ERROR_FORMAT);
      cadenza_error error;
      CHECK(cadenza_stream_check_state(stream, state, size, &error) == CADENZA_OK);
      CHECK(cadenza_stream_check_state(stream, state, size - 1, &error) == CADENZA_ERROR_FORMAT);
      CHECK_EQUAL(cadenza_stream_prime(stream, NULL, 0), primed);
      CHECK(cadenza_stream_reset(stream, 1) == CADENZA_OK);
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

static void streams_of_notes_keep_nothing(void) {
  for (int number = 0; number < TINY_INSTRUMENTS; number++) {
    note("%s", tiny_names[tiny_instruments[number]]);
    cadenza_model *model = load_tiny(tiny_instruments[number]);
    unsigned char *state = malloc(1 << 20);
    long before = interpose_live_blocks();
    for (int round = 0; round < 3; round++) {
      cadenza_stream *stream = create_instrument(model, 3, number % 2 ? 48000 : 0, 4);
      float block[100];
      size_t size = 1 << 20;
      const float value = 0;
      ask_for_notes(stream, 0, 150);
      cadenza_generate_block(stream, block, 100);
      cadenza_stream_set_instrument_condition(stream, 1, 2, &value, 1);
      CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
      CHECK(cadenza_stream_load_state(stream, state, size) == CADENZA_OK);
      CHECK(cadenza_stream_load_state(stream, state, size - 1) == CADENZA_ERROR_FORMAT);
      cadenza_error error;
      CHECK(cadenza_stream_check_state(stream, state, size - 1, &error) == CADENZA_ERROR_FORMAT);
      CHECK(cadenza_stream_set_instrument(stream, model, NULL, &error) == CADENZA_ERROR_UNSUPPORTED);
      CHECK(cadenza_stream_reset(stream, 1) == CADENZA_OK);
      cadenza_stream_destroy(stream);
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    /* All voices are in one piece of memory; without it, an error says so. */
    cadenza_stream_options options;
    cadenza_error error;
    cadenza_stream *stream = NULL;
    cadenza_stream_options_init(&options, model);
    options.voices = 64;
    interpose_refuse(model_info(model).stream_bytes * 2);
    cadenza_status status = cadenza_stream_create(model, &options, &stream, &error);
    interpose_refuse(SIZE_MAX);
    CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
    CHECK(stream == NULL && strlen(error.message) > 10);
    CHECK_EQUAL(interpose_live_blocks(), before);
    free(state);
    cadenza_model_release(model);
  }
}

/* Streams with a thread of their own: made, used from both sides, and gone at whatever moment. */
static void streams_that_render_ahead_keep_nothing(void) {
  unsigned char *state = malloc(1 << 22);
  for (int kind = 0; kind < TINY_ALL; kind++) {
    note("%s", tiny_names[kind]);
    cadenza_model *model = load_tiny((tiny_kind)kind);
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.render_ahead_frames = 1;
    cadenza_stream_destroy(create_checked(model, &options)); /* the C library keeps a thread's stack for the next one */
    const long before = interpose_live_blocks();
    for (uint32_t round = 0; round < 6; round++) {
      options.render_ahead_frames = 1 + round * 300;
      options.voices = kind == TINY_FLUTE && round % 2 ? 3 : 0;
      options.sample_rate = is_composer(model) ? 16000 : round % 3 ? 44100 : 0;
      cadenza_stream *stream = create_checked(model, &options);
      const cadenza_render_mode mode = round % 3 ? CADENZA_RENDER_OFFLINE : CADENZA_RENDER_REALTIME;
      CHECK(cadenza_stream_set_render_mode(stream, mode) == CADENZA_OK);
      if (round > 1) {
        float block[500] = {0};
        size_t size = 1 << 22;
        if (is_composer(model)) give_flute(stream, 2);
        if (options.voices == 0) set_conditions(stream, model, round);
        cadenza_stream_note_on(stream, 3, 0, 50, 1);
        cadenza_generate_block(stream, block, 500);
        cadenza_stream_prime(stream, block, 100);
        CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
        CHECK(cadenza_stream_load_state(stream, state, size) == CADENZA_OK);
        CHECK(cadenza_stream_load_state(stream, state, size - 1) == CADENZA_ERROR_FORMAT);
        CHECK(cadenza_stream_drop_ahead(stream) == CADENZA_OK);
        if (round % 2) CHECK(cadenza_stream_reset(stream, 1) == CADENZA_OK);
      }
      cadenza_stream_destroy(stream);
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    cadenza_model_release(model);
  }
  free(state);
}

static void composers_keep_nothing(void) {
  cadenza_model *flute = load_tiny(TINY_FLUTE), *lstm = load_tiny(TINY_LSTM), *gru = load_tiny(TINY_GRU);
  cadenza_event piece[30];
  memset(piece, 0, sizeof piece);
  for (uint32_t i = 0; i < 30; i++) {
    piece[i].frame = i * 500;
    piece[i].kind = i % 2 ? CADENZA_EVENT_NOTE_OFF : CADENZA_EVENT_NOTE_ON;
    piece[i].pitch = 60 + i / 2 % 5;
    piece[i].velocity = i % 2 ? 0 : 0.8f;
  }
  for (int number = 0; number < TINY_COMPOSERS; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    cadenza_model *model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    unsigned char *state = malloc(1 << 22);
    long before = interpose_live_blocks();
    for (int round = 0; round < 3; round++) {
      cadenza_stream *stream = create_at(model, 3, number % 2 ? 48000 : 16000, 0);
      long silent = interpose_live_blocks();
      static float block[5000];
      double nats;
      uint64_t choices;
      cadenza_error error;
      cadenza_event events[5];
      size_t size = 1 << 22, count;
      const float value = 0;
      for (int part = 0; part < 2; part++) {
        CHECK(cadenza_stream_set_instrument(stream, flute, NULL, &error) == CADENZA_OK);
        CHECK(interpose_live_blocks() > silent);
        CHECK(cadenza_stream_set_instrument(stream, lstm, NULL, &error) == CADENZA_OK);
        CHECK(cadenza_stream_set_instrument(stream, flute, NULL, &error) == CADENZA_OK);
        long playing = interpose_live_blocks();
        set_conditions(stream, model, 3);
        CHECK(cadenza_stream_set_instrument_condition(stream, 1, 2, &value, 1) == CADENZA_OK);
        cadenza_stream_prime_events(stream, piece, 30, 16000);
        cadenza_stream_score_events(stream, piece, 30, 16000, &nats, &choices);
        cadenza_generate_block(stream, block, 5000);
        cadenza_stream_read_events(stream, events, 5, &count);
        cadenza_stream_note_on(stream, 3, 0, 60, 1);
        size = 1 << 22;
        CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
        CHECK(cadenza_stream_load_state(stream, state, size) == CADENZA_OK);
        CHECK(cadenza_stream_load_state(stream, state, size - 1) == CADENZA_ERROR_FORMAT);
        CHECK(cadenza_stream_check_state(stream, state, size, &error) == CADENZA_OK);
        state[size / 2] ^= 1;
        CHECK(cadenza_stream_check_state(stream, state, size, &error) == CADENZA_ERROR_FORMAT);
        /* What is refused. */
        CHECK(cadenza_stream_set_instrument(stream, gru, NULL, &error) == CADENZA_ERROR_UNSUPPORTED);
        CHECK(cadenza_stream_set_instrument(stream, model, NULL, &error) == CADENZA_ERROR_UNSUPPORTED);
        piece[29].pitch = 128;
        CHECK(cadenza_stream_prime_events(stream, piece, 30, 16000) == CADENZA_ERROR_INVALID_ARGUMENT);
        piece[29].pitch = 60;
        cadenza_instrument_options options;
        cadenza_instrument_options_init(&options, flute);
        options.gain = -1;
        CHECK(cadenza_stream_set_instrument(stream, flute, &options, &error) == CADENZA_ERROR_INVALID_ARGUMENT);
        options.gain = 1;
        options.voices = 64;
        interpose_refuse(model_info(flute).stream_bytes * 8);
        cadenza_status status = cadenza_stream_set_instrument(stream, flute, &options, &error);
        interpose_refuse(SIZE_MAX);
        CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
        CHECK(strlen(error.message) > 10);
        CHECK_EQUAL(interpose_live_blocks(), playing);
        CHECK(cadenza_stream_note_on(stream, 4, 0, 60, 1) == CADENZA_OK); /* the one before is still there */
        if (part == 0) {
          CHECK(cadenza_stream_set_instrument(stream, NULL, NULL, &error) == CADENZA_OK);
          CHECK_EQUAL(interpose_live_blocks(), silent);
        }
        CHECK(cadenza_stream_reset(stream, 1) == CADENZA_OK);
      }
      cadenza_stream_destroy(stream); /* with its instrument */
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    free(state);
    cadenza_model_release(model);
  }
  cadenza_model_release(flute);
  cadenza_model_release(lstm);
  cadenza_model_release(gru);
}

static void failed_loads_keep_nothing(void) {
  for (int kind = 0; kind < TINY_ALL; kind++) {
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    size_t header_size = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
    cadenza_model *model;
    cadenza_error error;
    long before = interpose_live_blocks();
    for (size_t length = 0; length < size; length += length < 8 + header_size ? 11 : 4001) {
      note("%s, %zu of %zu bytes", tiny_names[kind], length, size);
      CHECK(cadenza_model_load_memory(bytes, length, &model, &error) < 0);
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    /* Every byte of the header changed: most of these are refused, at every depth of the reader. */
    int refused = 0;
    for (size_t at = 0; at < 8 + header_size; at++) {
      note("%s, byte %zu changed", tiny_names[kind], at);
      bytes[at] ^= at % 2 ? 1 : 4;
      if (cadenza_model_load_memory(bytes, size, &model, &error) < 0) {
        refused++;
        CHECK(strlen(error.message) > 10);
      } else {
        cadenza_model_release(model);
      }
      bytes[at] ^= at % 2 ? 1 : 4;
      CHECK_EQUAL(interpose_live_blocks(), before);
    }
    CHECK(refused > (int)header_size / 2);
    free(bytes);
  }
}

static void failed_creations_keep_nothing(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream *stream;
  cadenza_error error;
  cadenza_stream_options options;
  long before = interpose_live_blocks();
  for (int round = 0; round < 3; round++) {
    cadenza_stream_options_init(&options, model);
    options.struct_size = 7;
    CHECK(cadenza_stream_create(model, &options, &stream, &error) < 0);
    cadenza_stream_options_init(&options, model);
    options.temperature = -5;
    CHECK(cadenza_stream_create(model, &options, &stream, &error) < 0);
    options.temperature = 1;
    options.sample_rate = 999;
    CHECK(cadenza_stream_create(model, &options, &stream, &error) < 0);
    options.sample_rate = 0;
    options.input_sample_rate = 999;
    CHECK(cadenza_stream_create(model, &options, &stream, &error) < 0);
    options.input_sample_rate = 0;
    options.voices = 4; /* it has local conditions */
    CHECK(cadenza_stream_create(model, &options, &stream, &error) < 0);
    CHECK(cadenza_stream_create(NULL, &options, &stream, &error) < 0);
    CHECK(cadenza_stream_create(model, NULL, NULL, &error) < 0);
    CHECK_EQUAL(interpose_live_blocks(), before);
  }
  cadenza_model_release(model);
}

static void file_loads_keep_nothing(void) {
  cadenza_model *model;
  cadenza_error error;
  CHECK(cadenza_model_load("/nonexistent", &model, &error) == CADENZA_ERROR_IO); /* the C library may warm up */
  CHECK(cadenza_model_load("/proc/self/exe", &model, &error) < 0);
  long before = interpose_live_blocks();
  CHECK(cadenza_model_load("/nonexistent", &model, &error) == CADENZA_ERROR_IO);
  CHECK(cadenza_model_load("/tmp", &model, &error) == CADENZA_ERROR_IO);
  CHECK(cadenza_model_load("/proc/self/exe", &model, &error) < 0);
  CHECK(cadenza_model_load("/proc/self/status", &model, &error) < 0); /* says that it is empty, and is not */
  CHECK_EQUAL(interpose_live_blocks(), before);
  if (model_file) {
    CHECK(cadenza_model_load(model_file, &model, &error) == CADENZA_OK);
    cadenza_model_release(model);
    CHECK_EQUAL(interpose_live_blocks(), before);
  }
}

/* The two large pieces, weights and streams: where memory ends, an error says so. */
static void no_memory_is_an_error(void) {
  for (int kind = 0; kind < TINY_KINDS; kind++) {
    note("%s", tiny_names[kind]);
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    cadenza_model *model = NULL;
    cadenza_stream *stream = NULL;
    cadenza_error error;
    CHECK(cadenza_model_load_memory(bytes, size, &model, &error) == CADENZA_OK);
    cadenza_model_info info = model_info(model);
    long before = interpose_live_blocks();

    interpose_refuse(info.weight_bytes);
    cadenza_model *other = model;
    cadenza_status status = cadenza_model_load_memory(bytes, size, &other, &error);
    interpose_refuse(SIZE_MAX);
    CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
    CHECK(other == NULL && strlen(error.message) > 10);
    CHECK_EQUAL(interpose_live_blocks(), before);

    interpose_refuse(info.stream_bytes);
    status = cadenza_stream_create(model, NULL, &stream, &error);
    interpose_refuse(SIZE_MAX);
    CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
    CHECK(stream == NULL && strlen(error.message) > 10);
    CHECK_EQUAL(interpose_live_blocks(), before);

    /* The conversions are in the same piece of memory, and make it larger. */
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.sample_rate = options.input_sample_rate = 44100;
    interpose_refuse(info.stream_bytes + 100000);
    status = cadenza_stream_create(model, &options, &stream, &error);
    interpose_refuse(SIZE_MAX);
    CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
    CHECK(stream == NULL && strlen(error.message) > 10);
    CHECK_EQUAL(interpose_live_blocks(), before);
    cadenza_model_release(model);
    free(bytes);
  }
}

static void control_a_leak_is_seen(void) {
  long before = interpose_live_blocks();
  cadenza_model *model = load_tiny(TINY_GRU);
  cadenza_model_retain(model);
  cadenza_model_release(model);
  CHECK(interpose_live_blocks() > before);
  cadenza_model_release(model);
  CHECK_EQUAL(interpose_live_blocks(), before);
}

int main(int argument_count, char **arguments) {
  model_file = argument_count > 1 ? arguments[1] : NULL;
  printf("     leak tests\n"); /* standard output takes its buffer now */
  RUN(load_and_release_balances);
  RUN(using_a_stream_keeps_nothing);
  RUN(streams_of_notes_keep_nothing);
  RUN(streams_that_render_ahead_keep_nothing);
  RUN(composers_keep_nothing);
  RUN(failed_loads_keep_nothing);
  RUN(failed_creations_keep_nothing);
  RUN(file_loads_keep_nothing);
  RUN(no_memory_is_an_error);
  RUN(control_a_leak_is_seen);
  return finish();
}
