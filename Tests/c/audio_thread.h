/*
 * An audio thread: calls every [audio-thread] function of the header, with good and with bad arguments, in blocks of many sizes.
 * The three proofs of the real-time contract drive each model through it from the very first call.
 */
#ifndef AUDIO_THREAD_H
#define AUDIO_THREAD_H

#include "host.h"

#define LARGEST_BLOCK 64
#define MOST_CONDITIONS 16
#define MOST_VALUES 64

/* clang checks functions so marked, in a build with -fsanitize=realtime; other compilers know nothing of it. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#define NONBLOCKING __attribute__((nonblocking))
#endif
#endif
#ifndef NONBLOCKING
#define NONBLOCKING
#endif

typedef struct audio_thread {
  cadenza_stream *stream;
  uint32_t condition_count;
  struct {
    int is_class;
    uint32_t size;
  } conditions[MOST_CONDITIONS];
  unsigned turn;
  unsigned failures; /* calls that answered otherwise than they must */
  int expects_numeric_error;
  int plays_notes;
  uint32_t pitch_condition; /* which notes set, and nobody else; UINT32_MAX: none */
  uint32_t latency;
  float output[LARGEST_BLOCK + 1];
} audio_thread;

/* Off the audio thread: what the callback needs to know beforehand. */
static inline audio_thread audio_thread_for(const cadenza_model *model, cadenza_stream *stream, int plays_notes) {
  audio_thread thread;
  memset(&thread, 0, sizeof thread);
  thread.stream = stream;
  thread.plays_notes = plays_notes;
  thread.pitch_condition = plays_notes ? pitch_condition(model) : UINT32_MAX;
  thread.latency = latency_of(stream);
  thread.condition_count = model_info(model).condition_count;
  if (thread.condition_count > MOST_CONDITIONS) thread.condition_count = MOST_CONDITIONS;
  for (uint32_t i = 0; i < thread.condition_count; i++) {
    cadenza_condition_info info = condition_info(model, i);
    thread.conditions[i].is_class = info.kind == CADENZA_CONDITION_CLASS;
    thread.conditions[i].size = info.size;
  }
  return thread;
}

/* Asks for notes of this turn's block: more of them than there are voices, on its first and last frame, some twice, some bad. Once in
   a while, for more than may wait. Returns how many answers were wrong. */
