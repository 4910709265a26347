/*
 * Streams that render ahead, as a host meets them: the same bits, blocks that were not ready, notes to the frame, events, resets,
 * drops, states, and a thread that cannot start. Nothing here depends on how fast the machine is: where something must be ready
 * the test waits for it, and where something must not be, the ring is shorter than the block.
 */
#define _GNU_SOURCE
#include "host.h"
#include "interpose.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define RING 700

static void pass_a_millisecond(void) {
  const struct timespec time = {0, 1000000};
  nanosleep(&time, NULL);
}

/* Waits until so many frames are ready; a minute at most. */
static void wait_for(const cadenza_stream *stream, uint64_t frames) {
  for (int look = 0; look < 60000 && statistics_of(stream).frames_ahead < frames; look++) pass_a_millisecond();
  CHECK(statistics_of(stream).frames_ahead >= frames);
}

static cadenza_stream *stream_of(cadenza_model *model, uint32_t ahead, uint32_t rate, uint32_t voices, float smoothing) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = 3;
  options.sample_rate = rate;
  options.voices = is_composer(model) ? 0 : voices;
  options.render_ahead_frames = ahead;
  options.smoothing_seconds = smoothing;
  cadenza_stream *stream = create_checked(model, &options);
  if (is_composer(model) && voices > 0) give_flute(stream, voices);
  return stream;
}

static cadenza_stream *offline(cadenza_model *model, uint32_t ahead, uint32_t rate, uint32_t voices) {
  cadenza_stream *stream = stream_of(model, ahead, rate, voices, 0);
  CHECK_EQUAL(cadenza_stream_set_render_mode(stream, CADENZA_RENDER_OFFLINE), CADENZA_OK);
  return stream;
}

/* ---- The same bits ------------------------------------------------------------------------------------------------------------- */

static void offline_bits_are_the_same(void) {
  static const uint32_t rates[] = {0, 44100}, rings[] = {1, 333, 5000};
  static const size_t blocks[] = {1, 64, 700, 3000};
  for (int kind = 0; kind < TINY_KINDS; kind++) {
    cadenza_model *model = load_tiny((tiny_kind)kind);
    for (int i = 0; i < 6; i++) {
      note("%s at %u Hz, %u frames ahead", tiny_names[kind], (unsigned)rates[i % 2], (unsigned)rings[i / 2]);
      static float expected[3000], found[3000];
      cadenza_stream *plain = stream_of(model, 0, rates[i % 2], 0, 0), *ahead = offline(model, rings[i / 2], rates[i % 2], 0);
      const cadenza_status wanted = kind == TINY_OVERFLOW ? CADENZA_ERROR_NUMERIC : CADENZA_OK;
      CHECK_EQUAL(cadenza_generate_block(plain, expected, 3000), wanted);
      size_t block = blocks[i % 4];
      for (size_t done = 0; done < 3000; done += block) {
        if (block > 3000 - done) block = 3000 - done;
        CHECK_EQUAL(cadenza_generate_block(ahead, found + done, block), wanted);
      }
      CHECK(memcmp(expected, found, sizeof found) == 0);
      CHECK_EQUAL(statistics_of(ahead).underruns, 0);
      CHECK_EQUAL(statistics_of(ahead).frames, 3000);
      CHECK_EQUAL(statistics_of(ahead).numeric_errors, kind == TINY_OVERFLOW);
      cadenza_stream_destroy(plain);
      cadenza_stream_destroy(ahead);
    }
    cadenza_model_release(model);
  }
}

/* In real time, where every block was ready. */
static void realtime_bits_are_the_same(void) {
  for (int kind = 0; kind < TINY_OVERFLOW; kind++) {
    note("%s", tiny_names[kind]);
    cadenza_model *model = load_tiny((tiny_kind)kind);
    cadenza_stream *plain = stream_of(model, 0, 0, 0, 0.005f), *ahead = stream_of(model, RING, 0, 0, 0.005f);
    for (size_t block = 1; block < 500; block = block * 3 + 1) {
      wait_for(ahead, block);
      CHECK(same_sound(plain, ahead, block));
    }
    CHECK_EQUAL(statistics_of(ahead).underruns, 0);
    cadenza_stream_destroy(plain);
    cadenza_stream_destroy(ahead);
    cadenza_model_release(model);
  }
}

