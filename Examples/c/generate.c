/*
 * generate — lets a Cadenza model play into a WAV file, block by block, as an audio plugin would pull it.
 *
 *   generate notes.safetensors out.wav
 *   generate notes.safetensors out.wav --seconds 10 --seed 7 --rate 48000 --block 128 pitch=60 instrument=guitar
 *
 * The four steps that every host takes are marked 1 to 4 in main(). Steps 1, 2 and 4 belong to any thread but the audio thread;
 * step 3 is the audio callback.
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

#define MAX_BLOCK 512
#define MAX_VALUES 1024

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("generate: ", stderr);
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

/* Reads one value of a condition: a class's label or number. */
static float class_value(const cadenza_condition_info *condition, const char *text) {
  for (uint32_t label = 0; label < condition->label_count; label++) {
    if (strcmp(text, condition->labels[label]) == 0) return (float)label;
  }
  if (condition->label_count > 0 && (*text < '0' || *text > '9')) {
    fprintf(stderr, "generate: %s can be:", condition->name);
    for (uint32_t label = 0; label < condition->label_count; label++) fprintf(stderr, " %s", condition->labels[label]);
    fputc('\n', stderr);
  }
  return (float)number(text, condition->name, 0, condition->size - 1.0);
}

/* Sets one condition from "name=value": a class by its label or number, a vector by numbers with commas between them. */
static void set_condition(const cadenza_model *model, cadenza_stream *stream, const char *argument) {
  const char *equals = strchr(argument, '=');
  size_t name_length = equals ? (size_t)(equals - argument) : 0;
  if (name_length == 0) die("\"%s\" is neither an option nor name=value", argument);

  cadenza_condition_info condition = {.struct_size = sizeof condition};
  uint32_t index = 0;
  for (;; index++) {
    if (cadenza_model_get_condition_info(model, index, &condition) != CADENZA_OK) {
      die("the model has no condition \"%.*s\"", (int)name_length, argument);
    }
    if (strlen(condition.name) == name_length && strncmp(condition.name, argument, name_length) == 0) break;
  }

  float values[MAX_VALUES];
  size_t count = 0;
  if (condition.kind == CADENZA_CONDITION_CLASS) {
    values[count++] = class_value(&condition, equals + 1);
  } else {
    const char *text = equals;
    do {
      char *end;
      if (count == MAX_VALUES) die("%s: too many numbers", condition.name);
      values[count++] = strtof(text + 1, &end);
      if (end == text + 1) die("%s: \"%s\" is not a number", condition.name, text + 1);
      text = end;
    } while (*text == ',');
    if (*text != '\0') die("%s: \"%s\" is not a number", condition.name, text);
  }

  cadenza_status status = cadenza_stream_set_condition(stream, index, values, count);
  if (status < 0) die("%s: %s", argument, cadenza_status_string(status));
}

int main(int argument_count, char **arguments) {
  if (argument_count < 3) {
    fputs("usage: generate MODEL OUTPUT.wav [--seconds S] [--seed N] [--rate HZ] [--block FRAMES] [--temperature T]"
          " [NAME=VALUE ...]\n",
          stderr);
    return EXIT_FAILURE;
  }
  const char *model_path = arguments[1];
  const char *output_path = arguments[2];

  /* 1. Load the model: once, for any number of streams. */
  cadenza_error error;
  cadenza_model *model;
  if (cadenza_model_load(model_path, &model, &error) != CADENZA_OK) die("%s: %s", model_path, error.message);
  cadenza_model_info info = {.struct_size = sizeof info};
  cadenza_model_get_info(model, &info);

  double seconds = 4;
  size_t block_frames = 256;
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  int conditions = argument_count; /* the first argument that is not an option */
  for (int at = 3; at < argument_count; at += 2) {
    const char *option = arguments[at];
    if (strncmp(option, "--", 2) != 0) {
      conditions = at;
      break;
    }
    const char *value = at + 1 < argument_count ? arguments[at + 1] : "";
    if (strcmp(option, "--seconds") == 0) {
      seconds = number(value, option, 0, 36000);
    } else if (strcmp(option, "--seed") == 0) {
      options.seed = seed_number(value);
    } else if (strcmp(option, "--rate") == 0) {
      options.sample_rate = (uint32_t)number(value, option, 1000, 768000); /* a plugin passes its host's */
    } else if (strcmp(option, "--block") == 0) {
      block_frames = (size_t)number(value, option, 1, MAX_BLOCK);
    } else if (strcmp(option, "--temperature") == 0) {
      options.temperature = (float)number(value, option, 0, 100);
    } else {
      die("there is no option %s", option);
    }
  }

  /* 2. Create a stream, one voice, and say what it should play. */
  cadenza_stream *stream;
  if (cadenza_stream_create(model, &options, &stream, &error) != CADENZA_OK) die("%s", error.message);
  for (int at = conditions; at < argument_count; at++) set_condition(model, stream, arguments[at]);

  const uint32_t rate = options.sample_rate != 0 ? options.sample_rate : info.sample_rate;
  SF_INFO format = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
  SNDFILE *file = sf_open(output_path, SFM_WRITE, &format);
  if (!file) die("%s: %s", output_path, sf_strerror(NULL));
  sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);

  /* 3. Pull blocks of sound. This loop's first line is all that an audio callback needs. */
  float block[MAX_BLOCK];
  size_t total_frames = (size_t)(seconds * rate + 0.5);
  /* At another sample rate than the model's, its sound comes late by so many frames. A plugin tells its host; a file begins behind
     them. */
  uint32_t latency = 0;
  cadenza_stream_get_latency(stream, &latency);
  for (uint32_t left = latency; left > 0;) {
    const uint32_t frames = left < MAX_BLOCK ? left : MAX_BLOCK;
    if (cadenza_generate_block(stream, block, frames) < 0) break; /* the loop below says why */
    left -= frames;
  }
  for (size_t done = 0; done < total_frames; done += block_frames) {
    size_t frames = total_frames - done < block_frames ? total_frames - done : block_frames;
    cadenza_status status = cadenza_generate_block(stream, block, frames);
    if (status < 0) die("%s", cadenza_status_string(status));
    if (sf_write_float(file, block, (sf_count_t)frames) != (sf_count_t)frames) die("%s: %s", output_path, sf_strerror(file));
  }
  if (sf_close(file) != 0) die("%s: could not be finished", output_path);

  cadenza_stream_statistics statistics = {.struct_size = sizeof statistics};
  cadenza_stream_get_statistics(stream, &statistics);
  printf("%s: %.2f s of \"%s\" at %u Hz in blocks of %zu frames (kernels: %s)\n", output_path, (double)total_frames / rate,
         info.name, (unsigned)rate, block_frames, info.instruction_set);
  if (statistics.total_seconds > 0) {
    printf("%.1f x real time; worst block %.0f us of %.0f us\n", (double)statistics.frames / rate / statistics.total_seconds,
           1e6 * statistics.worst_block_seconds, 1e6 * (double)block_frames / rate);
  }

  /* 4. Give everything back. */
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
  return EXIT_SUCCESS;
}
