/*
 * The same model, seed and parameters give the same bits: however the blocks are cut, on whatever instruction set, across save
 * and load, after reset, after a prompt.
 *
 *   invariance [MODEL …]         plays the tiny models and these
 *   invariance --hash [MODEL …]  prints one hash per model; run by the test of the instruction sets
 */
#define _DEFAULT_SOURCE
#include "host.h"

#include <sys/wait.h>
#include <unistd.h>

#define FRAMES 3000
#define FRAMES_OF_A_FILE 1500

static char **models;
static int model_count;
static int subjects;

static const char *subject_name(int number) {
  return number < TINY_OVERFLOW ? tiny_names[number] : models[number - TINY_OVERFLOW];
}

static cadenza_model *subject(int number) {
  note("%s", subject_name(number));
  return number < TINY_OVERFLOW ? load_tiny((tiny_kind)number) : load_file(subject_name(number));
}

static size_t frames_of(int number) { return number < TINY_OVERFLOW ? FRAMES : FRAMES_OF_A_FILE; }

/* What the tests below play at: in Hz, 0 the model's own. */
static uint32_t rate, input_rate;

static cadenza_stream *create_here(cadenza_model *model, uint64_t seed) { return create_at(model, seed, rate, input_rate); }

static uint32_t random_state = 1;

static uint32_t random_number(void) {
  random_state = random_state * 1664525u + 1013904223u;
  return random_state >> 8;
}

/* Plays `frames` samples in blocks of `block` (0: random ones). Conditions and parameters change every 500 frames, which no block
   may cross. */
static uint64_t play(cadenza_stream *stream, const cadenza_model *model, size_t start, size_t frames, size_t block) {
  static float output[8192];
  uint64_t hash = hash_start();
  for (size_t done = start; done < start + frames;) {
    size_t step = done / 500;
    if (done % 500 == 0) {
      static const float temperatures[3] = {0.9f, 1.5f, 0};
      set_conditions(stream, model, (unsigned)step);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, temperatures[step % 3]) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TOP_K, (float)(step % 2 * 30)) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TOP_P, step % 4 == 3 ? 0.9f : 1) == CADENZA_OK);
    }
    size_t count = block ? block : random_number() % 300;
    if (count > 500 - done % 500) count = 500 - done % 500;
    if (count > start + frames - done) count = start + frames - done;
    CHECK(cadenza_generate_block(stream, output, count) == CADENZA_OK);
    hash = hash_samples(hash, output, count);
    done += count;
  }
  return hash;
}

static void same_bits_in_any_blocks(void) {
  static const size_t blocks[] = {1, 7, 64, 500, 0, 0};
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    cadenza_stream *reference = create_here(model, 3);
    uint64_t expected = play(reference, model, 0, frames_of(number), 4096);
    cadenza_stream_destroy(reference);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
      cadenza_stream *stream = create_here(model, 3);
      CHECK(play(stream, model, 0, frames_of(number), blocks[i]) == expected);
      cadenza_stream_destroy(stream);
    }
    cadenza_model_release(model);
  }
}

static void one_large_block_is_many_small_ones(void) { /* beyond max_block_frames, too */
  for (int number = 0; number < TINY_OVERFLOW; number++) {
    cadenza_model *model = subject(number);
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.seed = 4;
    options.max_block_frames = 16;
    options.sample_rate = rate;
    options.input_sample_rate = input_rate;
    cadenza_stream *large = NULL, *small = create_here(model, 4);
    CHECK(cadenza_stream_create(model, &options, &large, NULL) == CADENZA_OK);
    static float a[10000], b[10000];
    CHECK(cadenza_generate_block(large, a, 10000) == CADENZA_OK);
    for (size_t done = 0; done < 10000; done += 100) CHECK(cadenza_generate_block(small, b + done, 100) == CADENZA_OK);
    CHECK(memcmp(a, b, sizeof a) == 0);
    cadenza_stream_destroy(large);
    cadenza_stream_destroy(small);
    cadenza_model_release(model);
  }
}

static void other_seeds_give_other_bits(void) { /* or the tests above compare silence */
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    if (model_info(model).vocabulary_size >= 64) { /* a handful of levels may well fall the same way */
      cadenza_stream *left = create_here(model, 3), *right = create_here(model, 4);
      CHECK(!same_sound(left, right, 500));
      cadenza_stream_destroy(left);
      cadenza_stream_destroy(right);
    }
    cadenza_model_release(model);
  }
}