typedef struct heard {
  float sound[30000];
  cadenza_event events[CADENZA_MAX_EVENTS];
  size_t count;
  cadenza_status first_end; /* frames before the block that ended the piece; -1: none */
} heard;

/* Plays music in blocks, and keeps its events with frames from the beginning. */
static void listen_to(cadenza_stream *stream, heard *music, size_t block) {
  memset(music, 0, sizeof *music);
  music->first_end = -1;
  for (size_t done = 0; done < 30000;) {
    const size_t frames = block < 30000 - done ? block : 30000 - done;
    cadenza_status status = cadenza_generate_block(stream, music->sound + done, frames);
    CHECK(status == CADENZA_OK || status == CADENZA_END);
    if (status == CADENZA_END && music->first_end < 0) music->first_end = (cadenza_status)done;
    size_t count = 0;
    CHECK_EQUAL(cadenza_stream_read_events(stream, music->events + music->count, CADENZA_MAX_EVENTS - music->count, &count),
                CADENZA_OK);
    for (size_t i = 0; i < count; i++) {
      CHECK(music->events[music->count + i].frame < frames);
      music->events[music->count + i].frame += done;
    }
    music->count += count;
    done += frames;
  }
}

static void music_is_the_same(void) {
  static heard expected, found;
  for (int number = 0; number < TINY_COMPOSERS - 1; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    cadenza_model *model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    for (uint32_t voices = 0; voices < 4; voices += 3) {
      cadenza_stream *plain = stream_of(model, 0, 16000, voices, 0);
      CHECK_EQUAL(cadenza_stream_set_parameter(plain, CADENZA_PARAMETER_TEMPO, 600), CADENZA_OK);
      listen_to(plain, &expected, 100);
      CHECK(expected.count > 3);
      static const uint32_t rings[] = {16, 800, 40000};
      static const size_t blocks[] = {100, 100, 5000};
      for (int i = 0; i < 3; i++) {
        /* What is ahead has not heard of the instrument and the tempo: a reset does away with it. */
        cadenza_stream_options options;
        cadenza_stream_options_init(&options, model);
        options.seed = 3;
        options.sample_rate = 16000;
        options.render_ahead_frames = rings[i];
        options.smoothing_seconds = 0;
        cadenza_stream *ahead = create_checked(model, &options);
        CHECK_EQUAL(cadenza_stream_set_render_mode(ahead, CADENZA_RENDER_OFFLINE), CADENZA_OK);
        if (voices > 0) give_flute(ahead, voices);
        CHECK_EQUAL(cadenza_stream_set_parameter(ahead, CADENZA_PARAMETER_TEMPO, 600), CADENZA_OK);
        CHECK_EQUAL(cadenza_stream_reset(ahead, 3), CADENZA_OK);
        listen_to(ahead, &found, blocks[i]);
        CHECK(memcmp(found.sound, expected.sound, sizeof found.sound) == 0);
        CHECK_EQUAL(found.count, expected.count);
        CHECK(memcmp(found.events, expected.events, expected.count * sizeof *expected.events) == 0);
        if (blocks[i] == 100) CHECK_EQUAL(found.first_end, expected.first_end);
        CHECK_EQUAL(latency_of(ahead), latency_of(plain));
        cadenza_stream_destroy(ahead);
      }
      cadenza_stream_destroy(plain);
    }
    cadenza_model_release(model);
  }
}

/* ---- Notes of the host ----------------------------------------------------------------------------------------------------------- */

/* A ring of whole samples of the model, so that notes begin on the same ones. */
#define LATE 999

