/*
 * One model on many threads, and one stream that others turn the knobs of while it plays. Built a second time, engine included,
 * with -fsanitize=thread.
 */
#define _GNU_SOURCE
#include "host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define THREADS 6

static cadenza_model *model;
static cadenza_stream *stream;
static uint32_t latency; /* of the stream, as it says before others play with it */
static atomic_int playing, answers_gone_wrong;

/* ---- Many streams ----------------------------------------------------------------------------------------------------------- */

static void *play_alone(void *result) {
  uint64_t hash = hash_start();
  for (int round = 0; round < 4; round++) {
    cadenza_model *mine = cadenza_model_retain(model);
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, mine);
    options.seed = 17;
    options.sample_rate = round % 2 ? 44100 : 0;
    cadenza_stream *voice = NULL;
    if (cadenza_stream_create(mine, &options, &voice, NULL) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    cadenza_model_release(mine);
    cadenza_model_info info = {.struct_size = sizeof info};
    if (cadenza_model_get_info(model, &info) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    for (int block = 0; block < 20; block++) {
      float samples[32];
      if (cadenza_generate_block(voice, samples, 32) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
      hash = hash_samples(hash, samples, 32);
    }
    cadenza_stream_destroy(voice);
  }
  *(uint64_t *)result = hash;
  return NULL;
}

static void a_model_is_shared(void) {
  for (int kind = 0; kind < TINY_OVERFLOW; kind++) {
    note("%s", tiny_names[kind]);
    model = load_tiny((tiny_kind)kind);
    pthread_t threads[THREADS];
    uint64_t hashes[THREADS + 1];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, play_alone, &hashes[i]) == 0);
    play_alone(&hashes[THREADS]);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(hashes[i] == hashes[THREADS]);
    CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);
    cadenza_model_release(model);
  }
}

static void *keep_and_release(void *argument) {
  (void)argument;
  for (int i = 0; i < 20000; i++) {
    cadenza_model_retain(model);
    cadenza_model_release(model);
  }
  cadenza_model_release(model);
  return NULL;
}

static void references_are_counted_across_threads(void) {
  model = load_tiny(TINY_GRU);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) cadenza_model_retain(model);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, keep_and_release, NULL) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  cadenza_stream *voice = create(model, 1); /* one reference is left */
  cadenza_model_release(model);
  float block[50];
  CHECK(cadenza_generate_block(voice, block, 50) == CADENZA_OK);
  cadenza_stream_destroy(voice);
}

/* ---- One stream, many hands --------------------------------------------------------------------------------------------------- */