static void a_saved_state_continues_the_same(void) {
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    cadenza_stream *stream = create_here(model, 5), *other = create_here(model, 77);
    unsigned char *state = NULL;
    static const size_t cuts[] = {0, 1, 37, 250, 555}; /* saved after so many frames, mid-value of local conditions */
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
      CHECK(cadenza_stream_reset(stream, 5) == CADENZA_OK);
      play(stream, model, 0, cuts[i], 64);
      size_t size = 0;
      CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
      state = realloc(state, size);
      CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
      play(other, model, 0, 123, 64); /* a past of its own, which must be gone */
      CHECK(cadenza_stream_load_state(other, state, size) == CADENZA_OK);
      uint64_t expected = play(stream, model, cuts[i], 1000, 64);
      CHECK(play(other, model, cuts[i], 1000, 7) == expected);
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

static void parameters_travel_with_the_state(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream *stream = create_here(model, 5), *other = create_here(model, 6);
  static const float values[4] = {0.25f, 12, 0.5f, 3};
  for (cadenza_parameter i = 0; i < 4; i++) CHECK(cadenza_stream_set_parameter(stream, i, values[i]) == CADENZA_OK);
  size_t size = 0;
  CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
  void *state = malloc(size);
  CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
  CHECK(cadenza_stream_load_state(other, state, size) == CADENZA_OK);
  for (cadenza_parameter i = 0; i < 4; i++) {
    float value = -1;
    CHECK(cadenza_stream_get_parameter(other, i, &value) == CADENZA_OK && value == values[i]);
  }
  free(state);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(other);
  cadenza_model_release(model);
}

/* Gives a stream the latents of a new one with this seed: what nobody has set stays as options.seed drew it. */
static void draw_latents(cadenza_stream *stream, const cadenza_model *model, uint64_t seed) {
  for (uint32_t index = 0; index < model_info(model).condition_count; index++) {
    cadenza_condition_info info = condition_info(model, index);
    if (info.kind != CADENZA_CONDITION_LATENT || info.frames_per_value > 0) continue;
    CHECK_EQUAL(cadenza_stream_randomize_latent(stream, index, seed, 0, CADENZA_INTERPOLATION_LINEAR), CADENZA_OK);
  }
}

static void reset_is_a_new_beginning(void) {
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    cadenza_stream *stream = create_here(model, 5), *fresh = create_here(model, 9);
    float samples[200];
    for (int i = 0; i < 200; i++) samples[i] = (float)(i % 20) / 20 - 0.5f;
    float block[333];
    CHECK(cadenza_generate_block(stream, block, 333) == CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime(stream, samples, 200), takes_audio(model) ? CADENZA_OK : CADENZA_ERROR_UNSUPPORTED);
    CHECK(cadenza_stream_reset(stream, 9) == CADENZA_OK);
    CHECK_EQUAL(statistics_of(stream).frames, 0);
    draw_latents(stream, model, 9);
    CHECK(same_sound(stream, fresh, 1000));
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(fresh);
    cadenza_model_release(model);
  }
}

/* To prime a stream with what it generated is to generate it, except for the random numbers. */
static void prime_is_generate(void) {
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    cadenza_stream *player = create_here(model, 5), *listener = create_here(model, 6);
    /* Greedy: no random numbers in what follows, so that only the network's state counts. */
    float prompt[700];
    CHECK(cadenza_generate_block(player, prompt, 700) == CADENZA_OK);
    if (!takes_audio(model)) {
      CHECK_EQUAL(cadenza_stream_prime(listener, prompt, 700), CADENZA_ERROR_UNSUPPORTED);
      cadenza_stream_destroy(player);
      cadenza_stream_destroy(listener);
      cadenza_model_release(model);
      continue;
    }
    for (size_t done = 0, count = 1; done < 700; done += count, count = count * 3 % 211 + 1) {
      if (count > 700 - done) count = 700 - done;
      CHECK(cadenza_stream_prime(listener, prompt + done, count) == CADENZA_OK);
    }
    CHECK(cadenza_stream_set_parameter(player, CADENZA_PARAMETER_TEMPERATURE, 0) == CADENZA_OK);
    CHECK(cadenza_stream_set_parameter(listener, CADENZA_PARAMETER_TEMPERATURE, 0) == CADENZA_OK);
    CHECK(same_sound(player, listener, 500) || !hears_what_it_says(model));
    CHECK_EQUAL(statistics_of(listener).frames, 500); /* primed frames are not generated ones */
    cadenza_stream_destroy(player);
    cadenza_stream_destroy(listener);
    cadenza_model_release(model);
  }
}