/* Each sounds as many frames later as the ring is long, to the frame, whatever the blocks. */
static void notes_are_late_by_the_ring(void) {
  static const size_t blocks[] = {1, 64, 1000, 3000}; /* as many as 256 notes last */
  static float expected[4000], found[4999];
  for (int number = 0; number < TINY_INSTRUMENTS - 1; number++) {
    note("%s", tiny_names[tiny_instruments[number]]);
    cadenza_model *model = load_tiny(tiny_instruments[number]);
    for (uint32_t rate = 0; rate <= 48000; rate += 48000) {
      cadenza_stream *plain = stream_of(model, 0, rate, 3, 0);
      for (size_t done = 0; done < 4000; done += 500) {
        ask_for_notes(plain, done, 500);
        CHECK_EQUAL(cadenza_generate_block(plain, expected + done, 500), CADENZA_OK);
      }
      for (size_t i = 0; i < 4; i++) {
        cadenza_stream *ahead = offline(model, LATE, rate, 3);
        CHECK_EQUAL(latency_of(ahead), latency_of(plain) + LATE);
        if (i % 2) wait_for(ahead, LATE); /* with a full ring, and with whatever there is */
        for (size_t done = 0; done < 4000 + LATE;) {
          const size_t frames = blocks[i] < 4000 + LATE - done ? blocks[i] : 4000 + LATE - done;
          ask_for_notes(ahead, done, frames);
          CHECK_EQUAL(cadenza_generate_block(ahead, found + done, frames), CADENZA_OK);
          done += frames;
        }
        for (size_t frame = 0; frame < LATE; frame++) CHECK(found[frame] == 0);
        CHECK(memcmp(found + LATE, expected, sizeof expected) == 0);
        cadenza_stream_destroy(ahead);
      }
      cadenza_stream_destroy(plain);
    }
    cadenza_model_release(model);
  }
}

