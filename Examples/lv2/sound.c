/* SPDX-License-Identifier: MIT */
#include "sound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's sentence, and which file it is about, where it does not say so itself. */
static void complain(sound *sound, const char *sentence) {
  const bool named = strstr(sentence, sound->path) != NULL;
  snprintf(sound->complaint, sizeof sound->complaint, "%s%s%s", named ? "" : sound->path, named ? "" : ": ", sentence);
}

static sound *sound_named(const char *path, const sound_options *options) {
  sound *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  snprintf(made->path, sizeof made->path, "%s", path);
  made->voices = options->voices;
  made->seed = options->seed;
  made->instrument_condition = made->pitch_condition = -1;
  return made;
}

/* The class condition of this name, in *info; -1 where the model has none that the host may set. */
static int32_t class_condition(const cadenza_model *model, const char *name, cadenza_condition_info *info) {
  for (int32_t index = 0; index < INT32_MAX; index++) {
    *info = (cadenza_condition_info){.struct_size = sizeof *info};
    if (cadenza_model_get_condition_info(model, (uint32_t)index, info) != CADENZA_OK) return -1;
    if (info->kind == CADENZA_CONDITION_CLASS && info->queue_capacity > 0 && strcmp(info->name, name) == 0) return index;
  }
  return -1;
}

/* The MIDI pitch of class `index`: the number that its label says, where it says one; else the index itself. -1: no pitch. */
static long pitch_of_class(const cadenza_condition_info *info, uint32_t index) {
  if (index >= info->label_count) return index < 128 ? (long)index : -1;
  char *end;
  const long pitch = strtol(info->labels[index], &end, 10);
  if (end == info->labels[index] || *end != '\0') return index < 128 ? (long)index : -1;
  return pitch >= 0 && pitch < 128 ? pitch : -1;
}

/* Which class plays which pitch. A pitch that the model lacks is moved by the fewest octaves. */
static void find_pitches(sound *sound, const cadenza_condition_info *info) {
  bool present[128] = {false};
  uint32_t classes[128] = {0};
  for (uint32_t index = 0; index < info->size; index++) {
    const long pitch = pitch_of_class(info, index);
    if (pitch < 0 || present[pitch]) continue;
    present[pitch] = true;
    classes[pitch] = index;
  }
  for (int pitch = 0; pitch < 128; pitch++) {
    for (int octaves = 0; octaves <= 10; octaves++) {
      const int up = pitch + 12 * octaves, down = pitch - 12 * octaves;
      if (down >= 0 && present[down]) {
        sound->pitch_class[pitch] = classes[down];
        break;
      }
      if (up < 128 && present[up]) {
        sound->pitch_class[pitch] = classes[up];
        break;
      }
    }
  }
}

static void find_conditions(sound *sound) {
  cadenza_condition_info info;
  sound->instrument_condition = class_condition(sound->model, "instrument", &info);
  if (sound->instrument_condition >= 0) sound->instrument_count = info.size;
  sound->pitch_condition = class_condition(sound->model, "pitch", &info);
  if (sound->pitch_condition >= 0) find_pitches(sound, &info);
}

static cadenza_stream *create(sound *sound, const sound_options *options, uint32_t voices) {
  cadenza_stream_options stream_options;
  cadenza_stream_options_init(&stream_options, sound->model);
  /* A rate that is none stays 0 and is refused by what the library says about it, not by an undefined conversion. */
  stream_options.sample_rate = options->rate >= 1 && options->rate <= 4e9 ? (uint32_t)(options->rate + 0.5) : 1;
  if (options->max_block_frames > 0) stream_options.max_block_frames = options->max_block_frames;
  stream_options.seed = options->seed;
  stream_options.voices = voices;
  stream_options.smoothing_seconds = 0; /* the player fades by itself */
  cadenza_stream *stream;
  cadenza_error error;
  if (cadenza_stream_create(sound->model, &stream_options, &stream, &error) != CADENZA_OK) complain(sound, error.message);
  return stream;
}

static void create_notes(sound *sound, const sound_options *options) {
  if (options->voices == 0) return;
  sound->notes = create(sound, options, options->voices);
  if (sound->notes) cadenza_stream_get_latency(sound->notes, &sound->latency);
}

static bool composes(cadenza_stream *stream) {
  size_t count;
  return cadenza_stream_read_events(stream, NULL, 0, &count) != CADENZA_ERROR_UNSUPPORTED;
}

sound *sound_load(const char *path, const sound_options *options) {
  sound *made = sound_named(path, options);
  if (!made) return NULL;
  cadenza_error error;
  if (cadenza_model_load(path, &made->model, &error) != CADENZA_OK) {
    complain(made, error.message);
    return made;
  }
  made->solo = create(made, options, 0);
  if (made->solo && composes(made->solo)) {
    complain(made, "the model is a composer, which writes notes and has no sound of its own; expected one that plays audio");
    cadenza_stream_destroy(made->solo);
    made->solo = NULL;
  }
  if (!made->solo) {
    cadenza_model_release(made->model);
    made->model = NULL;
    return made;
  }
  cadenza_stream_get_latency(made->solo, &made->latency);
  find_conditions(made);
  create_notes(made, options);
  return made;
}

sound *sound_with_voices(cadenza_model *model, const char *path, const sound_options *options) {
  sound *made = sound_named(path, options);
  if (!made) return NULL;
  made->model = cadenza_model_retain(model);
  made->heir = true;
  find_conditions(made);
  create_notes(made, options);
  return made;
}

void sound_free(sound *sound) {
  if (!sound) return;
  cadenza_stream_destroy(sound->notes);
  cadenza_stream_destroy(sound->solo);
  cadenza_model_release(sound->model);
  free(sound);
}