/* Audio in any pieces, ended by hand or by what follows, is the same audio. */
static void primes_may_be_split(void) {
  float samples[900];
  for (int i = 0; i < 900; i++) samples[i] = (float)(i * i % 200) / 100 - 1;
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    if (!takes_audio(model)) {
      cadenza_model_release(model);
      continue;
    }
    cadenza_stream *whole = create_here(model, 5);
    CHECK(cadenza_stream_prime(whole, samples, 900) == CADENZA_OK);
    for (int round = 0; round < 3; round++) {
      cadenza_stream *split = create_here(model, 5);
      for (size_t done = 0, count = 1; done < 900; done += count, count = round == 0 ? 1 : count * 3 % 211 + 1) {
        if (count > 900 - done) count = 900 - done;
        CHECK(cadenza_stream_prime(split, samples + done, count) == CADENZA_OK);
        CHECK(cadenza_stream_prime(split, samples, 0) == CADENZA_OK); /* nothing, and not the end */
      }
      if (round == 1) CHECK(cadenza_stream_prime(split, NULL, 0) == CADENZA_OK);
      CHECK(cadenza_stream_reset(whole, 5) == CADENZA_OK);
      CHECK(cadenza_stream_prime(whole, samples, 900) == CADENZA_OK);
      CHECK(same_sound(whole, split, 500));
      cadenza_stream_destroy(split);
    }
    cadenza_stream_destroy(whole);
    cadenza_model_release(model);
  }
}

static void score_is_prime_and_adds_up(void) {
  for (int number = 0; number < subjects; number++) {
    cadenza_model *model = subject(number);
    uint32_t vocabulary = model_info(model).vocabulary_size;
    if (vocabulary > 0) {
      cadenza_stream *scored = create_here(model, 5), *primed = create_here(model, 5), *split = create_here(model, 5);
      float samples[600];
      for (int i = 0; i < 600; i++) samples[i] = (float)(i * i % 200) / 100 - 1;
      double nats = -1, sum = 0, part;
      CHECK(cadenza_stream_score(scored, samples, 600, &nats) == CADENZA_OK);
      CHECK(cadenza_stream_prime(primed, samples, 600) == CADENZA_OK);
      CHECK(nats > 0 && nats < 600 * 60.0 * 2);
      for (int done = 0; done < 600; done += 60) {
        CHECK(cadenza_stream_score(split, samples + done, 60, &part) == CADENZA_OK);
        sum += part;
      }
      CHECK(sum > nats * 0.999999 && sum < nats * 1.000001);
      double rest = -1;
      CHECK(cadenza_stream_score(scored, NULL, 0, &rest) == CADENZA_OK);
      CHECK(input_rate == 0 ? rest == 0 : rest > 0);
      CHECK(same_sound(scored, primed, 300));
      cadenza_stream_destroy(scored);
      cadenza_stream_destroy(primed);
      cadenza_stream_destroy(split);
    }
    cadenza_model_release(model);
  }
}

static void gain_only_multiplies(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *plain = create_here(model, 5), *loud = create_here(model, 5);
  CHECK(cadenza_stream_set_parameter(loud, CADENZA_PARAMETER_GAIN, 2) == CADENZA_OK);
  float a[500], b[500];
  CHECK(cadenza_generate_block(plain, a, 500) == CADENZA_OK);
  CHECK(cadenza_generate_block(loud, b, 500) == CADENZA_OK);
  for (int i = 0; i < 500; i++) CHECK(b[i] == 2 * a[i]);
  cadenza_stream_destroy(plain);
  cadenza_stream_destroy(loud);
  cadenza_model_release(model);
}

/* Gains on their way, a reset while it sounds, the limit and the filter against what is constant: all count frames. */
static void smoothing_is_the_same_in_any_blocks(void) {
  static const size_t blocks[] = {1, 7, 64, 500, 0, 0};
  static const float gains[] = {1, 9, 0.2f, 0, 3, 3, 0.5f, 16, 1, 2};
  cadenza_model *model = load_tiny(TINY_LSTM);
  uint64_t expected = 0;
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.smoothing_seconds = 0.02f;
    options.dc_blocker_hertz = 20;
    options.sample_rate = rate;
    cadenza_stream *stream = create_checked(model, &options);
    uint64_t hash = hash_start();
    for (size_t done = 0; done < 2000;) {
      static float output[500];
      if (done % 200 == 0) CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, gains[done / 200]) == CADENZA_OK);
      if (done == 1400) CHECK(cadenza_stream_reset(stream, 1) == CADENZA_OK);
      size_t count = blocks[i] ? blocks[i] : random_number() % 90;
      if (count > 200 - done % 200) count = 200 - done % 200;
      CHECK(cadenza_generate_block(stream, output, count) == CADENZA_OK);
      for (size_t frame = 0; frame < count; frame++) CHECK(output[frame] >= -4 && output[frame] <= 4);
      hash = hash_samples(hash, output, count);
      done += count;
    }
    if (i == 0) expected = hash;
    CHECK(hash == expected);
    cadenza_stream_destroy(stream);
  }
  cadenza_model_release(model);
}