static void as_many_notes_wait_as_ever(void) {
  cadenza_model *model = load_tiny(TINY_FLUTE);
  cadenza_stream *stream = offline(model, RING, 0, 2);
  for (int round = 0; round < 6; round++) {
    for (uint32_t i = 0; i < 256; i++) CHECK_EQUAL(cadenza_stream_note_on(stream, i / 100, 0, 48 + i % 12, 1), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_note_on(stream, 3, 0, 50, 1), CADENZA_ERROR_STATE);
    CHECK_EQUAL(cadenza_stream_note_off(stream, 1, 0, 50), CADENZA_ERROR_INVALID_ARGUMENT);
    static float block[1000];
    CHECK_EQUAL(cadenza_generate_block(stream, block, 1000), CADENZA_OK);
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* ---- What is missing --------------------------------------------------------------------------------------------------------------- */

/* A block longer than the ring: what there is, a fade, silence; the music goes on where it stopped. */
static void missing_frames_are_silent_and_counted(void) {
  cadenza_model *model = load_tiny(TINY_WAVEFORM); /* 48 kHz */
  static float whole[4000], block[2000], last;
  const size_t fade = 240;
  cadenza_stream *plain = stream_of(model, 0, 0, 0, 0.005f), *ahead = stream_of(model, RING, 0, 0, 0.005f);
  CHECK_EQUAL(cadenza_generate_block(plain, whole, 4000), CADENZA_OK);
  wait_for(ahead, RING);
  /* The thread may add some while the block is taken: only at the ring's end, hardly more than it has room for. */
  CHECK_EQUAL(cadenza_generate_block(ahead, block, 2000), CADENZA_UNDERRUN);
  const cadenza_stream_statistics statistics = statistics_of(ahead);
  const size_t got = 2000 - statistics.underrun_frames;
  CHECK_EQUAL(statistics.underruns, 1);
  CHECK_EQUAL(statistics.frames, 2000);
  CHECK(got >= RING && got < 2000 - fade);
  CHECK(memcmp(block, whole, got * 4) == 0);
  last = block[got - 1];
  CHECK(last != 0);
  for (size_t i = got; i < got + fade; i++) CHECK(block[i] * last >= 0 && block[i] / last <= block[i - 1] / last);
  CHECK(block[got + fade / 2] / last > 0.4f && block[got + fade / 2] / last < 0.6f);
  for (size_t i = got + fade; i < 2000; i++) CHECK(block[i] == 0);
  /* It comes back from zero, without a jump, and is the music that was missing. */
  wait_for(ahead, RING);
  CHECK_EQUAL(cadenza_generate_block(ahead, block, 600), CADENZA_OK);
  CHECK(block[0] > -0.01f && block[0] < 0.01f);
  CHECK(memcmp(block + fade, whole + got + fade, (600 - fade) * 4) == 0);
  CHECK(memcmp(block, whole + got, fade * 4) != 0);
  CHECK_EQUAL(statistics_of(ahead).underruns, 1);
  CHECK_EQUAL(cadenza_stream_reset(ahead, 3), CADENZA_OK);
  CHECK_EQUAL(statistics_of(ahead).underruns, 0);
  CHECK_EQUAL(statistics_of(ahead).underrun_frames, 0);
  cadenza_stream_destroy(plain);
  cadenza_stream_destroy(ahead);
  cadenza_model_release(model);
}

/* The gain is the audio thread's: heard at once, ring or no ring. Temperature is heard within the ring's length. */
static void the_gain_is_heard_at_once(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  cadenza_stream *plain = stream_of(model, 0, 0, 0, 0), *ahead = stream_of(model, RING, 0, 0, 0);
  static float a[400], b[400];
  wait_for(ahead, RING);
  CHECK_EQUAL(cadenza_stream_set_parameter(ahead, CADENZA_PARAMETER_GAIN, 0.5f), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_parameter(ahead, CADENZA_PARAMETER_TEMPERATURE, 0), CADENZA_OK);
  CHECK_EQUAL(cadenza_generate_block(plain, a, 400), CADENZA_OK);
  CHECK_EQUAL(cadenza_generate_block(ahead, b, 400), CADENZA_OK);
  for (int i = 0; i < 400; i++) CHECK(b[i] == 0.5f * a[i]);
  CHECK_EQUAL(cadenza_stream_set_render_mode(ahead, CADENZA_RENDER_OFFLINE), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_set_parameter(ahead, CADENZA_PARAMETER_GAIN, 1), CADENZA_OK);
  int same = 1;
  for (int block = 0; block < 3; block++) {
    CHECK_EQUAL(cadenza_generate_block(plain, a, 400), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(ahead, b, 400), CADENZA_OK);
    same = memcmp(a, b, sizeof a) == 0;
  }
  CHECK(!same);
  cadenza_stream_destroy(plain);
  cadenza_stream_destroy(ahead);
  cadenza_model_release(model);
}

/* ---- Resets and drops ------------------------------------------------------------------------------------------------------------- */

static void reset_is_a_new_beginning(void) {
  for (int kind = 0; kind < TINY_OVERFLOW; kind++) {
    note("%s", tiny_names[kind]);
    cadenza_model *model = load_tiny((tiny_kind)kind);
    cadenza_stream *fresh = offline(model, 0, 0, 0), *stream = offline(model, RING, 0, 0);
    float block[100];
    for (uint64_t seed = 7; seed > 3; seed--) {
      CHECK_EQUAL(cadenza_stream_reset(stream, seed), CADENZA_OK);
      CHECK_EQUAL(statistics_of(stream).frames_ahead < RING / 2 || seed < 7, 1);
      if (seed % 2) CHECK_EQUAL(cadenza_generate_block(stream, block, 100), CADENZA_OK);
    }
    CHECK_EQUAL(cadenza_stream_reset(stream, 3), CADENZA_OK);
    CHECK(same_sound(fresh, stream, 1500));
    cadenza_stream_destroy(fresh);
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

/* In real time: silence under a fade until the thread has begun anew, which is no underrun of the statistics. */
static void reset_in_real_time(void) {
  cadenza_model *model = load_tiny(TINY_WAVEFORM);
  cadenza_stream *fresh = stream_of(model, 0, 0, 0, 0.001f), *stream = stream_of(model, 1 << 16, 0, 0, 0.001f);
  static float whole[2000], block[2000];
  CHECK_EQUAL(cadenza_generate_block(fresh, whole, 2000), CADENZA_OK);
  wait_for(stream, 5000);
  CHECK_EQUAL(cadenza_generate_block(stream, block, 50), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_reset(stream, 3), CADENZA_OK);
  /* Everything that was ahead is gone, and nothing else is there before the thread has slept and worked. */
  cadenza_status status = cadenza_generate_block(stream, block + 50, 1);
  CHECK(status == CADENZA_OK || status == CADENZA_UNDERRUN);
  CHECK(block[50] == block[49] || block[50] / block[49] > 0.9f);
  wait_for(stream, 2000);
  CHECK_EQUAL(statistics_of(stream).underruns, 0);
  cadenza_stream_destroy(stream);

  /* A new one, to compare the bits: the block after the one silent frame, if it was. */
  stream = stream_of(model, 1 << 16, 0, 0, 0);
  wait_for(stream, 2000);
  CHECK_EQUAL(cadenza_stream_reset(stream, 3), CADENZA_OK);
  status = cadenza_generate_block(stream, block, 100);
  size_t silent = 0;
  if (status == CADENZA_UNDERRUN) {
    while (silent < 100 && block[99 - silent] == 0) silent++;
  }
  wait_for(stream, 1500);
  CHECK_EQUAL(cadenza_generate_block(stream, block + 100, 1000), CADENZA_OK);
  CHECK_EQUAL(statistics_of(stream).underruns, 0);
  CHECK(memcmp(block, whole, (100 - silent) * 4) == 0);
  CHECK(memcmp(block + 100, whole + 100 - silent, 1000 * 4) == 0);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(fresh);
  cadenza_model_release(model);
}

static void what_is_dropped_is_not_heard(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  static float whole[6000], block[500];
  cadenza_stream *plain = stream_of(model, 0, 0, 0, 0), *stream = offline(model, RING, 0, 0);
  CHECK_EQUAL(cadenza_generate_block(plain, whole, 6000), CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_drop_ahead(plain), CADENZA_OK); /* and nothing else */
  size_t place = 0;
  for (int round = 0; round < 4; round++) {
    wait_for(stream, RING);
    CHECK_EQUAL(cadenza_stream_drop_ahead(stream), CADENZA_OK);
    place += RING;
    /* Only what the thread has added since is between. */
    CHECK_EQUAL(cadenza_generate_block(stream, block, 300), CADENZA_OK);
    CHECK(memcmp(block, whole + place, 300 * 4) == 0);
    place += 300;
  }
  CHECK_EQUAL(statistics_of(stream).underruns, 0);
  cadenza_stream_destroy(plain);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* The events of what is dropped are told at the next block's first frame: no note is left without its end. */
static void events_of_what_is_dropped_are_told(void) {
  cadenza_model *model = load_tiny(TINY_CHORALE);
  static float block[2000];
  static cadenza_event events[CADENZA_MAX_EVENTS];
  cadenza_stream *stream = offline(model, 20000, 16000, 0);
  int sounding[16][128] = {{0}};
  size_t at_first = 0;
  double beat = 0;
  for (int round = 0; round < 12; round++) {
    wait_for(stream, 20000);
    if (round % 2) CHECK_EQUAL(cadenza_stream_drop_ahead(stream), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(stream, block, 2000), CADENZA_OK);
    size_t count = 0;
    CHECK_EQUAL(cadenza_stream_read_events(stream, events, CADENZA_MAX_EVENTS, &count), CADENZA_OK);
    for (size_t i = 0; i < count; i++) {
      CHECK(events[i].beat >= beat && events[i].frame < 2000);
      beat = events[i].beat;
      at_first += round % 2 && events[i].frame == 0;
      int *sounds = &sounding[events[i].voice][events[i].pitch];
      *sounds += events[i].kind == CADENZA_EVENT_NOTE_ON ? 1 : -1;
      CHECK(*sounds == 0 || *sounds == 1);
    }
  }
  CHECK(at_first > 10);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* ---- The main thread's functions ------------------------------------------------------------------------------------------------- */

/* What is ahead is heard first; what was fed comes after it. */
static void a_prompt_follows_what_is_ahead(void) {
  cadenza_model *model = load_tiny(TINY_GRU);
  float prompt[200];
  for (int i = 0; i < 200; i++) prompt[i] = (float)(i % 20) / 20 - 0.5f;
  static float expected[2000], found[2000];
  for (uint32_t rate = 0; rate <= 44100; rate += 44100) {
    cadenza_stream *plain = stream_of(model, 0, rate, 0, 0), *ahead = offline(model, RING, rate, 0);
    wait_for(ahead, RING);
    CHECK_EQUAL(cadenza_stream_prime(ahead, prompt, 200), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(ahead, found, 2000), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(plain, expected, RING), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_prime(plain, prompt, 200), CADENZA_OK);
    CHECK_EQUAL(cadenza_generate_block(plain, expected + RING, 2000 - RING), CADENZA_OK);
    CHECK(memcmp(expected, found, sizeof found) == 0);
    double nats = 0, ahead_nats = 0;
    CHECK_EQUAL(cadenza_stream_reset(plain, 3), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_reset(ahead, 3), CADENZA_OK);
    wait_for(ahead, 0);
    CHECK_EQUAL(cadenza_stream_score(ahead, prompt, 200, &ahead_nats), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_score(plain, prompt, 200, &nats), CADENZA_OK);
    CHECK(nats > 0 && ahead_nats > 0);
    cadenza_stream_destroy(plain);
    cadenza_stream_destroy(ahead);
  }
  cadenza_model_release(model);
}

/* Saved in the middle of a ring, notes and events under way included, and loaded into a stream with a past of its own. */
static void saved_states_hold_what_is_ahead(void) {
  static float expected[5000], found[5000];
  static cadenza_event events[2][CADENZA_MAX_EVENTS];
  for (int kind = 0; kind < TINY_ALL; kind++) {
    if (kind == TINY_OVERFLOW || kind == TINY_NO_COMPOSER) continue;
    note("%s", tiny_names[kind]);
    cadenza_model *model = load_tiny((tiny_kind)kind);
    const int composes = is_composer(model), plays = composes || kind == TINY_FLUTE;
    const uint32_t rate = composes ? 16000 : 0;
    cadenza_stream *stream = offline(model, RING, rate, plays ? 3 : 0), *other = offline(model, RING, rate, plays ? 3 : 0);
    unsigned char *state = NULL;
    static const size_t cuts[] = {0, 1, 333, 1234};
    for (size_t i = 0; i < 4; i++) {
      CHECK_EQUAL(cadenza_stream_reset(stream, 5 + i), CADENZA_OK);
      if (plays) ask_for_notes(stream, 0, 400);
      CHECK(cadenza_generate_block(stream, found, cuts[i]) >= 0);
      if (plays) CHECK_EQUAL(cadenza_stream_note_on(stream, 400, 7, 55, 1), CADENZA_OK);
      if (i % 2) wait_for(stream, RING);
      size_t size = 0;
      CHECK_EQUAL(cadenza_stream_save_state(stream, NULL, &size), CADENZA_OK);
      state = realloc(state, size);
      CHECK_EQUAL(cadenza_stream_save_state(stream, state, &size), CADENZA_OK);
      CHECK(cadenza_generate_block(other, found, 777) >= 0);
      cadenza_error error;
      CHECK_EQUAL(cadenza_stream_check_state(other, state, size, &error), CADENZA_OK);
      CHECK_EQUAL(cadenza_stream_load_state(other, state, size), CADENZA_OK);
      CHECK(cadenza_generate_block(stream, expected, 5000) >= 0);
      CHECK(cadenza_generate_block(other, found, 5000) >= 0);
      CHECK(memcmp(expected, found, sizeof found) == 0);
      if (composes) {
        size_t counts[2];
        CHECK_EQUAL(cadenza_stream_read_events(stream, events[0], CADENZA_MAX_EVENTS, &counts[0]), CADENZA_OK);
        CHECK_EQUAL(cadenza_stream_read_events(other, events[1], CADENZA_MAX_EVENTS, &counts[1]), CADENZA_OK);
        CHECK_EQUAL(counts[0], counts[1]);
        CHECK(memcmp(events[0], events[1], counts[0] * sizeof(cadenza_event)) == 0);
      }
    }
    free(state);
    cadenza_stream_destroy(stream);
    cadenza_stream_destroy(other);
    cadenza_model_release(model);
  }
}

static void states_of_another_ring_are_refused(void) {
  cadenza_model *model = load_tiny(TINY_FLUTE);
  static const uint32_t rings[] = {0, 699};
  for (uint32_t voices = 0; voices < 4; voices += 3) {
    cadenza_stream *stream = offline(model, RING, 0, voices);
    size_t size = 0;
    CHECK_EQUAL(cadenza_stream_save_state(stream, NULL, &size), CADENZA_OK);
    void *state = malloc(size);
    CHECK_EQUAL(cadenza_stream_save_state(stream, state, &size), CADENZA_OK);
    for (int i = 0; i < 2; i++) {
      cadenza_stream *other = offline(model, rings[i], 0, voices);
      cadenza_error error;
      CHECK_EQUAL(cadenza_stream_check_state(other, state, size, &error), CADENZA_ERROR_FORMAT);
      CHECK(strstr(error.message, i ? "700 frames ahead; expected 699" : "700 frames ahead; expected 0") != NULL);
      CHECK_EQUAL(cadenza_stream_load_state(other, state, size), CADENZA_ERROR_FORMAT);
      cadenza_stream_destroy(other);
    }
    free(state);
    cadenza_stream_destroy(stream);
  }
  cadenza_model_release(model);
}

/* ---- The thread ------------------------------------------------------------------------------------------------------------------ */

/* Numbers of the files in a folder of this process. */
static int entries(const char *folder) {
  DIR *directory = opendir(folder);
  int count = 0;
  while (directory && readdir(directory)) count++;
  closedir(directory);
  return count - 2;
}

static int threads(void) { return entries("/proc/self/task"); }

static void each_stream_has_a_thread_and_ends_it(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  const int before = threads();
  cadenza_stream *streams[8];
  for (int i = 0; i < 8; i++) streams[i] = stream_of(model, RING, 0, 0, 0);
  CHECK_EQUAL(threads(), before + 8);
  for (int i = 0; i < 8; i++) cadenza_stream_destroy(streams[i]);
  CHECK_EQUAL(threads(), before);
  for (int i = 0; i < 200; i++) cadenza_stream_destroy(stream_of(model, RING, 0, 0, 0)); /* before it has begun, or not */
  CHECK_EQUAL(threads(), before);
  cadenza_stream *plain = stream_of(model, 0, 0, 0, 0);
  CHECK_EQUAL(threads(), before);
  cadenza_stream_destroy(plain);
  cadenza_model_release(model);
}

/* Its name, and that it takes no signal but those that nobody can block. */
static void the_thread_leaves_signals_to_the_host(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *stream = stream_of(model, RING, 0, 0, 0);
  wait_for(stream, RING);
  int found = 0;
  DIR *directory = opendir("/proc/self/task");
  for (struct dirent *entry; (entry = readdir(directory));) {
    char path[300], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    int is_ours = 0;
    unsigned long long blocked = 0;
    while (fgets(line, sizeof line, file)) {
      if (strcmp(line, "Name:\tcadenza\n") == 0) is_ours = 1;
      if (strncmp(line, "SigBlk:", 7) == 0) blocked = strtoull(line + 7, NULL, 16);
    }
    fclose(file);
    if (!is_ours) continue;
    found++;
    for (int number = 1; number < 32; number++) {
      if (number != SIGKILL && number != SIGSTOP) CHECK((blocked >> (number - 1) & 1) == 1);
    }
  }
  closedir(directory);
  CHECK_EQUAL(found, 1);
  sigset_t mine;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mine) == 0 && !sigismember(&mine, SIGINT)); /* the host's own are as they were */
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void a_thread_that_cannot_start_is_an_error(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.render_ahead_frames = RING;
  const long before = interpose_live_blocks();
  for (int round = 0; round < 3; round++) {
    cadenza_stream *stream = (cadenza_stream *)&options;
    cadenza_error error;
    interpose_refuse_threads(1);
    cadenza_status status = cadenza_stream_create(model, &options, &stream, &error);
    interpose_refuse_threads(0);
    CHECK_EQUAL(status, CADENZA_ERROR_STATE);
    CHECK(stream == NULL);
    CHECK(strstr(error.message, "thread") != NULL);
    CHECK_EQUAL(error.status, CADENZA_ERROR_STATE);
    CHECK_EQUAL(interpose_live_blocks(), before);
  }
  cadenza_stream_destroy(create_checked(model, &options)); /* the control: else it starts */
  cadenza_model_release(model);
}

static void a_ring_larger_than_memory_is_an_error(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.render_ahead_frames = 1 << 24;
  const long before = interpose_live_blocks();
  const int threads_before = threads();
  cadenza_stream *stream = NULL;
  cadenza_error error;
  interpose_refuse((size_t)64 << 20);
  cadenza_status status = cadenza_stream_create(model, &options, &stream, &error);
  interpose_refuse(SIZE_MAX);
  CHECK_EQUAL(status, CADENZA_ERROR_OUT_OF_MEMORY);
  CHECK(stream == NULL && strstr(error.message, "bytes") != NULL);
  CHECK_EQUAL(interpose_live_blocks(), before);
  CHECK_EQUAL(threads(), threads_before);
  cadenza_model_release(model);
}

/* ---- What the host left in the processor ------------------------------------------------------------------------------------------ */

#ifdef __x86_64__
/* Whether `call` leaves the control and status register as it found it, but for the six flags of what has happened. */
#define KEEPS_REGISTER(call)                                                                                                   \
  do {                                                                                                                         \
    static const unsigned settings[] = {0x1F80, 0x1F80 | 0x6000, 0x1F80 | 0x8040};                                             \
    for (int setting = 0; setting < 3; setting++) {                                                                            \
      const unsigned before = __builtin_ia32_stmxcsr();                                                                        \
      __builtin_ia32_ldmxcsr(settings[setting]);                                                                               \
      (void)(call);                                                                                                            \
      const unsigned after = __builtin_ia32_stmxcsr();                                                                         \
      __builtin_ia32_ldmxcsr(before);                                                                                          \
      CHECK_EQUAL(after & ~0x3Fu, settings[setting]);                                                                          \
    }                                                                                                                          \
  } while (0)

static int changes_the_register(void) {
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() ^ 0x8000);
  return 0;
}

static int was_caught;

static void control_a_changed_register_is_seen(void) {
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0x1F80);
  changes_the_register();
  was_caught = (__builtin_ia32_stmxcsr() & ~0x3Fu) != 0x1F80;
  __builtin_ia32_ldmxcsr(before);
  CHECK(was_caught);
}

static void the_hosts_arithmetic_is_as_it_was(void) {
  for (int subject = 0; subject < 6; subject++) {
    const uint32_t ahead = subject % 2 ? RING : 0;
    cadenza_model *model = load_tiny(subject / 2 == 0 ? TINY_WAVENET : subject / 2 == 1 ? TINY_FLUTE : TINY_CHORALE);
    cadenza_stream *stream = stream_of(model, ahead, subject / 2 == 2 ? 16000 : 44100, subject / 2 ? 3 : 0, 0.005f);
    float block[200], value = 0.5f;
    uint32_t frames;
    size_t count;
    cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
    KEEPS_REGISTER(cadenza_generate_block(stream, block, 200));
    KEEPS_REGISTER(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, value));
    KEEPS_REGISTER(cadenza_stream_get_parameter(stream, CADENZA_PARAMETER_GAIN, &value));
    KEEPS_REGISTER(cadenza_stream_set_condition(stream, 0, &value, 1));
    KEEPS_REGISTER(cadenza_stream_note_on(stream, 0, 0, 50, 1));
    KEEPS_REGISTER(cadenza_stream_note_off(stream, 0, 0, 50));
    KEEPS_REGISTER(cadenza_stream_read_events(stream, NULL, 0, &count));
    KEEPS_REGISTER(cadenza_stream_get_latency(stream, &frames));
    KEEPS_REGISTER(cadenza_stream_get_statistics(stream, &statistics));
    KEEPS_REGISTER(cadenza_stream_drop_ahead(stream));
    KEEPS_REGISTER(cadenza_stream_set_render_mode(stream, CADENZA_RENDER_OFFLINE));
    KEEPS_REGISTER(cadenza_generate_block(stream, block, 200));
    KEEPS_REGISTER(cadenza_stream_reset(stream, 1));
    KEEPS_REGISTER(cadenza_generate_block(stream, block, 200));
    KEEPS_REGISTER(cadenza_stream_prime(stream, block, 20));
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}
#endif

int main(void) {
  printf("     render-ahead tests\n"); /* standard output takes its buffer now */
  RUN(offline_bits_are_the_same);
  RUN(realtime_bits_are_the_same);
  RUN(music_is_the_same);
  RUN(notes_are_late_by_the_ring);
  RUN(as_many_notes_wait_as_ever);
  RUN(missing_frames_are_silent_and_counted);
  RUN(the_gain_is_heard_at_once);
  RUN(reset_is_a_new_beginning);
  RUN(reset_in_real_time);
  RUN(what_is_dropped_is_not_heard);
  RUN(events_of_what_is_dropped_are_told);
  RUN(a_prompt_follows_what_is_ahead);
  RUN(saved_states_hold_what_is_ahead);
  RUN(states_of_another_ring_are_refused);
  RUN(each_stream_has_a_thread_and_ends_it);
  RUN(the_thread_leaves_signals_to_the_host);
  RUN(a_thread_that_cannot_start_is_an_error);
  RUN(a_ring_larger_than_memory_is_an_error);
#ifdef __x86_64__
  RUN(the_hosts_arithmetic_is_as_it_was);
  RUN(control_a_changed_register_is_seen);
#endif
  return finish();
}
