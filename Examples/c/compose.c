/*
 * compose — a composer writes a piece while an instrument plays it: sound into a WAV file, the score into a MIDI file.
 *
 *   compose chorales.safetensors notes-wavenet.safetensors chorale.wav chorale.mid
 *   compose chorales.safetensors notes-wavenet.safetensors chorale.wav chorale.mid --seconds 60 --seed 7 --tempo 80 \
 *     --instrument instrument=electric_piano --voice 3:instrument=electric_bass
 *
 * The steps that a host takes are marked 1 to 5 in main(). Step 4 is the audio callback: what is called there may be called there.
 *
 * SPDX-License-Identifier: MIT
 */
#include <cadenza.h>
#include <sndfile.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 256
#define MAX_VOICES 16
#define TAIL_SECONDS 1.0  /* what is heard after the piece's end */
#define FADE_SECONDS 0.02 /* a piece that is cut off fades out, so that nothing clicks */

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("compose: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(EXIT_FAILURE);
}

static double number(const char *text, const char *what, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    die("%s is \"%s\", expected a number from %g to %g", what, text, least, most);
  }
  return value;
}

static uint64_t seed_number(const char *text) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || strchr(text, '-')) die("--seed is \"%s\", expected a whole number", text);
  return value;
}

static cadenza_model *load(const char *path) {
  cadenza_error error;
  cadenza_model *model;
  if (cadenza_model_load(path, &model, &error) != CADENZA_OK) die("%s: %s", path, error.message);
  return model;
}

/* ---- Conditions ----------------------------------------------------------------------------------------------------------- */

typedef struct setting {
  uint32_t index;
  float value;
} setting;

/* Reads "name=value" for a model: a class by its label or number, a vector of one number by that. */
static setting read_setting(const cadenza_model *model, const char *argument) {
  const char *equals = strchr(argument, '=');
  size_t name_length = equals ? (size_t)(equals - argument) : 0;
  if (name_length == 0) die("\"%s\" is neither an option nor name=value", argument);
  const char *text = equals + 1;
  cadenza_condition_info condition = {.struct_size = sizeof condition};
  setting result = {0, 0};
  for (;; result.index++) {
    if (cadenza_model_get_condition_info(model, result.index, &condition) != CADENZA_OK) {
      die("the model has no condition \"%.*s\"", (int)name_length, argument);
    }
    if (strlen(condition.name) == name_length && strncmp(condition.name, argument, name_length) == 0) break;
  }
  for (uint32_t label = 0; label < condition.label_count; label++) {
    if (strcmp(text, condition.labels[label]) == 0) {
      result.value = (float)label;
      return result;
    }
  }
  if (condition.kind == CADENZA_CONDITION_CLASS) {
    result.value = (float)number(text, condition.name, 0, condition.size - 1.0);
  } else if (condition.size == 1) {
    result.value = (float)number(text, condition.name, -1e30, 1e30);
  } else {
    die("condition \"%s\" is a vector of %u numbers, which this example does not read", condition.name, (unsigned)condition.size);
  }
  return result;
}

/* Sets a condition of the instrument from "name=value", for all voices, or from "voice:name=value". */
static void set_instrument_condition(cadenza_stream *stream, const cadenza_model *instrument, const char *argument, int has_voice) {
  uint32_t voice = CADENZA_ALL_VOICES;
  const char *rest = argument;
  if (has_voice) {
    char *colon;
    unsigned long value = strtoul(argument, &colon, 10);
    if (colon == argument || *colon != ':' || value >= MAX_VOICES) die("--voice is \"%s\", expected VOICE:NAME=VALUE", argument);
    voice = (uint32_t)value;
    rest = colon + 1;
  }
  setting wanted = read_setting(instrument, rest);
  cadenza_status status = cadenza_stream_set_instrument_condition(stream, voice, wanted.index, &wanted.value, 1);
  if (status < 0) die("%s: %s", argument, cadenza_status_string(status));
}

/* ---- The score ------------------------------------------------------------------------------------------------------------ */

/* Ticks of a beat in the MIDI file: a multiple of what most composers count in (500, 50, 4, 3, ...), so that time stays exact. */
#define TICKS_PER_BEAT 12000

