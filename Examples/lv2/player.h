/*
 * A player: plays a sound in the audio callback, as the plugin's controls say, and the host's notes; changes from one sound to the
 * next without a click. Everything here but player_init is for the audio thread: it allocates, frees and waits for nothing.
 *
 * Two streams are mixed: `notes` plays what the keys say, `solo` is the model on its own. Where a stream must stop in the middle of
 * its sound, it fades out for 5 ms first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PLAYER_H
#define PLAYER_H

#include "sound.h"

/* Frames that are played at once at most. */
#define PLAYER_CHUNK 256

/* What a plugin's control ports say. Any value is fine: it is taken to its range first, and a value that is not a number to the
   least. */
typedef struct player_controls {
  float play;        /* above 0: the model plays on its own */
  float freeze;      /* above 0: time stands still, and goes on later where it stood */
  float pitch;       /* of the model on its own, MIDI 0 ... 127 */
  float interval;    /* seconds after which it begins anew, 0.05 ... 60, with the seed after the last; 0: it never does */
  float instrument;  /* class of the condition "instrument" */
  float transpose;   /* semitones added to the keys, -48 ... 48 */
  float temperature; /* 0 ... 4 */
  float top_k;       /* 0 ... 65,536; 0: off */
  float top_p;       /* 0 ... 1; 1: off */
  float gain;        /* dB, -60 ... 20; -60 is silence */
  float seed;        /* 0 ... 16,777,215 */
} player_controls;

/* A key of one MIDI channel. */
typedef struct player_key {
  bool down;
  float velocity;     /* of the note that should sound, 0 ... 1; 0: none, the key and the pedal are up */
  bool told;          /* the stream has been told to play it */
  uint8_t told_pitch; /* which pitch it was told */
} player_key;

/* One of the two streams, and how far it is faded in. */
typedef struct player_lane {
  bool wanted;     /* by the controls */
  bool begin_anew; /* once faded out */
  uint32_t ramp;   /* 0: silent ... fade_frames: at its own level */
  uint64_t age;    /* frames since it began */
  uint64_t takes;  /* times that the interval made it begin anew */
  bool failed;     /* the network produced a value that is not finite: silence until it begins anew */
} player_lane;

typedef struct player {
  double rate;
  uint32_t fade_frames;
  float gain, gain_target, gain_step;
  bool begun;  /* controls were set since player_begin */
  bool failed; /* a lane failed, and nobody took notice yet: the caller clears it */
  player_controls controls;
  sound *sound;   /* what plays; NULL: nothing */
  sound *next;    /* what shall play instead */
  sound *retired; /* what need not be kept any more: a list, which the caller takes */
  player_lane notes, solo;
  uint64_t interval_frames; /* until a take fades out; 0: it never does */
  uint64_t seed;
  bool behind; /* the notes' stream does not know about all keys */
  bool pedal[16];
  player_key keys[16][128];
  float scratch[PLAYER_CHUNK];
} player;

/* A player without a sound, at a host's sample rate. */
void player_init(player *player, double rate);

/* Back to the beginning: no keys, both streams begin anew. A sound that was offered is there at once. */
void player_begin(player *player);

/* From now on the controls are these. Once before each block. */
void player_set(player *player, const player_controls *controls);

/* `next` shall play, once what plays has faded out. The player owns it from now on. An heir whose model is no longer there is retired at
   once. */
void player_offer(player *player, sound *next);

/* Takes the list of sounds that were retired. */
sound *player_take_retired(player *player);

/* What sound the player is about to play, or plays; NULL: none. */
const sound *player_latest(const player *player);

/* MIDI. Channels 0 ... 15, keys 0 ... 127, velocities 1 ... 127: what is larger is cut down to that. */
void player_note_on(player *player, unsigned channel, unsigned key, unsigned velocity);
void player_note_off(player *player, unsigned channel, unsigned key);
void player_pedal(player *player, unsigned channel, bool down);

/* Lets go of all keys, as if each had been lifted: the pedal still holds. */
void player_all_notes_off(player *player, unsigned channel);

/* Silences the channel's notes within 5 ms, pedal or not. Notes of other channels begin anew. */
void player_all_sound_off(player *player, unsigned channel);

/* Plays `frames` frames. */
void player_render(player *player, float *output, uint32_t frames);

/* Frames by which the output is late. */
uint32_t player_latency(const player *player);

#endif
