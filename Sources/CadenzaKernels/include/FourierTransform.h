/*
 * Fourier transforms of real numbers, and the few functions that short-time spectra are made with.
 *
 * Plain C, compiled once: every operation is one IEEE operation in a fixed order, and nothing is fused, so all machines give the same
 * bits. A transform takes microseconds where the sound that it stands for lasts milliseconds: versions for wider registers would
 * not be heard of.
 */
#ifndef CADENZA_KERNELS_FOURIER_TRANSFORM_H
#define CADENZA_KERNELS_FOURIER_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

#include "Platform.h"

/* A transform of `size` real numbers N, a power of two, 16 ... 65,536. Its spectrum has the N / 2 + 1 bins 0 ... N / 2. */
typedef struct ck_fourier {
  int32_t size;
  /* Passes over the numbers: of radix 4, the last of radix 2 where N / 4 is no power of 4. */
  int32_t passes;
  /* As ck_fourier_fill writes them. */
  const float *tables;
} ck_fourier;

/* Floats of the tables for this size. */
size_t ck_fourier_table_count(size_t size);
/* Writes the tables, and returns the transform that reads them. */
ck_fourier ck_fourier_fill(size_t size, float *tables);

/* X[k] = sum of x[n] exp(-2 pi i k n / N). `work` has room for 2 N floats; none of the four overlap. */
CK_REALTIME void ck_fourier_forward(const ck_fourier *fourier, const float *x, float *real, float *imaginary, float *work);

/* The other way round, with its factor 1 / N. The imaginary parts of the bins 0 and N / 2 count as 0. */
CK_REALTIME void ck_fourier_inverse(const ck_fourier *fourier, const float *real, const float *imaginary, float *x,
                                    float *work);

/* The same in slices: begin, the passes 0 ..< `passes` in order, end. */
CK_REALTIME void ck_fourier_begin_inverse(const ck_fourier *fourier, const float *real, const float *imaginary, float *work);
CK_REALTIME void ck_fourier_pass(const ck_fourier *fourier, int32_t pass, float *work);
CK_REALTIME void ck_fourier_end_inverse(const ck_fourier *fourier, const float *work, float *x);

/* Angles are counted in turns of 2^32, so that they add up without an error, however long: `half_turns`, limited to -1 ... 1, as
   such a count. Not a number is 0. */
CK_REALTIME uint32_t ck_turn_of(float half_turns);

/* real = magnitude cos(angle), imaginary = magnitude sin(angle); errors below 3e-7 of the magnitude. */
CK_REALTIME void ck_polar(const float *magnitude, const uint32_t *turns, size_t count, float *real, float *imaginary);

/* The angle of a complex number in half turns, -1 ... 1, absolute error below 1e-15; 0 where both are 0. */
CK_REALTIME double ck_half_turns(double real, double imaginary);

#endif
