/*
 * A sound: a model file, loaded, and the streams that play it. Made and freed off the audio thread; the audio thread plays it, and
 * owns it meanwhile.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef SOUND_H
#define SOUND_H

#include <cadenza.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_PATH_SIZE 4096
#define SOUND_COMPLAINT_SIZE (SOUND_PATH_SIZE + CADENZA_ERROR_MESSAGE_SIZE + 4)
#define SOUND_MOST_VOICES 64

/* How a sound is to be played. */
typedef struct sound_options {
  double rate;               /* of the host, Hz */
  uint32_t max_block_frames; /* the host's largest block, as far as it says; 0: unknown */
  uint32_t voices;           /* notes at once, 1 ... SOUND_MOST_VOICES; 0: no notes, the model only plays on its own */
  uint64_t seed;
} sound_options;

typedef struct sound {
  char path[SOUND_PATH_SIZE];           /* the model file, as it was asked for */
  char complaint[SOUND_COMPLAINT_SIZE]; /* a sentence where something is missing; else empty */
  cadenza_model *model;                 /* NULL: the file could not be loaded, and this sound is silence */
  cadenza_stream *notes;                /* plays the host's notes; NULL where the model cannot, or nobody asked */
  cadenza_stream *solo;                 /* the model on its own; NULL in an heir, until it inherits */
  bool heir;                            /* has the model of the sound before it, and takes over its solo stream */
  uint32_t voices;                      /* of `notes`, as asked for */
  uint64_t seed;                        /* of both */
  uint64_t request;                     /* for whoever asked: of two requests for a file the higher is the later one */
  uint32_t latency;                     /* frames */
  int32_t instrument_condition;         /* index of the class condition "instrument"; -1: the model has none */
  uint32_t instrument_count;            /* its classes */
  int32_t pitch_condition;              /* index of the class condition "pitch"; -1: the model has none */
  uint32_t pitch_class[128];            /* its class for each MIDI pitch, moved by octaves where the model lacks it */
  struct sound *next;                   /* for whoever keeps it in a list: the player */
  struct sound *known;                  /* and the plugin */
} sound;

/* Loads the model file `path` and creates the streams. Always returns a sound, one that is silence where the file is not there or
   is no model that can sound: `complaint` says why. NULL where memory ran out. Not for the audio thread. */
sound *sound_load(const char *path, const sound_options *options);

/* An heir of the sound of `model`: the same model from `path`, whose notes have other voices. The file is not read again, and the
   model is retained. NULL where memory ran out. Not for the audio thread. */
sound *sound_with_voices(cadenza_model *model, const char *path, const sound_options *options);

/* Frees the streams and gives back the model. NULL is fine. Not for the audio thread. */
void sound_free(sound *sound);

#endif