typedef struct note_event {
  uint32_t tick;
  unsigned char voice, pitch, velocity; /* velocity 0: the note ends */
} note_event;

typedef struct score {
  note_event *events;
  size_t count, room, note_count;
  uint32_t last_tick;
  unsigned char sounds[MAX_VOICES][128];
} score;

static void score_add(score *piece, double beat, uint32_t voice, int pitch, int velocity) {
  if (voice >= MAX_VOICES || pitch < 0 || pitch > 127) return;
  if (velocity == 0 && !piece->sounds[voice][pitch]) return;
  if (piece->count == piece->room) {
    piece->room = piece->room ? 2 * piece->room : 1024;
    piece->events = realloc(piece->events, piece->room * sizeof *piece->events);
    if (!piece->events) die("no memory for the score");
  }
  note_event event = {(uint32_t)(beat * TICKS_PER_BEAT + 0.5), (unsigned char)voice, (unsigned char)pitch, (unsigned char)velocity};
  piece->events[piece->count++] = event;
  piece->sounds[voice][pitch] = velocity > 0;
  piece->note_count += velocity > 0;
  if (event.tick > piece->last_tick) piece->last_tick = event.tick;
}

/* The piece is over, and so are its notes. */
static void score_end(score *piece, double beat) {
  for (uint32_t voice = 0; voice < MAX_VOICES; voice++) {
    for (int pitch = 0; pitch < 128; pitch++) score_add(piece, beat, voice, pitch, 0);
  }
}

static void put_number(FILE *file, uint32_t value, int bytes) {
  while (bytes-- > 0) fputc((int)(value >> (8 * bytes) & 0xFF), file);
}

/* Seven bits a byte, the high bit set in all but the last. */
static void put_variable(FILE *file, uint32_t value) {
  for (int shift = 21; shift > 0; shift -= 7) {
    if (value >> shift) fputc((int)(value >> shift & 0x7F) | 0x80, file);
  }
  fputc((int)(value & 0x7F), file);
}

/* Opens a track whose length is not known yet; returns where it stands. */
static long begin_track(FILE *file) {
  fputs("MTrk", file);
  put_number(file, 0, 4);
  return ftell(file);
}

static void end_track(FILE *file, long start) {
  put_number(file, 0x00FF2F00, 4);
  long end = ftell(file);
  fseek(file, start - 4, SEEK_SET);
  put_number(file, (uint32_t)(end - start), 4);
  fseek(file, end, SEEK_SET);
}

/* A Standard MIDI File of type 1: a track of the tempo, and one for each voice that plays. */
static void score_write(const score *piece, const char *path, double tempo) {
  FILE *file = fopen(path, "wb");
  if (!file) die("%s: %s", path, strerror(errno));
  uint32_t track_count = 1;
  int has_notes[MAX_VOICES] = {0};
  for (size_t i = 0; i < piece->count; i++) {
    if (!has_notes[piece->events[i].voice]++) track_count++;
  }
  fputs("MThd", file);
  put_number(file, 6, 4);
  put_number(file, 1, 2);
  put_number(file, track_count, 2);
  put_number(file, TICKS_PER_BEAT, 2);

  long start = begin_track(file);
  put_number(file, 0x00FF5103, 4);
  put_number(file, (uint32_t)(60e6 / tempo + 0.5), 3); /* microseconds a beat */
  end_track(file, start);

  for (uint32_t voice = 0; voice < MAX_VOICES; voice++) {
    if (!has_notes[voice]) continue;
    start = begin_track(file);
    uint32_t tick = 0;
    const int channel = voice < 9 ? (int)voice : (int)(voice + 1) % 16; /* the tenth is percussion's */
    for (size_t i = 0; i < piece->count; i++) {
      const note_event *event = &piece->events[i];
      if (event->voice != voice) continue;
      put_variable(file, event->tick - tick);
      tick = event->tick;
      fputc(0x90 | channel, file);
      fputc(event->pitch, file);
      fputc(event->velocity, file);
    }
    end_track(file, start);
  }
  int failed = ferror(file);
  if (fclose(file) != 0 || failed) die("%s: could not be written", path);
}

/* ---- The host ------------------------------------------------------------------------------------------------------------- */