static void *turn_knobs(void *argument) {
  unsigned turn = (unsigned)(uintptr_t)argument;
  static const float values[4][4] = {{0, 0.5f, 1, 3}, {0, 1, 5, 400}, {0, 0.5f, 0.9f, 1}, {0, 0.5f, 1, 16}};
  while (atomic_load(&playing)) {
    turn++;
    cadenza_parameter parameter = (cadenza_parameter)(turn % 4);
    float found;
    if (cadenza_stream_set_parameter(stream, parameter, values[parameter][turn / 4 % 4]) != CADENZA_OK ||
        cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_OK) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    int known = 0;
    for (int i = 0; i < 4; i++) known |= found == values[parameter][i];
    if (!known) atomic_fetch_add(&answers_gone_wrong, 1);
    uint32_t conditions = 5;
    uint32_t index = turn % conditions;
    float both[2] = {(float)(turn % 3), (float)(turn % 2)};
    size_t count = index == 2 || index == 4 ? 2 : 1;
    cadenza_status status = cadenza_stream_set_condition(stream, index, both, count);
    if (status != CADENZA_OK && status != CADENZA_ERROR_STATE) atomic_fetch_add(&answers_gone_wrong, 1);
    uint32_t frames;
    if (cadenza_stream_get_latency(stream, &frames) != CADENZA_OK || frames != latency)
      atomic_fetch_add(&answers_gone_wrong, 1);
    cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
    if (cadenza_stream_get_statistics(stream, &statistics) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
  }
  return NULL;
}

static void knobs_turn_while_it_plays_at(uint32_t rate) {
  model = load_tiny(TINY_WAVENET);
  stream = create_at(model, 1, rate, rate);
  latency = latency_of(stream);
  atomic_store(&playing, 1);
  pthread_t threads[3];
  for (uintptr_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, turn_knobs, (void *)(i * 5)) == 0);
  int wrong = 0;
  for (int block = 0; block < 1500; block++) {
    float samples[64];
    wrong += cadenza_generate_block(stream, samples, 1 + (size_t)block % 64) != CADENZA_OK;
    /* Between samples of -1 ... 1, at a gain of 16 at most, a wave may go further. */
    const float most = rate == 0 ? 16 : 40;
    for (int i = 0; i <= block % 64; i++) wrong += !(samples[i] >= -most && samples[i] <= most);
    if (block % 100 == 99) wrong += cadenza_stream_reset(stream, (uint64_t)block) != CADENZA_OK;
  }
  atomic_store(&playing, 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);

  /* Whatever happened, the same knobs, seed and conditions still give the same bits. */
  cadenza_stream *twin = create_at(model, 1, rate, rate);
  for (cadenza_parameter parameter = 0; parameter < 4; parameter++) {
    float value;
    CHECK(cadenza_stream_get_parameter(stream, parameter, &value) == CADENZA_OK);
    CHECK(cadenza_stream_set_parameter(twin, parameter, value) == CADENZA_OK);
  }
  size_t size = 0;
  CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
  void *state = malloc(size);
  CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
  CHECK(cadenza_stream_load_state(twin, state, size) == CADENZA_OK);
  CHECK(same_sound(stream, twin, 500));
  free(state);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

static void knobs_turn_while_it_plays(void) { knobs_turn_while_it_plays_at(0); }

static void knobs_turn_while_it_plays_at_another_rate(void) { knobs_turn_while_it_plays_at(44100); }

/* Of a chorale that a flute plays: every parameter, the tempo too, its key, and the position, which nobody but the codec sets. */
static void *turn_knobs_of_a_composer(void *argument) {
  unsigned turn = (unsigned)(uintptr_t)argument;
  static const float values[5][4] = {
      {0.5f, 1, 2, 3}, {0, 1, 5, 400}, {0.2f, 0.5f, 0.9f, 1}, {0, 0.5f, 1, 2}, {10, 120, 333.5f, 1000}};
  while (atomic_load(&playing)) {
    turn++;
    cadenza_parameter parameter = (cadenza_parameter)(turn % 5);
    float found = -1;
    if (cadenza_stream_set_parameter(stream, parameter, values[parameter][turn / 5 % 4]) != CADENZA_OK ||
        cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_OK) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    int known = parameter == CADENZA_PARAMETER_TEMPO && found == 100; /* the model's, before anybody sets it */
    for (int i = 0; i < 4; i++) known |= found == values[parameter][i];
    if (!known) atomic_fetch_add(&answers_gone_wrong, 1);
    const float value = (float)(turn % 4);
    cadenza_status status = cadenza_stream_set_condition(stream, 0, &value, 1);
    if (status != CADENZA_OK && status != CADENZA_ERROR_STATE) atomic_fetch_add(&answers_gone_wrong, 1);
    status = cadenza_stream_set_condition(stream, 1, &value, 1);
    if (status != CADENZA_ERROR_UNSUPPORTED && status != CADENZA_ERROR_STATE) atomic_fetch_add(&answers_gone_wrong, 1);
    uint32_t frames;
    if (cadenza_stream_get_latency(stream, &frames) != CADENZA_OK || frames != latency)
      atomic_fetch_add(&answers_gone_wrong, 1);
    cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
    if (cadenza_stream_get_statistics(stream, &statistics) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
  }
  return NULL;
}

static void knobs_turn_while_a_composer_plays(void) {
  model = load_tiny(TINY_CHORALE);
  stream = create_composer(model, 1, 22050, 3);
  latency = latency_of(stream);
  atomic_store(&playing, 1);
  pthread_t threads[3];
  for (uintptr_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, turn_knobs_of_a_composer, (void *)(i * 7)) == 0);
  int wrong = 0;
  size_t events_read = 0;
  for (int block = 0; block < 1500; block++) {
    float samples[128];
    cadenza_event events[8];
    size_t frames = 1 + (size_t)block % 128, count = 0;
    /* The audio thread has notes of its own. */
    if (block % 10 == 0) wrong += cadenza_stream_note_on(stream, 0, 9, 50 + (uint32_t)block / 10 % 8, 0.5f) != CADENZA_OK;
    wrong += cadenza_generate_block(stream, samples, frames) != CADENZA_OK;
    do {
      wrong += cadenza_stream_read_events(stream, events, 8, &count) != CADENZA_OK;
      for (size_t i = 0; i < count; i++) wrong += events[i].frame >= frames;
      events_read += count;
    } while (count > 0);
    if (block % 500 == 499) wrong += cadenza_stream_reset(stream, (uint64_t)block) != CADENZA_OK;
  }
  atomic_store(&playing, 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_EQUAL(wrong, 0);
  CHECK(events_read > 0);
  CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);

  /* Whatever happened, a twin that is told of it goes on the same. */
  cadenza_stream *twin = create_composer(model, 1, 22050, 3);
  size_t size = 0;
  CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
  void *state = malloc(size);
  CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
  CHECK(cadenza_stream_load_state(twin, state, size) == CADENZA_OK);
  CHECK(same_sound(stream, twin, 20000));
  free(state);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

/* One model of each, many streams. */
static cadenza_model *flute;

static void *compose_alone(void *result) {
  cadenza_stream *mine = create_at(model, 17, 16000, 0);
  uint64_t hash = hash_start();
  static _Thread_local float samples[4000];
  if (cadenza_stream_set_instrument(mine, flute, NULL, NULL) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
  for (int block = 0; block < 6; block++) {
    cadenza_status status = cadenza_generate_block(mine, samples, 4000);
    if (status != CADENZA_OK && status != CADENZA_END) atomic_fetch_add(&answers_gone_wrong, 1);
    hash = hash_samples(hash, samples, 4000);
  }
  cadenza_stream_destroy(mine);
  *(uint64_t *)result = hash;
  return NULL;
}

static void composer_and_instrument_are_shared(void) {
  flute = load_tiny(TINY_FLUTE);
  for (int number = 0; number < TINY_COMPOSERS - 1; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    pthread_t threads[THREADS];
    uint64_t hashes[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, compose_alone, &hashes[i]) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(hashes[i] == hashes[0]);
    CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);
    cadenza_model_release(model);
  }
  cadenza_model_release(flute);
}

static void *load_and_play(void *argument) {
  for (int round = 0; round < 5; round++) {
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)((uintptr_t)argument % TINY_OVERFLOW), &size);
    cadenza_model *mine = NULL;
    cadenza_stream *voice = NULL;
    float block[50];
    if (cadenza_model_load_memory(bytes, size, &mine, NULL) != CADENZA_OK ||
        cadenza_stream_create(mine, NULL, &voice, NULL) != CADENZA_OK ||
        cadenza_generate_block(voice, block, 50) != CADENZA_OK) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    cadenza_stream_destroy(voice);
    cadenza_model_release(mine);
    free(bytes);
  }
  return NULL;
}