/* ---- Notes ------------------------------------------------------------------------------------------------------------------- */

#define VOICES 3
#define NOTE_FRAMES 2500

/* Those of tiny_instruments that give numbers. */
#define SOUND_INSTRUMENTS (TINY_INSTRUMENTS - 1)

/* Plays the notes of host.h's score in blocks of `block` (0: random ones), asking for them block by block. */
static uint64_t play_score(cadenza_stream *stream, const cadenza_model *model, size_t start, size_t frames, size_t block) {
  static float output[8192];
  uint64_t hash = hash_start();
  uint32_t pitch = pitch_condition(model);
  for (size_t done = start; done < start + frames;) {
    if (done % 500 == 0) {
      for (uint32_t index = 0; index < model_info(model).condition_count; index++) {
        float values[2] = {(float)(done / 500 % 3), 0.5f};
        cadenza_condition_info info = condition_info(model, index);
        size_t count = info.kind == CADENZA_CONDITION_CLASS ? 1 : info.size;
        if (index != pitch) CHECK(cadenza_stream_set_condition(stream, index, values, count) == CADENZA_OK);
      }
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, done % 1000 ? 0.8f : 1.2f) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, done % 1500 ? 0.5f : 2) == CADENZA_OK);
    }
    size_t count = block ? block : random_number() % 300;
    if (count > 500 - done % 500) count = 500 - done % 500;
    if (count > start + frames - done) count = start + frames - done;
    ask_for_notes(stream, done, count);
    CHECK(cadenza_generate_block(stream, output, count) == CADENZA_OK);
    hash = hash_samples(hash, output, count);
    done += count;
  }
  return hash;
}

