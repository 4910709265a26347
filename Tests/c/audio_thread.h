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
#define MOST_EVENTS 32

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
    int is_class, is_the_codecs, is_movable;
    uint32_t size;
  } conditions[MOST_CONDITIONS];
  unsigned turn;
  unsigned failures; /* calls that answered otherwise than they must */
  int expects_numeric_error;
  int plays_notes;
  int composes;
  int renders_ahead; /* then blocks may be silent, and notes wait for longer than this thread knows */
  uint64_t notes;    /* that began, as read */
  uint64_t underruns, numeric_errors;
  uint64_t sounding_frames; /* with something else than silence */
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
  thread.composes = is_composer(model);
  thread.pitch_condition = plays_notes && !thread.composes ? pitch_condition(model) : UINT32_MAX;
  thread.latency = latency_of(stream);
  thread.condition_count = model_info(model).condition_count;
  if (thread.condition_count > MOST_CONDITIONS) thread.condition_count = MOST_CONDITIONS;
  for (uint32_t i = 0; i < thread.condition_count; i++) {
    cadenza_condition_info info = condition_info(model, i);
    thread.conditions[i].is_class = info.kind == CADENZA_CONDITION_CLASS;
    thread.conditions[i].is_the_codecs = info.queue_capacity == 0;
    thread.conditions[i].size = info.size;
    thread.conditions[i].is_movable = info.kind == CADENZA_CONDITION_LATENT && info.frames_per_value == 0;
  }
  return thread;
}

/* Whether a note was not answered as it must be. Of a stream that renders ahead notes may wait, after blocks that were not ready. */
static inline unsigned wrong_answer(const audio_thread *thread, cadenza_status status, cadenza_status expected) NONBLOCKING {
  if (status == expected) return 0;
  return !(thread->renders_ahead && thread->plays_notes &&
           (status == CADENZA_ERROR_STATE || status == CADENZA_ERROR_INVALID_ARGUMENT));
}

/* Reads a condition, and lets it glide: only latents do. Returns how many answers were wrong. */
static inline unsigned wrong_glide(const audio_thread *thread, uint32_t index, const float *values, uint32_t size,
                                   unsigned turn) NONBLOCKING {
  cadenza_stream *stream = thread->stream;
  float found[MOST_VALUES];
  unsigned failures = 0;
  cadenza_status expected = index == thread->pitch_condition       ? CADENZA_ERROR_INVALID_ARGUMENT
                            : thread->conditions[index].is_movable ? CADENZA_OK
                                                                   : CADENZA_ERROR_UNSUPPORTED;
  cadenza_interpolation way = turn % 2 ? CADENZA_INTERPOLATION_LINEAR : CADENZA_INTERPOLATION_SPHERICAL;
  failures += cadenza_stream_glide_latent(stream, index, values, size, turn % 3 * 50, way) != expected;
  cadenza_status read = cadenza_stream_get_condition(stream, index, found, size);
  failures += read != (index == thread->pitch_condition ? CADENZA_ERROR_INVALID_ARGUMENT : CADENZA_OK);
  if (expected == CADENZA_OK) failures += memcmp(found, values, size * sizeof *found) != 0;
  failures += cadenza_stream_randomize_latent(stream, index, turn, turn % 5 * 40, way) != expected;
  failures += cadenza_stream_glide_latent(stream, index, values, size, 10, 2) != CADENZA_ERROR_INVALID_ARGUMENT;
  failures += cadenza_stream_glide_latent(stream, 12345, values, size, 10, way) != CADENZA_ERROR_INVALID_ARGUMENT;
  failures += cadenza_stream_randomize_latent(NULL, index, 1, 10, way) != CADENZA_ERROR_INVALID_ARGUMENT;
  failures += cadenza_stream_get_condition(stream, index, found, size + 1) != CADENZA_ERROR_INVALID_ARGUMENT;
  return failures;
}

/* Asks for notes of this turn's block: more of them than there are voices, on its first and last frame, some twice, some bad. Once in
   a while, for more than may wait. Returns how many answers were wrong. */
