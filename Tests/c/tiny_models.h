/*
 * Small models with random weights, made in memory: every kind of network, input, head, codec and condition of FORMAT.md, and
 * two whose numbers overflow. The tests need no file for them.
 */
#ifndef TINY_MODELS_H
#define TINY_MODELS_H

#include <stddef.h>

typedef enum tiny_kind {
  TINY_WAVENET,  /* embedding input; conditions: class with labels, class with embedding, vector, local class, local vector */
  TINY_CAUSAL,   /* WaveNet with convolution input, kernels of 3, 64 levels, no biases, no conditions */
  TINY_LSTM,     /* LSTM over one-hot tokens, a global class */
  TINY_GRU,      /* two GRU layers over embedded tokens, stored initial states */
  TINY_WAVEFORM, /* LSTM over the last value with a linear head: no softmax, a local vector */
  TINY_WINDOW,   /* LSTM and GRU, both in both directions over a window of 6 tokens, stored initial states, a global class */
  TINY_TRANSFORMER, /* two layers of relative attention over a window of 40, heads of 5 channels, a global class */
  TINY_DECODER,     /* a clip of 65,536 samples by convolutions of every kind, a latent and a pitch */
  TINY_HARMONIC,    /* a clip of 256 frames of harmonics and noise, pitches 48 ... 63: can play notes */
  TINY_SPECTRUM,    /* columns of spectra, two an element, LSTM in both directions over a window of 4, noise, a global vector */
  TINY_FLUTE,       /* a WaveNet that can play notes: pitches 48 ... 63, and two other global conditions */
  TINY_OVERFLOW,    /* a WaveNet that predicts infinity at its first sample, for every pitch */

  /* Composers: what they predict is notes. */
  TINY_CHORALE,     /* three voices on a grid, LSTM; a key, and the position in the bar, which the codec sets */
  TINY_PERFORMANCE, /* events of a performance, a transformer; a class and a vector */
  TINY_MELODY,      /* a melody that ends, a WaveNet over one-hot tokens, a class */
  TINY_CHORDS,      /* notes and chords, GRU, no conditions */
  TINY_MATRIX,      /* numbers: pitch, velocity and interval, LSTM in both directions over 5 notes, noise, a class */
  TINY_NO_COMPOSER, /* a melody whose network predicts infinity at its first step */
  TINY_ALL
} tiny_kind;

/* Those that play audio come first, those that compose behind them; the last of each overflows. */
#define TINY_KINDS (TINY_OVERFLOW + 1)
#define TINY_FIRST_COMPOSER TINY_CHORALE
#define TINY_COMPOSERS (TINY_ALL - TINY_FIRST_COMPOSER)

extern const char *const tiny_names[TINY_ALL];

/* Those that can play notes: with a condition "pitch", and none that is local. */
#define TINY_INSTRUMENTS 4
extern const tiny_kind tiny_instruments[TINY_INSTRUMENTS];

/* The bytes of a model file; free() them. */
unsigned char *tiny_model(tiny_kind kind, size_t *size);

#endif