static void notes_are_the_same_in_any_blocks(void) {
  static const size_t blocks[] = {1, 7, 64, 500, 0, 0};
  for (int number = 0; number < SOUND_INSTRUMENTS; number++) {
    note("%s", tiny_names[tiny_instruments[number]]);
    cadenza_model *model = load_tiny(tiny_instruments[number]);
    cadenza_stream *reference = create_instrument(model, 3, rate, VOICES);
    uint64_t expected = play_score(reference, model, 0, NOTE_FRAMES, 4096);
    cadenza_stream_destroy(reference);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
      cadenza_stream *stream = create_instrument(model, 3, rate, VOICES);
      CHECK(play_score(stream, model, 0, NOTE_FRAMES, blocks[i]) == expected);
      cadenza_stream_destroy(stream);
    }
    cadenza_stream *other = create_instrument(model, 4, rate, VOICES);
    CHECK(play_score(other, model, 0, NOTE_FRAMES, 64) != expected); /* or the tests compare silence */
    CHECK(cadenza_stream_reset(other, 3) == CADENZA_OK);
    CHECK(play_score(other, model, 0, NOTE_FRAMES, 33) == expected);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

static void a_saved_state_plays_its_notes_on(void) {
  for (int number = 0; number < SOUND_INSTRUMENTS; number++) {
    note("%s", tiny_names[tiny_instruments[number]]);
    cadenza_model *model = load_tiny(tiny_instruments[number]);
    cadenza_stream *stream = create_instrument(model, 5, rate, VOICES), *other = create_instrument(model, 77, rate, VOICES);
    unsigned char *state = NULL;
    static const size_t cuts[] = {0, 1, 37, 115, 160, 555};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
      CHECK(cadenza_stream_reset(stream, 5) == CADENZA_OK);
      play_score(stream, model, 0, cuts[i], 64);
      /* Two that wait when the state is saved, and are asked for once. */
      CHECK(cadenza_stream_note_on(stream, 2, 7, 99, 1) == CADENZA_OK);
      size_t size = 0;
      CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
      state = realloc(state, size);
      CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
      CHECK(cadenza_stream_reset(other, 1) == CADENZA_OK);
      play_score(other, model, 0, 123, 64);
      CHECK(cadenza_stream_load_state(other, state, size) == CADENZA_OK);
      float a[10], b[10];
      CHECK(cadenza_generate_block(stream, a, 10) == CADENZA_OK);
      for (int frame = 0; frame < 10; frame++) CHECK(cadenza_generate_block(other, b + frame, 1) == CADENZA_OK);
      CHECK(memcmp(a, b, sizeof a) == 0);
      uint64_t expected = play_score(stream, model, 1000, 1000, 64);
      CHECK(play_score(other, model, 1000, 1000, 7) == expected);
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

/* ---- Composers --------------------------------------------------------------------------------------------------------------- */

#define MUSIC_FRAMES 20000

/* Those of the tiny composers that give numbers, then the composers among the files. */
#define WORKING_COMPOSERS (TINY_COMPOSERS - 1)
static char **composer_files;
static int composer_file_count, composers = WORKING_COMPOSERS;

static const char *composer_name(int number) {
  return number < WORKING_COMPOSERS ? tiny_names[TINY_FIRST_COMPOSER + number] : composer_files[number - WORKING_COMPOSERS];
}

static cadenza_model *composer(int number) {
  note("%s", composer_name(number));
  return number < WORKING_COMPOSERS ? load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number)) : load_file(composer_name(number));
}

/* At a low rate, where nothing else is asked for, so that few frames hold much music. */
static cadenza_stream *create_music(cadenza_model *model, uint64_t seed) {
  return create_composer(model, seed, rate ? rate : 16000, VOICES);
}

/* Bits of an event, wherever its block began. */
static uint64_t hash_event(uint64_t hash, const cadenza_event *event, uint64_t frame) {
  const uint64_t words[4] = {frame, (uint64_t)event->kind << 32 | event->voice, event->pitch, 0};
  hash = hash_samples(hash, (const float *)words, sizeof words / 4);
  hash = hash_samples(hash, &event->velocity, 1);
  return hash_samples(hash, (const float *)&event->beat, 2);
}

typedef struct music {
  uint64_t sound, events, notes;
} music;

/* Plays music in blocks of `block` (0: random ones). Conditions, parameters and the tempo change every 5,000 frames, which no block may
   cross; the host plays a note of its own now and then. */
static music play_music(cadenza_stream *stream, const cadenza_model *model, size_t start, size_t frames, size_t block) {
  static float output[8192];
  static cadenza_event events[CADENZA_MAX_EVENTS];
  music heard = {hash_start(), hash_start(), 0};
  for (size_t done = start; done < start + frames;) {
    size_t step = done / 5000;
    if (done % 5000 == 0) {
      static const float temperatures[3] = {0.9f, 1.5f, 1};
      static const float tempos[4] = {240, 1000, 61.7f, 333};
      set_conditions(stream, model, (unsigned)step);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, temperatures[step % 3]) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TOP_K, (float)(step % 2 * 30)) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPO, tempos[step % 4]) == CADENZA_OK);
      CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, step % 2 ? 0.7f : 1) == CADENZA_OK);
      CHECK(cadenza_stream_note_on(stream, 0, 15, 55, 0.7f) == CADENZA_OK);
      CHECK(cadenza_stream_note_off(stream, 0, 15, 57) == CADENZA_OK);
    }
    size_t count = block ? block : 1 + random_number() % 300; /* (never none: the host's notes would be asked for twice) */
    if (count > 5000 - done % 5000) count = 5000 - done % 5000;
    if (count > start + frames - done) count = start + frames - done;
    cadenza_status status = cadenza_generate_block(stream, output, count);
    CHECK(status == CADENZA_OK || status == CADENZA_END);
    heard.sound = hash_samples(heard.sound, output, count);
    size_t found = 0;
    CHECK_EQUAL(cadenza_stream_read_events(stream, events, CADENZA_MAX_EVENTS, &found), CADENZA_OK);
    for (size_t i = 0; i < found; i++) {
      CHECK(events[i].frame < count);
      heard.events = hash_event(heard.events, &events[i], done + events[i].frame);
      heard.notes += events[i].kind == CADENZA_EVENT_NOTE_ON;
    }
    done += count;
  }
  return heard;
}

static int same_music(music left, music right) {
  return left.sound == right.sound && left.events == right.events && left.notes == right.notes;
}

/* A seed with which some notes are heard: a piece may begin with a long rest. */
static uint64_t seed_with_notes(const cadenza_model *model) {
  for (uint64_t seed = 3; seed < 50; seed++) {
    cadenza_stream *stream = create_music((cadenza_model *)model, seed);
    const music heard = play_music(stream, model, 0, MUSIC_FRAMES, 4096);
    cadenza_stream_destroy(stream);
    if (heard.notes > 3) return seed;
  }
  CHECK(!"a seed with notes");
  return 3;
}

