/*
 * Small models with random weights, made in memory: every kind of network, input, head, codec and condition of FORMAT.md, and
 * one whose numbers overflow. The tests need no file for them.
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
  TINY_FLUTE,    /* a WaveNet that can play notes: pitches 48 ... 63, and two other global conditions */
  TINY_OVERFLOW, /* a WaveNet that predicts infinity at its first sample, for every pitch */
  TINY_KINDS
} tiny_kind;

extern const char *const tiny_names[TINY_KINDS];

/* Those that can play notes: with a condition "pitch", and none that is local. */
#define TINY_INSTRUMENTS 3
extern const tiny_kind tiny_instruments[TINY_INSTRUMENTS];

/* The bytes of a model file; free() them. */
unsigned char *tiny_model(tiny_kind kind, size_t *size);

#endif