static inline unsigned play_notes(audio_thread *thread, unsigned turn, uint32_t frames) NONBLOCKING {
  cadenza_stream *stream = thread->stream;
  cadenza_status expected = thread->plays_notes ? CADENZA_OK : CADENZA_ERROR_STATE;
  unsigned failures = 0;
  /* From the very first block on, and after each reset. */
  if (turn == 0 || turn % 997 == 996 || turn % 6 == 0) {
    uint32_t last = frames > 0 ? frames - 1 : 0;
    failures += cadenza_stream_note_on(stream, 0, turn % 16, 30 + turn % 60, 0.5f + (float)(turn % 5) / 10) != expected;
    failures += cadenza_stream_note_off(stream, 0, (turn + 5) % 16, 30 + (turn + 53) % 60) != expected;
    failures += cadenza_stream_note_on(stream, last, turn % 3, 50 + turn % 7, 1) != expected;
    if (frames > 1 && thread->plays_notes) {
      failures += cadenza_stream_note_on(stream, 0, 0, 60, 1) != CADENZA_ERROR_INVALID_ARGUMENT; /* before one that waits */
    }
    failures += cadenza_stream_note_on(stream, last, 16, 60, 1) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_note_on(NULL, last, 0, 60, 1) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_note_off(stream, last, 0, 128) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_note_off(NULL, last, 0, 60) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  /* A turn without frames leaves its notes to the next one: this is one that finds the queue empty. */
  if (turn % 40 == 37 && turn % 997 != 996) {
    unsigned taken = 0;
    for (unsigned i = 0; i < 300; i++) {
      cadenza_status status = i % 2 ? cadenza_stream_note_off(stream, 0, i % 16, 20 + i / 3)
                                    : cadenza_stream_note_on(stream, 0, i % 16, 20 + i / 2, 1);
      taken += status == CADENZA_OK;
    }
    failures += taken != (thread->plays_notes ? 256 : 0);
  }
  return failures;
}

/* One turn of the callback. Every third sets a parameter, every fifth a condition, and so on: all of them within 60 turns. */
static inline void audio_thread_turn(audio_thread *thread) NONBLOCKING {
  static const size_t sizes[8] = {1, 7, 4, 0, 16, 2, LARGEST_BLOCK, 3};
  static const float values[4][3] = {{0.9f, 1, 0}, {0, 40, 1}, {1, 0.9f, 0.2f}, {1, 0.5f, 2}};
  cadenza_stream *stream = thread->stream;
  unsigned turn = thread->turn++;
  unsigned failures = 0;

  if (turn % 3 == 0) {
    cadenza_parameter parameter = (cadenza_parameter)(turn / 3 % 4);
    float value = values[parameter][turn / 12 % 3], found = -1;
    failures += cadenza_stream_set_parameter(stream, parameter, value) != CADENZA_OK;
    failures += cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_OK || found != value;
    failures += cadenza_stream_set_parameter(stream, parameter, -1) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_set_parameter(NULL, 77, 1) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  if (turn % 5 == 0 && thread->condition_count > 0) {
    uint32_t index = turn / 5 % thread->condition_count;
    uint32_t size = thread->conditions[index].size;
    float condition[MOST_VALUES];
    for (uint32_t i = 0; i < MOST_VALUES; i++) {
      condition[i] = thread->conditions[index].is_class ? (float)(turn % size) : (float)((turn + i) % 21) / 10 - 1;
    }
    if (thread->conditions[index].is_class) size = 1;
    if (size <= MOST_VALUES) {
      cadenza_status status = cadenza_stream_set_condition(stream, index, condition, size);
      if (index == thread->pitch_condition) {
        failures += status != CADENZA_ERROR_INVALID_ARGUMENT;
      } else {
        failures += status != CADENZA_OK && status != CADENZA_ERROR_STATE; /* a full queue is an answer, too */
      }
    }
    condition[0] = -1e30f;
    failures += cadenza_stream_set_condition(stream, 12345, condition, 1) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  if (turn % 7 == 0) {
    cadenza_stream_statistics statistics;
    statistics.struct_size = sizeof statistics;
    failures += cadenza_stream_get_statistics(stream, &statistics) != CADENZA_OK;
    statistics.struct_size = 3;
    failures += cadenza_stream_get_statistics(stream, &statistics) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  if (turn % 13 == 0) {
    uint32_t frames = 12345678;
    failures += cadenza_stream_get_latency(stream, &frames) != CADENZA_OK || frames != thread->latency;
    failures += cadenza_stream_get_latency(stream, NULL) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  if (turn % 997 == 996) failures += cadenza_stream_reset(stream, turn) != CADENZA_OK;

  size_t frames = sizes[turn % 8];
  failures += play_notes(thread, turn, (uint32_t)frames);
  thread->output[frames] = 7;
  cadenza_status status = cadenza_generate_block(stream, thread->output, frames);
  cadenza_status expected = thread->expects_numeric_error && frames > 0 ? CADENZA_ERROR_NUMERIC : CADENZA_OK;
  failures += status != expected || thread->output[frames] != 7;
  if (turn % 11 == 0) {
    failures += cadenza_generate_block(stream, NULL, 5) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_generate_block(NULL, thread->output, 5) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_generate_block(stream, thread->output, (size_t)1 << 40) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  thread->failures += failures;
}

/* The subjects of the proofs: the tiny models at their own rate, then at a host's, those of them that can play notes, at both, then
   the files named on the command line. */
#define PLAIN_SUBJECTS (2 * TINY_KINDS)
#define OWN_SUBJECTS (PLAIN_SUBJECTS + 2 * TINY_INSTRUMENTS)

typedef struct subject {
  char name[256];
  cadenza_model *model;
  cadenza_stream *stream;
  audio_thread thread;
} subject;

static inline int next_subject(subject *s, int number, int argument_count, char **arguments) {
  memset(s, 0, sizeof *s);
  /* Up, down, phases that are stored and phases that are interpolated. */
  static const uint32_t rates[TINY_KINDS] = {48000, 44100, 22050, 16001, 44101, 24000, 12345, 32000, 8000};
  uint32_t rate = 0, voices = 0;
  tiny_kind kind = (tiny_kind)(number % TINY_KINDS);
  if (number >= PLAIN_SUBJECTS && number < OWN_SUBJECTS) {
    kind = tiny_instruments[(number - PLAIN_SUBJECTS) % TINY_INSTRUMENTS];
    voices = 3;
    rate = number - PLAIN_SUBJECTS >= TINY_INSTRUMENTS ? rates[kind] : 0;
    snprintf(s->name, sizeof s->name, "notes on %s at %u Hz", tiny_names[kind], (unsigned)rate);
    s->model = load_tiny(kind);
  } else if (number < OWN_SUBJECTS) {
    snprintf(s->name, sizeof s->name, "%s", tiny_names[number % TINY_KINDS]);
    s->model = load_tiny((tiny_kind)(number % TINY_KINDS));
    if (number >= TINY_KINDS) {
      rate = rates[number % TINY_KINDS];
      snprintf(s->name, sizeof s->name, "%s at %u Hz", tiny_names[number % TINY_KINDS], (unsigned)rate);
    }
  } else if (number - OWN_SUBJECTS + 1 < argument_count) {
    snprintf(s->name, sizeof s->name, "%s", arguments[number - OWN_SUBJECTS + 1]);
    s->model = load_file(arguments[number - OWN_SUBJECTS + 1]);
  } else {
    return 0;
  }
  note("%s", s->name);
  s->stream = voices > 0 ? create_instrument(s->model, 1, rate, voices) : create_at(s->model, 1, rate, rate == 0 ? 0 : rate + 1);
  if (rate != 0 && voices == 0) {
    /* Audio that nobody ends: the first block does. */
    float samples[100];
    for (int i = 0; i < 100; i++) samples[i] = (float)(i % 20) / 20 - 0.5f;
    CHECK(cadenza_stream_prime(s->stream, samples, 100) == CADENZA_OK);
  }
  s->thread = audio_thread_for(s->model, s->stream, voices > 0);
  s->thread.expects_numeric_error = number < OWN_SUBJECTS && kind == TINY_OVERFLOW;
  return 1;
}

static inline void end_subject(subject *s) {
  cadenza_stream_destroy(s->stream);
  cadenza_model_release(s->model);
}

#endif