static void music_is_the_same_in_any_blocks(void) {
  static const size_t blocks[] = {1, 7, 500, 0};
  for (int number = 0; number < composers; number++) {
    cadenza_model *model = composer(number);
    const uint64_t seed = seed_with_notes(model);
    cadenza_stream *stream = create_music(model, seed);
    music expected = play_music(stream, model, 0, MUSIC_FRAMES, 4096);
    CHECK(expected.notes > 3); /* or the test compares silence */
    cadenza_stream_destroy(stream);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
      stream = create_music(model, seed);
      CHECK(same_music(play_music(stream, model, 0, MUSIC_FRAMES, blocks[i]), expected));
      cadenza_stream_destroy(stream);
    }
    stream = create_music(model, seed + 1);
    music other = play_music(stream, model, 0, MUSIC_FRAMES, 64);
    CHECK(other.sound != expected.sound && other.events != expected.events);
    /* And after a reset, which takes parameters and conditions from what is set next. */
    CHECK(cadenza_stream_reset(stream, seed) == CADENZA_OK);
    CHECK(same_music(play_music(stream, model, 0, MUSIC_FRAMES, 33), expected));
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

/* Without an instrument a composer writes the same, and is silent. */
static void music_that_nobody_plays_is_the_same(void) {
  for (int number = 0; number < composers; number++) {
    cadenza_model *model = composer(number);
    const uint64_t seed = seed_with_notes(model);
    cadenza_stream *played = create_composer(model, seed, 16000, VOICES), *unheard = create_composer(model, seed, 16000, 0);
    CHECK(cadenza_stream_set_parameter(played, CADENZA_PARAMETER_TEMPO, 300) == CADENZA_OK);
    CHECK(cadenza_stream_set_parameter(unheard, CADENZA_PARAMETER_TEMPO, 300) == CADENZA_OK);
    static float output[MUSIC_FRAMES], silence[MUSIC_FRAMES];
    static cadenza_event events[2][CADENZA_MAX_EVENTS];
    size_t counts[2];
    cadenza_status status = cadenza_generate_block(played, output, MUSIC_FRAMES);
    CHECK(memcmp(output, silence, sizeof output) != 0);
    CHECK_EQUAL(cadenza_generate_block(unheard, output, MUSIC_FRAMES), status);
    CHECK(memcmp(output, silence, sizeof output) == 0);
    memset(events, 0, sizeof events);
    CHECK(cadenza_stream_read_events(played, events[0], CADENZA_MAX_EVENTS, &counts[0]) == CADENZA_OK);
    CHECK(cadenza_stream_read_events(unheard, events[1], CADENZA_MAX_EVENTS, &counts[1]) == CADENZA_OK);
    CHECK(counts[0] > 0 && counts[0] == counts[1]);
    CHECK(memcmp(events[0], events[1], counts[0] * sizeof(cadenza_event)) == 0);
    cadenza_stream_destroy(played);
    cadenza_stream_destroy(unheard);
    cadenza_model_release(model);
  }
}

static void a_saved_state_composes_on(void) {
  for (int number = 0; number < composers; number++) {
    cadenza_model *model = composer(number);
    cadenza_stream *stream = create_music(model, 5), *other = create_music(model, 77);
    unsigned char *state = NULL;
    static const size_t cuts[] = {0, 1, 333, 4999, 7777, 12345}; /* in the middle of steps, notes and fades */
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
      CHECK(cadenza_stream_reset(stream, 5) == CADENZA_OK);
      play_music(stream, model, 0, cuts[i], 64);
      size_t size = 0;
      CHECK(cadenza_stream_save_state(stream, NULL, &size) == CADENZA_OK);
      state = realloc(state, size);
      CHECK(cadenza_stream_save_state(stream, state, &size) == CADENZA_OK);
      CHECK(cadenza_stream_reset(other, 78) == CADENZA_OK);
      play_music(other, model, 0, 6123, 64); /* a past of its own, which must be gone */
      CHECK(cadenza_stream_load_state(other, state, size) == CADENZA_OK);
      music expected = play_music(stream, model, cuts[i], 14000, 64);
      CHECK(same_music(play_music(other, model, cuts[i], 14000, 7), expected));
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

/* A piece is taken alike whatever was asked of the stream before, and what follows it as well. */
static void music_goes_on_from_a_piece(void) {
  cadenza_event piece[20];
  memset(piece, 0, sizeof piece);
  for (int i = 0; i < 20; i++) {
    piece[i].frame = (uint64_t)(i / 2 * 4000 + i % 2 * 3000);
    piece[i].kind = i % 2 ? CADENZA_EVENT_NOTE_OFF : CADENZA_EVENT_NOTE_ON;
    piece[i].pitch = (uint32_t)(60 + i / 2 % 3);
    piece[i].velocity = i % 2 ? 0 : 0.6f;
  }
  for (int number = 0; number < composers; number++) {
    cadenza_model *model = composer(number);
    cadenza_stream *stream = create_music(model, 5), *twin = create_music(model, 5);
    for (int round = 0; round < 2; round++) { /* the next piece continues */
      CHECK_EQUAL(cadenza_stream_prime_events(stream, piece, 20, 41000), CADENZA_OK);
      double nats = -1;
      uint64_t choices = 77;
      if (model_info(model).vocabulary_size > 0) {
        CHECK_EQUAL(cadenza_stream_score_events(twin, piece, 20, 41000, &nats, &choices), CADENZA_OK);
        CHECK(nats > 0 && choices > 0);
      } else {
        CHECK_EQUAL(cadenza_stream_prime_events(twin, piece, 20, 41000), CADENZA_OK);
      }
    }
    CHECK(same_music(play_music(stream, model, 0, 15000, 64), play_music(twin, model, 0, 15000, 33)));
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(twin);
    cadenza_model_release(model);
  }
}

/* ---- Instruction sets: the library reads CADENZA_ISA when it loads, so each is another process ------------------------------- */

static int print_hashes(void) {
  static const uint32_t rates[] = {0, 44100, 16001, 8000};
  for (int number = 0; number < subjects; number++) {
    for (size_t i = 0; i < (number < TINY_OVERFLOW ? sizeof rates / sizeof *rates : 1); i++) {
      rate = rates[i];
      cadenza_model *model = subject(number);
      cadenza_stream *stream = create_here(model, 3);
      printf("%s %s %u %016llx\n", model_info(model).instruction_set, subject_name(number), (unsigned)rate,
             (unsigned long long)play(stream, model, 0, frames_of(number), 64));
      cadenza_stream_destroy(stream);
      cadenza_model_release(model);
    }
  }
  for (int number = 0; number < SOUND_INSTRUMENTS; number++) {
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
      cadenza_model *model = load_tiny(tiny_instruments[number]);
      cadenza_stream *stream = create_instrument(model, 3, rates[i], VOICES);
      printf("%s notes on %s %u %016llx\n", model_info(model).instruction_set, tiny_names[tiny_instruments[number]],
             (unsigned)rates[i], (unsigned long long)play_score(stream, model, 0, NOTE_FRAMES, 64));
      cadenza_stream_destroy(stream);
      cadenza_model_release(model);
    }
  }
  for (int number = 0; number < composers; number++) {
    for (size_t i = 0; i < (number < WORKING_COMPOSERS ? 2 : 1); i++) {
      rate = rates[i];
      cadenza_model *model = composer(number);
      cadenza_stream *stream = create_music(model, 3);
      music heard = play_music(stream, model, 0, MUSIC_FRAMES, 64);
      printf("%s music of %s %u %016llx %016llx\n", model_info(model).instruction_set, composer_name(number), (unsigned)rate,
             (unsigned long long)heard.sound, (unsigned long long)heard.events);
      cadenza_stream_destroy(stream);
      cadenza_model_release(model);
    }
  }
  return 0;
}

static char **own_arguments;

/* What `invariance --hash` prints with CADENZA_ISA set to `name`: its instruction set, and all else. */
static void hashes_on(const char *name, char *found, size_t room, char *hashes, size_t hashes_room) {
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv("CADENZA_ISA", name, 1);
    if (!*name) unsetenv("CADENZA_ISA");
    dup2(pipes[1], 1);
    close(pipes[0]);
    char **arguments = calloc((size_t)(model_count + composer_file_count) + 3, sizeof *arguments);
    arguments[0] = own_arguments[0];
    arguments[1] = "--hash";
    for (int i = 0; i < model_count; i++) arguments[2 + i] = models[i];
    for (int i = 0; i < composer_file_count; i++) arguments[2 + model_count + i] = composer_files[i];
    execv("/proc/self/exe", arguments);
    _exit(127);
  }
  close(pipes[1]);
  FILE *answer = fdopen(pipes[0], "r");
  char line[4096];
  size_t length = 0;
  found[0] = hashes[0] = 0;
  while (fgets(line, sizeof line, answer)) {
    char *rest = strchr(line, ' ');
    CHECK(rest != NULL);
    snprintf(found, room, "%.*s", (int)(rest - line), line);
    length += (size_t)snprintf(hashes + length, hashes_room - length, "%s", rest);
    CHECK(length < hashes_room);
  }
  fclose(answer);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void same_bits_on_any_instruction_set(void) {
  static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
  static char expected[1 << 16], hashes[1 << 16];
  char best[64], found[64];
  hashes_on("", best, sizeof best, expected, sizeof expected);
  CHECK(strlen(expected) > 0);
  printf("     by default: %s\n", best);
  int forced = 0;
  for (int i = 0; i < 4; i++) {
    note("CADENZA_ISA=%s", names[i]);
    hashes_on(names[i], found, sizeof found, hashes, sizeof hashes);
    printf("     CADENZA_ISA=%s runs on: %s\n", names[i], found);
    forced += strcmp(found, names[i]) == 0;
    if (i == 0) CHECK(strcmp(found, "portable") == 0);
    if (strcmp(hashes, expected) != 0) printf("%s%s", expected, hashes);
    CHECK(strcmp(hashes, expected) == 0);
  }
  CHECK(forced >= 1);
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) CHECK(forced >= 2);
#endif
}

/* The files among the arguments: those that play audio into `models`, those that compose into `composer_files`. */
static void sort_files(int count, char **files) {
  models = calloc((size_t)count + 1, sizeof *models);
  composer_files = calloc((size_t)count + 1, sizeof *composer_files);
  for (int i = 0; i < count; i++) {
    cadenza_model *model = load_file(files[i]);
    if (is_composer(model)) {
      composer_files[composer_file_count++] = files[i];
    } else {
      models[model_count++] = files[i];
    }
    cadenza_model_release(model);
  }
}

int main(int argument_count, char **arguments) {
  int hash = argument_count > 1 && strcmp(arguments[1], "--hash") == 0;
  own_arguments = arguments;
  if (setjmp(check_end_of_test) != 0) return 1;
  sort_files(argument_count - 1 - hash, arguments + 1 + hash);
  subjects = TINY_OVERFLOW + model_count;
  composers = WORKING_COMPOSERS + composer_file_count;
  if (hash) return print_hashes();
  host_smoothing = 0; /* a transition would be the past's */
  RUN(same_bits_in_any_blocks);
  RUN(one_large_block_is_many_small_ones);
  RUN(other_seeds_give_other_bits);
  RUN(a_saved_state_continues_the_same);
  RUN(parameters_travel_with_the_state);
  RUN(reset_is_a_new_beginning);
  RUN(prime_is_generate);
  RUN(primes_may_be_split);
  RUN(score_is_prime_and_adds_up);
  RUN(gain_only_multiplies);
  RUN(smoothing_is_the_same_in_any_blocks);
  RUN(notes_are_the_same_in_any_blocks);
  RUN(a_saved_state_plays_its_notes_on);
  RUN(music_is_the_same_in_any_blocks);
  RUN(music_that_nobody_plays_is_the_same);
  RUN(a_saved_state_composes_on);
  RUN(music_goes_on_from_a_piece);
  RUN(same_bits_on_any_instruction_set);
  static const uint32_t rates[][2] = {{44100, 48000}, {16001, 0}, {8000, 44100}};
  subjects = TINY_OVERFLOW;
  composers = WORKING_COMPOSERS;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    rate = rates[i][0];
    input_rate = rates[i][1];
#define RUN_HERE(test)                                                                                                         \
  do {                                                                                                                         \
    char name[128];                                                                                                            \
    snprintf(name, sizeof name, "%s, at %u Hz from audio at %u Hz", #test, (unsigned)rate, (unsigned)input_rate);              \
    RUN_NAMED(test, name);                                                                                                     \
  } while (0)
    RUN_HERE(same_bits_in_any_blocks);
    RUN_HERE(one_large_block_is_many_small_ones);
    RUN_HERE(other_seeds_give_other_bits);
    RUN_HERE(a_saved_state_continues_the_same);
    RUN_HERE(parameters_travel_with_the_state);
    RUN_HERE(reset_is_a_new_beginning);
    RUN_HERE(primes_may_be_split);
    RUN_HERE(score_is_prime_and_adds_up);
    RUN_HERE(gain_only_multiplies);
    RUN_HERE(smoothing_is_the_same_in_any_blocks);
    RUN_HERE(notes_are_the_same_in_any_blocks);
    RUN_HERE(a_saved_state_plays_its_notes_on);
    RUN_HERE(music_is_the_same_in_any_blocks);
    RUN_HERE(a_saved_state_composes_on);
  }
  return finish();
}