static inline unsigned play_notes(audio_thread *thread, unsigned turn, uint32_t frames) NONBLOCKING {
  cadenza_stream *stream = thread->stream;
  cadenza_status expected = thread->plays_notes ? CADENZA_OK : CADENZA_ERROR_STATE;
  unsigned failures = 0;
#define WRONG_NOTE(call) wrong_answer(thread, call, expected)
  /* From the very first block on, and after each reset. */
  if (turn == 0 || turn % 997 == 996 || turn % 6 == 0) {
    uint32_t last = frames > 0 ? frames - 1 : 0;
    failures += WRONG_NOTE(cadenza_stream_note_on(stream, 0, turn % 16, 30 + turn % 60, 0.5f + (float)(turn % 5) / 10));
    failures += WRONG_NOTE(cadenza_stream_note_off(stream, 0, (turn + 5) % 16, 30 + (turn + 53) % 60));
    failures += WRONG_NOTE(cadenza_stream_note_on(stream, last, turn % 3, 50 + turn % 7, 1));
    if (frames > 1 && thread->plays_notes && !thread->renders_ahead) {
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
    failures += thread->renders_ahead ? taken > 256 : taken != (thread->plays_notes ? 256 : 0);
#undef WRONG_NOTE
  }
  return failures;
}

/* Reads what happened in the block of `frames` frames that was just played, a few events at a time. Returns how many answers were
   wrong. */
static inline unsigned read_events(audio_thread *thread, unsigned turn, size_t frames) NONBLOCKING {
  cadenza_event events[MOST_EVENTS];
  size_t capacity = turn % 4 == 0 ? 1 : MOST_EVENTS, count = 12345, last = 0;
  unsigned failures = 0;
  if (!thread->composes) {
    failures += cadenza_stream_read_events(thread->stream, events, capacity, &count) != CADENZA_ERROR_UNSUPPORTED;
    return failures + (count != 0);
  }
  /* A model may write more than a block keeps, and each answer says so. */
  cadenza_status kept = cadenza_stream_read_events(thread->stream, NULL, 0, &count);
  failures += (kept != CADENZA_OK && kept != CADENZA_EVENTS_LOST) || count != 0;
  failures += cadenza_stream_read_events(thread->stream, events, capacity, NULL) != CADENZA_ERROR_INVALID_ARGUMENT;
  failures += cadenza_stream_read_events(thread->stream, NULL, capacity, &count) != CADENZA_ERROR_INVALID_ARGUMENT;
  failures += cadenza_stream_read_events(NULL, events, capacity, &count) != CADENZA_ERROR_INVALID_ARGUMENT;
  do {
    failures += cadenza_stream_read_events(thread->stream, events, capacity, &count) != kept || count > capacity;
    for (size_t i = 0; i < count && i < capacity; i++) {
      failures += events[i].frame < last || events[i].frame >= frames || events[i].pitch > 127 || events[i].voice > 15;
      failures += !(events[i].velocity >= 0 && events[i].velocity <= 1) || !(events[i].beat >= 0);
      thread->notes += events[i].kind == CADENZA_EVENT_NOTE_ON;
      last = (size_t)events[i].frame;
    }
  } while (count > 0 && failures == 0);
  return failures;
}

/* Real time passes: until a block is ready, or a while at most. */
static inline void wait_for_frames(audio_thread *thread) NONBLOCKING {
  cadenza_stream_statistics statistics;
  statistics.struct_size = sizeof statistics;
  for (int look = 0; look < 2000000; look++) {
    cadenza_stream_get_statistics(thread->stream, &statistics);
    if (statistics.frames_ahead >= LARGEST_BLOCK) return;
  }
}

/* One turn of the callback. Every third sets a parameter, every fifth a condition, and so on: all of them within 60 turns. */
static inline void audio_thread_turn(audio_thread *thread) NONBLOCKING {
  static const size_t sizes[8] = {1, 7, 4, 0, 16, 2, LARGEST_BLOCK, 3};
  static const float values[5][3] = {{0.9f, 1, 0}, {0, 40, 1}, {1, 0.9f, 0.2f}, {1, 0.5f, 2}, {1000, 120, 333.3f}};
  cadenza_stream *stream = thread->stream;
  unsigned turn = thread->turn++;
  unsigned failures = 0;

  if (turn % 3 == 0) {
    cadenza_parameter parameter = (cadenza_parameter)(turn / 3 % 5);
    float value = values[parameter][turn / 15 % 3], found = -1;
    if (parameter != CADENZA_PARAMETER_TEMPO || thread->composes) {
      failures += cadenza_stream_set_parameter(stream, parameter, value) != CADENZA_OK;
      failures += cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_OK || found != value;
    } else {
      failures += cadenza_stream_set_parameter(stream, parameter, value) != CADENZA_ERROR_UNSUPPORTED;
      failures += cadenza_stream_get_parameter(stream, parameter, &found) != CADENZA_ERROR_UNSUPPORTED || found != -1;
    }
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
      } else if (thread->conditions[index].is_the_codecs) {
        failures += status != CADENZA_ERROR_UNSUPPORTED;
      } else {
        failures += status != CADENZA_OK && status != CADENZA_ERROR_STATE; /* a full queue is an answer, too */
      }
      failures += wrong_glide(thread, index, condition, size, turn);
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
  if (turn % 101 == 100) {
    failures += cadenza_stream_drop_ahead(stream) != CADENZA_OK;
    failures += cadenza_stream_drop_ahead(NULL) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_set_render_mode(stream, CADENZA_RENDER_REALTIME) != CADENZA_OK;
    failures += cadenza_stream_set_render_mode(stream, 2) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_stream_set_render_mode(NULL, CADENZA_RENDER_REALTIME) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  if (thread->renders_ahead && turn % 16 < 12) wait_for_frames(thread);

  size_t frames = sizes[turn % 8];
  failures += play_notes(thread, turn, (uint32_t)frames);
  thread->output[frames] = 7;
  cadenza_status status = cadenza_generate_block(stream, thread->output, frames);
  cadenza_status expected = thread->expects_numeric_error && frames > 0 ? CADENZA_ERROR_NUMERIC : CADENZA_OK;
  if (thread->composes && status == CADENZA_END) status = CADENZA_OK; /* until the next reset */
  if (thread->renders_ahead && status == CADENZA_UNDERRUN) {
    thread->underruns++;
    status = expected;
  }
  thread->numeric_errors += status == CADENZA_ERROR_NUMERIC;
  /* A note that overflows does so when the ring has passed. */
  if (thread->renders_ahead && thread->plays_notes && expected == CADENZA_ERROR_NUMERIC && status == CADENZA_OK)
    expected = status;
  failures += status != expected || thread->output[frames] != 7;
  for (size_t i = 0; i < frames; i++) thread->sounding_frames += thread->output[i] != 0;
  failures += read_events(thread, turn, frames);
  if (turn % 11 == 0) {
    failures += cadenza_generate_block(stream, NULL, 5) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_generate_block(NULL, thread->output, 5) != CADENZA_ERROR_INVALID_ARGUMENT;
    failures += cadenza_generate_block(stream, thread->output, (size_t)1 << 40) != CADENZA_ERROR_INVALID_ARGUMENT;
  }
  thread->failures += failures;
}

/* Whether every answer was right, and what a composer wrote was told and, with an instrument, heard; without one, it is silent. */
static inline int audio_thread_went_well(const audio_thread *thread) {
  if (thread->failures > 0) return 0;
  /* Most of it was ready, some of it never is (after a reset, for a start), and errors are heard of. */
  if (thread->renders_ahead) {
    if (thread->expects_numeric_error && thread->numeric_errors == 0) return 0;
    if (!thread->expects_numeric_error && thread->underruns == 0) return 0;
    if (thread->underruns > thread->turn * 9 / 10) return 0;
  }
  if (!thread->composes) return 1;
  if (thread->expects_numeric_error) return thread->notes == 0;
  return thread->notes > 0 && (thread->sounding_frames > 0) == thread->plays_notes;
}

/* The subjects of the proofs: the tiny models at their own rate, then at a host's, those of them that can play notes, at both, then
   composers, without an instrument, with one at its own rate, and with one at another, then the files named on the command line. */
#define PLAIN_SUBJECTS (2 * TINY_KINDS)
#define SOUND_SUBJECTS (PLAIN_SUBJECTS + 2 * TINY_INSTRUMENTS)
#define MUSIC_SUBJECTS (SOUND_SUBJECTS + 3 * TINY_COMPOSERS)
#define OWN_SUBJECTS (MUSIC_SUBJECTS + TINY_KINDS + TINY_INSTRUMENTS + TINY_COMPOSERS)

typedef struct subject {
  char name[256];
  cadenza_model *model;
  cadenza_stream *stream;
  audio_thread thread;
} subject;

static inline int next_subject(subject *s, int number, int argument_count, char **arguments) {
  memset(s, 0, sizeof *s);
  /* Up, down, phases that are stored and phases that are interpolated. */
  static const uint32_t rates[TINY_KINDS] = {48000, 44100, 22050, 16001, 44101, 24000, 12345, 44100, 22050, 32000, 8000};
  uint32_t rate = 0, voices = 0;
  tiny_kind kind = (tiny_kind)(number % TINY_KINDS);
  const int ahead = number >= MUSIC_SUBJECTS && number < OWN_SUBJECTS ? number - MUSIC_SUBJECTS : -1;
  if (ahead >= 0) {
    if (ahead < TINY_KINDS) {
      kind = (tiny_kind)ahead;
    } else if (ahead < TINY_KINDS + TINY_INSTRUMENTS) {
      kind = tiny_instruments[ahead - TINY_KINDS];
      voices = 3;
    } else {
      kind = (tiny_kind)(TINY_FIRST_COMPOSER + ahead - TINY_KINDS - TINY_INSTRUMENTS);
      voices = 4;
      rate = 8000;
    }
    snprintf(s->name, sizeof s->name, "%s%s, rendered ahead", voices > 0 ? "notes on " : "", tiny_names[kind]);
    s->model = load_tiny(kind);
  } else if (number >= SOUND_SUBJECTS && number < OWN_SUBJECTS) {
    /* Low rates, so that much music passes between two resets. */
    static const uint32_t composer_rates[3] = {8000, 16000, 12345};
    int turn = (number - SOUND_SUBJECTS) / TINY_COMPOSERS;
    kind = (tiny_kind)(TINY_FIRST_COMPOSER + (number - SOUND_SUBJECTS) % TINY_COMPOSERS);
    voices = turn > 0 ? 4 : 0;
    rate = composer_rates[turn];
    snprintf(s->name, sizeof s->name, "%s, %s, at %u Hz", tiny_names[kind], voices > 0 ? "on a flute" : "unheard",
             (unsigned)rate);
    s->model = load_tiny(kind);
  } else if (number >= PLAIN_SUBJECTS && number < SOUND_SUBJECTS) {
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
  const int composes = is_composer(s->model);
  if (composes && number >= OWN_SUBJECTS) voices = 4;
  host_ahead = ahead >= 0 ? 1024 : 0;
  s->stream = composes     ? create_composer(s->model, 1, rate, voices)
              : voices > 0 ? create_instrument(s->model, 1, rate, voices)
                           : create_at(s->model, 1, rate, rate == 0 ? 0 : rate + 1);
  host_ahead = 0;
  if (ahead >= 0) CHECK(cadenza_stream_set_render_mode(s->stream, CADENZA_RENDER_REALTIME) == CADENZA_OK);
  if (rate != 0 && voices == 0 && !composes) {
    /* Audio that nobody ends: the first block does. */
    float samples[100];
    for (int i = 0; i < 100; i++) samples[i] = (float)(i % 20) / 20 - 0.5f;
    CHECK_EQUAL(cadenza_stream_prime(s->stream, samples, 100), takes_audio(s->model) ? CADENZA_OK : CADENZA_ERROR_UNSUPPORTED);
  }
  /* Of a model with an encoder of recordings: its sound follows what is encoded. Any other refuses. */
  float recording[3000];
  for (int i = 0; i < 3000; i++) recording[i] = (float)(i * 7919 % 1000) / 500 - 1;
  for (uint32_t slot = 0; slot < CADENZA_ENCODED_SLOTS; slot++) {
    cadenza_status status = cadenza_stream_encode(s->stream, slot, recording + 100 * slot, 2000, NULL);
    CHECK(status == CADENZA_OK || status == CADENZA_ERROR_UNSUPPORTED);
    if (status == CADENZA_OK) CHECK(cadenza_stream_set_parameter(s->stream, CADENZA_PARAMETER_MIX, 0.3f) == CADENZA_OK);
  }
  s->thread = audio_thread_for(s->model, s->stream, voices > 0);
  s->thread.renders_ahead = ahead >= 0;
  s->thread.expects_numeric_error = number < OWN_SUBJECTS && (kind == TINY_OVERFLOW || kind == TINY_NO_COMPOSER);
  return 1;
}

static inline void end_subject(subject *s) {
  cadenza_stream_destroy(s->stream);
  cadenza_model_release(s->model);
}

#endif