static void print_note(const cadenza_event *event, int pitch) {
  static const char *const names[] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
  printf("beat %8.2f   voice %u   %s%d\n", event->beat, (unsigned)event->voice, names[pitch % 12], pitch / 12 - 1);
}

int main(int argument_count, char **arguments) {
  if (argument_count < 5) {
    fputs("usage: compose COMPOSER INSTRUMENT OUTPUT.wav OUTPUT.mid [--seconds S] [--seed N] [--tempo BEATS-A-MINUTE]\n"
          "         [--temperature T] [--instrument-temperature T] [--transpose SEMITONES] [--voices N] [--gain G]\n"
          "         [--rate HZ] [--instrument NAME=VALUE ...] [--voice VOICE:NAME=VALUE ...] [NAME=VALUE ...]\n",
          stderr);
    return EXIT_FAILURE;
  }
  const char *wav_path = arguments[3];
  const char *midi_path = arguments[4];

  /* 1. Load both models. */
  cadenza_error error;
  cadenza_model *composer = load(arguments[1]);
  cadenza_model *instrument = load(arguments[2]);
  cadenza_model_info info = {.struct_size = sizeof info};
  cadenza_model_get_info(composer, &info);

  double seconds = 120; /* or until the piece ends */
  double tempo = 0;
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, composer);
  cadenza_instrument_options playing;
  cadenza_instrument_options_init(&playing, instrument);
  int conditions = argument_count; /* the first argument that is not an option */
  for (int at = 5; at < argument_count; at += 2) {
    const char *option = arguments[at];
    if (strncmp(option, "--", 2) != 0) {
      conditions = at;
      break;
    }
    const char *value = at + 1 < argument_count ? arguments[at + 1] : "";
    if (strcmp(option, "--seconds") == 0) {
      seconds = number(value, option, 0.1, 36000);
    } else if (strcmp(option, "--seed") == 0) {
      options.seed = seed_number(value);
    } else if (strcmp(option, "--tempo") == 0) {
      tempo = number(value, option, 10, 1000);
    } else if (strcmp(option, "--temperature") == 0) {
      options.temperature = (float)number(value, option, 0, 100);
    } else if (strcmp(option, "--instrument-temperature") == 0) {
      playing.temperature = (float)number(value, option, 0, 100);
    } else if (strcmp(option, "--transpose") == 0) {
      playing.transpose = (int32_t)number(value, option, -127, 127);
    } else if (strcmp(option, "--voices") == 0) {
      playing.voices = (uint32_t)number(value, option, 1, 64);
    } else if (strcmp(option, "--gain") == 0) {
      playing.gain = (float)number(value, option, 0, 16);
    } else if (strcmp(option, "--rate") == 0) {
      options.sample_rate = (uint32_t)number(value, option, 1000, 768000); /* a plugin passes its host's */
    } else if (strcmp(option, "--instrument") != 0 && strcmp(option, "--voice") != 0) {
      die("there is no option %s", option);
    }
  }

  /* 2. Create the composer's stream. It composes on its own from the first block on; without an instrument it would be silent. */
  cadenza_stream *stream;
  if (cadenza_stream_create(composer, &options, &stream, &error) != CADENZA_OK) die("%s", error.message);
  float tempo_value = (float)tempo;
  cadenza_status status = tempo > 0 ? cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPO, tempo_value)
                                    : cadenza_stream_get_parameter(stream, CADENZA_PARAMETER_TEMPO, &tempo_value);
  if (status < 0) die("%s: it has no tempo, so it is no composer: %s", arguments[1], cadenza_status_string(status));
  for (int at = conditions; at < argument_count; at++) {
    setting wanted = read_setting(composer, arguments[at]);
    status = cadenza_stream_set_condition(stream, wanted.index, &wanted.value, 1);
    if (status < 0) die("%s: %s", arguments[at], cadenza_status_string(status));
  }

  /* 3. Give it an instrument: all memory for its voices is taken here. */
  if (cadenza_stream_set_instrument(stream, instrument, &playing, &error) != CADENZA_OK) die("%s", error.message);
  for (int has_voice = 0; has_voice <= 1; has_voice++) { /* what is set for one voice wins over what is set for all */
    for (int at = 5; at + 1 < conditions; at += 2) {
      if (strcmp(arguments[at], has_voice ? "--voice" : "--instrument") == 0) {
        set_instrument_condition(stream, instrument, arguments[at + 1], has_voice);
      }
    }
  }

  const uint32_t rate = options.sample_rate != 0 ? options.sample_rate : info.sample_rate;
  SF_INFO format = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(wav_path, SFM_WRITE, &format);
  if (!file) die("%s: %s", wav_path, sf_strerror(NULL));
  sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);

  /* 4. Pull blocks of sound, and ask after each what happened in it. Notes are heard `latency` frames after they happen: the file
     begins behind these. */
  uint32_t latency = 0;
  cadenza_stream_get_latency(stream, &latency);
  score piece = {0};
  float block[BLOCK];
  cadenza_event events[64];
  const size_t piece_frames = (size_t)(seconds * rate + 0.5);
  const size_t fade_frames = (size_t)(FADE_SECONDS * rate);
  size_t end = piece_frames + latency;
  int has_ended = 0;
  for (size_t done = 0; done < end;) {
    const size_t limit = done < piece_frames ? piece_frames : end;
    const size_t frames = limit - done < BLOCK ? limit - done : BLOCK;
    status = cadenza_generate_block(stream, block, frames);
    if (status < 0) die("%s", cadenza_status_string(status));

    size_t count = 0;
    do {
      cadenza_stream_read_events(stream, events, sizeof events / sizeof *events, &count);
      if (done >= piece_frames || has_ended) continue; /* only the end of what is heard is still to come */
      for (size_t i = 0; i < count; i++) {
        /* A plugin would pass these on to its host, at frame events[i].frame of the block. */
        int pitch = (int)events[i].pitch + (int)playing.transpose;
        while (pitch < 0) pitch += 12;
        while (pitch > 127) pitch -= 12;
        int velocity = (int)(events[i].velocity * 127 + 0.5f);
        if (events[i].kind == CADENZA_EVENT_NOTE_ON) {
          score_add(&piece, events[i].beat, events[i].voice, pitch, 0); /* what sounds already ends first */
          score_add(&piece, events[i].beat, events[i].voice, pitch, velocity > 0 ? velocity : 1);
          print_note(&events[i], pitch);
        } else if (events[i].kind == CADENZA_EVENT_NOTE_OFF) {
          score_add(&piece, events[i].beat, events[i].voice, pitch, 0);
        } else {
          has_ended = 1;
          end = done + frames + latency + (size_t)(TAIL_SECONDS * rate);
        }
      }
    } while (count == sizeof events / sizeof *events);

    done += frames;
    const size_t late = done <= latency ? frames : done - frames < latency ? latency - (done - frames) : 0;
    for (size_t i = late; i < frames && !has_ended; i++) {
      const size_t left = end - (done - frames + i) - 1;
      if (left < fade_frames) block[i] *= (float)left / (float)fade_frames;
    }
    if (sf_write_float(file, block + late, (sf_count_t)(frames - late)) != (sf_count_t)(frames - late)) {
      die("%s: %s", wav_path, sf_strerror(file));
    }
  }
  if (sf_close(file) != 0) die("%s: could not be finished", wav_path);
  if (!has_ended) score_end(&piece, seconds * tempo_value / 60);
  score_write(&piece, midi_path, tempo_value);

  cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
  cadenza_stream_get_statistics(stream, &statistics);
  printf("%s, %s: %zu notes in %.2f beats of \"%s\", %s, at %u Hz (kernels: %s)\n", wav_path, midi_path, piece.note_count,
         (double)piece.last_tick / TICKS_PER_BEAT, info.name, has_ended ? "which it ended" : "which was cut off", (unsigned)rate,
         info.instruction_set);
  if (statistics.total_seconds > 0) {
    printf("%.1f x real time; worst block %.0f us of %.0f us\n", (double)statistics.frames / rate / statistics.total_seconds,
           1e6 * statistics.worst_block_seconds, 1e6 * (double)BLOCK / rate);
  }

  /* 5. Give everything back. */
  free(piece.events);
  cadenza_stream_destroy(stream);
  cadenza_model_release(instrument);
  cadenza_model_release(composer);
  return EXIT_SUCCESS;
}