/* First of all tests, so that whatever is set up once is set up by six threads at once. */
static void models_are_loaded_at_once(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, load_and_play, (void *)i) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);
}

/* ---- Rendering ahead ------------------------------------------------------------------------------------------------------- */

/* Who has the stream, but for what any thread may do: the audio thread or the main thread, as a host sees to it. */
static pthread_mutex_t turn_of = PTHREAD_MUTEX_INITIALIZER;
static int composes, plays_notes;

static void *turn_any_knob(void *argument) {
  unsigned turn = (unsigned)(uintptr_t)argument;
  while (atomic_load(&playing)) {
    turn++;
    float found;
    const float values[5] = {1, 30, 0.9f, (float)(turn % 3), 120 + (float)(turn % 100)};
    const cadenza_parameter parameter = (cadenza_parameter)(turn % (composes ? 5 : 4));
    if (cadenza_stream_set_parameter(stream, parameter, values[parameter]) != CADENZA_OK ||
        cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_OK) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    const float value = (float)(turn % 2);
    cadenza_status status = cadenza_stream_set_condition(stream, 0, &value, 1);
    if (status != CADENZA_OK && status != CADENZA_ERROR_STATE && status != CADENZA_ERROR_INVALID_ARGUMENT) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    uint32_t frames;
    if (cadenza_stream_get_latency(stream, &frames) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
    if (cadenza_stream_get_statistics(stream, &statistics) != CADENZA_OK || statistics.frames_ahead > 512) {
      atomic_fetch_add(&answers_gone_wrong, 1);
    }
    /* A host that renders offline for a moment, while a block is under way. */
    const cadenza_render_mode mode = turn % 50 == 0 ? CADENZA_RENDER_OFFLINE : CADENZA_RENDER_REALTIME;
    if (cadenza_stream_set_render_mode(stream, mode) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
  }
  return NULL;
}

static void *play_ahead(void *argument) {
  (void)argument;
  for (unsigned block = 0; atomic_load(&playing); block++) {
    float samples[128];
    cadenza_event events[8];
    size_t count = 0;
    pthread_mutex_lock(&turn_of);
    const cadenza_status status = cadenza_generate_block(stream, samples, 1 + block % 128);
    if (status < 0) atomic_fetch_add(&answers_gone_wrong, 1);
    if (composes && cadenza_stream_read_events(stream, events, 8, &count) < 0) atomic_fetch_add(&answers_gone_wrong, 1);
    if (plays_notes) {
      cadenza_stream_note_on(stream, block % 64, block % 16, 40 + block % 20, 0.5f);
      cadenza_stream_note_off(stream, 64, (block + 3) % 16, 40 + (block + 7) % 20);
    }
    if (block % 37 == 36 && cadenza_stream_drop_ahead(stream) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    if (block % 101 == 100 && cadenza_stream_reset(stream, block) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    pthread_mutex_unlock(&turn_of);
  }
  return NULL;
}

/* Everything that a main thread may do, once. */
static int command(int turn, unsigned char *state, size_t room) {
  static float samples[64];
  static cadenza_event note[2] = {{.kind = CADENZA_EVENT_NOTE_ON, .pitch = 60, .velocity = 1},
                                  {.frame = 4000, .kind = CADENZA_EVENT_NOTE_OFF, .pitch = 60}};
  cadenza_error error;
  double nats;
  uint64_t choices;
  size_t size = room;
  const float value = 0;
  int wrong = 0;
  switch (turn % 6) {
  case 0:
    if (composes) {
      cadenza_status status = cadenza_stream_prime_events(stream, note, 2, 8000);
      wrong += status != CADENZA_OK && status != CADENZA_ERROR_STATE; /* the piece may have ended */
    } else {
      wrong += cadenza_stream_prime(stream, samples, 64) != (plays_notes ? CADENZA_ERROR_UNSUPPORTED : CADENZA_OK);
    }
    break;
  case 1:
    if (composes) {
      cadenza_status status = cadenza_stream_score_events(stream, note, 2, 8000, &nats, &choices);
      wrong += status != CADENZA_OK && status != CADENZA_ERROR_STATE;
    } else {
      wrong += cadenza_stream_score(stream, samples, 64, &nats) != (plays_notes ? CADENZA_ERROR_UNSUPPORTED : CADENZA_OK);
      wrong += cadenza_stream_prime(stream, NULL, 0) != (plays_notes ? CADENZA_ERROR_UNSUPPORTED : CADENZA_OK);
    }
    break;
  case 2:
    wrong += cadenza_stream_save_state(stream, state, &size) != CADENZA_OK;
    wrong += cadenza_stream_check_state(stream, state, size, &error) != CADENZA_OK;
    break;
  case 3:
    wrong += cadenza_stream_save_state(stream, state, &size) != CADENZA_OK;
    wrong += cadenza_stream_load_state(stream, state, size) != CADENZA_OK;
    break;
  case 4:
    if (composes) give_flute(stream, 2);
    break;
  case 5:
    if (plays_notes) wrong += cadenza_stream_set_instrument_condition(stream, 1, 2, &value, 1) != CADENZA_OK;
    break;
  }
  return wrong;
}

static void everybody_at_once(tiny_kind kind, uint32_t voices) {
  model = load_tiny(kind);
  note("%s, rendered ahead", tiny_names[kind]);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.sample_rate = is_composer(model) ? 16000 : 44100;
  options.render_ahead_frames = 512;
  options.voices = is_composer(model) ? 0 : voices;
  stream = create_checked(model, &options);
  composes = is_composer(model);
  plays_notes = voices > 0;
  if (composes) give_flute(stream, voices);
  unsigned char *state = malloc(1 << 22);
  atomic_store(&playing, 1);
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, turn_any_knob, (void *)(i * 5)) == 0);
  CHECK(pthread_create(&threads[3], NULL, play_ahead, NULL) == 0);
  int wrong = 0;
  for (int turn = 0; turn < 60; turn++) {
    const struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&turn_of);
    wrong += command(turn, state, 1 << 22);
    pthread_mutex_unlock(&turn_of);
  }
  atomic_store(&playing, 0);
  for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);
  free(state);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void everybody_works_on_a_stream_that_renders_ahead(void) {
  everybody_at_once(TINY_LSTM, 0);
  everybody_at_once(TINY_FLUTE, 3);
  everybody_at_once(TINY_CHORALE, 3);
}

/* Streams that come and go while others do, some before their thread has begun. */
static void *come_and_go(void *argument) {
  for (unsigned round = 0; round < 60; round++) {
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.render_ahead_frames = 1 + round * 37 % 900;
    cadenza_stream *mine = NULL;
    if (cadenza_stream_create(model, &options, &mine, NULL) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    float block[64];
    for (unsigned i = 0; i < round % 4; i++) cadenza_generate_block(mine, block, 64);
    if (round % 5 == 4) cadenza_stream_reset(mine, round);
    if (round % 3 == 2) {
      cadenza_stream_set_render_mode(mine, CADENZA_RENDER_OFFLINE);
      if (cadenza_generate_block(mine, block, 64) != CADENZA_OK) atomic_fetch_add(&answers_gone_wrong, 1);
    }
    cadenza_stream_destroy(mine);
  }
  return argument;
}

static void streams_that_render_ahead_come_and_go(void) {
  model = load_tiny(TINY_GRU);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, come_and_go, NULL) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_EQUAL(atomic_load(&answers_gone_wrong), 0);
  cadenza_model_release(model);
}

/* The control for the thread sanitizer: two threads that generate from one stream, which the header forbids. */
static void *play_the_shared_stream(void *argument) {
  float block[64];
  atomic_fetch_add(&playing, 1);
  while (atomic_load(&playing) < 2) {
  }
  for (int i = 0; i < 500; i++) cadenza_generate_block(stream, block, 64);
  return argument;
}

static int race(void) {
  pthread_t other;
  model = load_tiny(TINY_WAVENET);
  stream = create(model, 1);
  pthread_create(&other, NULL, play_the_shared_stream, NULL);
  play_the_shared_stream(NULL);
  pthread_join(other, NULL);
  return EXIT_SUCCESS;
}

int main(int argument_count, char **arguments) {
  if (argument_count == 2 && strcmp(arguments[1], "--race") == 0) return race();
  RUN(models_are_loaded_at_once);
  RUN(a_model_is_shared);
  RUN(references_are_counted_across_threads);
  RUN(knobs_turn_while_it_plays);
  RUN(knobs_turn_while_it_plays_at_another_rate);
  RUN(composer_and_instrument_are_shared);
  RUN(knobs_turn_while_a_composer_plays);
  RUN(everybody_works_on_a_stream_that_renders_ahead);
  RUN(streams_that_render_ahead_come_and_go);
  return finish();
}
