#include "FourierTransform.h"

#include "Kernels.h"

#pragma STDC FP_CONTRACT OFF

/*
 * N real numbers are the real and imaginary parts of M = N / 2 complex ones, z[n] = x[2n] + i x[2n + 1], whose transform Z is made in
 * passes of radix 4 (Stockham's arrangement, which sorts while it goes from one buffer to the other), and X is made of Z:
 *   X[k] = E[k] + w^k O[k], E[k] = (Z[k] + conj Z[M - k]) / 2, O[k] = (Z[k] - conj Z[M - k]) / 2i, w = exp(-2 pi i / N).
 *
 * A buffer has M real parts, then M imaginary ones; `work` holds two of them. Even passes go from the first to the second.
 *
 * The tables: for each pass over n complex numbers, cos and -sin of 2 pi p / n, of twice and of three times that, each for p in
 * 0 ..< n / 4; then cos and -sin of 2 pi k / N, each for k in 0 ... M.
 */

size_t ck_fourier_table_count(size_t size) {
  size_t count = 0;
  for (size_t n = size / 2; n >= 4; n /= 4) count += 6 * (n / 4);
  return count + 2 * (size / 2 + 1);
}

ck_fourier ck_fourier_fill(size_t size, float *tables) {
  ck_fourier fourier = {(int32_t)size, 0, tables};
  size_t n = size / 2;
  for (; n >= 4; n /= 4) {
    for (size_t multiple = 1; multiple <= 3; multiple++) {
      for (size_t p = 0; p < n / 4; p++) {
        const double angle = 2.0 * (double)(multiple * p) / (double)n; /* in half turns */
        tables[p] = (float)ck_sine_of_pi(angle + 0.5);
        tables[n / 4 + p] = (float)-ck_sine_of_pi(angle);
      }
      tables += n / 2;
    }
    fourier.passes += 1;
  }
  if (n == 2) fourier.passes += 1;
  for (size_t k = 0; k <= size / 2; k++) {
    const double angle = 2.0 * (double)k / (double)size;
    tables[k] = (float)ck_sine_of_pi(angle + 0.5);
    tables[size / 2 + 1 + k] = (float)-ck_sine_of_pi(angle);
  }
  return fourier;
}

/* One butterfly of radix 4, of numbers `distance` apart, into numbers `stride` apart. */
#define BUTTERFLY(from, distance, to, stride)                                                                                  \
  const float ar = xr[from], ai = xi[from], br = xr[from + distance], bi = xi[from + distance];                                \
  const float cr = xr[from + 2 * distance], ci = xi[from + 2 * distance];                                                      \
  const float dr = xr[from + 3 * distance], di = xi[from + 3 * distance];                                                      \
  const float sum_r = ar + cr, sum_i = ai + ci, difference_r = ar - cr, difference_i = ai - ci;                                \
  const float other_r = br + dr, other_i = bi + di, turned_r = bi - di, turned_i = dr - br; /* -i (b - d) */                   \
  yr[to] = sum_r + other_r;                                                                                                    \
  yi[to] = sum_i + other_i;                                                                                                    \
  const float first_r = difference_r + turned_r, first_i = difference_i + turned_i;                                            \
  yr[to + stride] = first_r * c1 - first_i * s1;                                                                               \
  yi[to + stride] = first_r * s1 + first_i * c1;                                                                               \
  const float second_r = sum_r - other_r, second_i = sum_i - other_i;                                                          \
  yr[to + 2 * stride] = second_r * c2 - second_i * s2;                                                                         \
  yi[to + 2 * stride] = second_r * s2 + second_i * c2;                                                                         \
  const float third_r = difference_r - turned_r, third_i = difference_i - turned_i;                                            \
  yr[to + 3 * stride] = third_r * c3 - third_i * s3;                                                                           \
  yi[to + 3 * stride] = third_r * s3 + third_i * c3;

void ck_fourier_pass(const ck_fourier *fourier, int32_t pass, float *work) {
  const size_t complex_count = (size_t)fourier->size / 2;
  const float *restrict table = fourier->tables;
  size_t n = complex_count, stride = 1;
  for (int32_t before = 0; before < pass; before++) {
    table += 6 * (n / 4);
    n /= 4;
    stride *= 4;
  }
  float *const buffers[2] = {work, work + 2 * complex_count};
  const float *restrict xr = buffers[pass & 1], *restrict xi = xr + complex_count;
  float *restrict yr = buffers[1 - (pass & 1)], *restrict yi = yr + complex_count;
  if (n == 2) {
    for (size_t q = 0; q < stride; q++) {
      yr[q] = xr[q] + xr[q + stride];
      yi[q] = xi[q] + xi[q + stride];
      yr[q + stride] = xr[q] - xr[q + stride];
      yi[q + stride] = xi[q] - xi[q + stride];
    }
    return;
  }
  const size_t quarter = n / 4;
  if (stride == 1) {
    for (size_t p = 0; p < quarter; p++) {
      const float c1 = table[p], s1 = table[quarter + p], c2 = table[2 * quarter + p], s2 = table[3 * quarter + p];
      const float c3 = table[4 * quarter + p], s3 = table[5 * quarter + p];
      BUTTERFLY(p, quarter, 4 * p, 1)
    }
    return;
  }
  const size_t distance = stride * quarter;
  for (size_t p = 0; p < quarter; p++) {
    const float c1 = table[p], s1 = table[quarter + p], c2 = table[2 * quarter + p], s2 = table[3 * quarter + p];
    const float c3 = table[4 * quarter + p], s3 = table[5 * quarter + p];
    const size_t from = stride * p, to = 4 * stride * p;
    for (size_t q = 0; q < stride; q++) {
      BUTTERFLY(from + q, distance, to + q, stride)
    }
  }
}

/* Where the last pass wrote. */
static float *ck_fourier_result(const ck_fourier *fourier, float *work) {
  return fourier->passes & 1 ? work + fourier->size : work;
}

static const float *ck_fourier_real_table(const ck_fourier *fourier) {
  return fourier->tables + ck_fourier_table_count((size_t)fourier->size) - 2 * ((size_t)fourier->size / 2 + 1);
}

void ck_fourier_forward(const ck_fourier *fourier, const float *x, float *real, float *imaginary, float *work) {
  const size_t half = (size_t)fourier->size / 2;
  for (size_t n = 0; n < half; n++) {
    work[n] = x[2 * n];
    work[half + n] = x[2 * n + 1];
  }
  for (int32_t pass = 0; pass < fourier->passes; pass++) ck_fourier_pass(fourier, pass, work);
  const float *restrict zr = ck_fourier_result(fourier, work), *restrict zi = zr + half;
  const float *restrict cosine = ck_fourier_real_table(fourier), *restrict sine = cosine + half + 1;
  float *restrict xr = real, *restrict xi = imaginary;
  for (size_t k = 1; k < half; k++) {
    const float even_r = zr[k] + zr[half - k], even_i = zi[k] - zi[half - k];
    const float odd_r = zi[k] + zi[half - k], odd_i = zr[half - k] - zr[k];
    xr[k] = 0.5f * (even_r + (odd_r * cosine[k] - odd_i * sine[k]));
    xi[k] = 0.5f * (even_i + (odd_r * sine[k] + odd_i * cosine[k]));
  }
  xr[0] = zr[0] + zi[0];
  xi[0] = 0;
  xr[half] = zr[0] - zi[0];
  xi[half] = 0;
}

/* Z = E + i O, its parts exchanged: the transform of i conj z is i conj Z, so the same passes go the other way. */
void ck_fourier_begin_inverse(const ck_fourier *fourier, const float *real, const float *imaginary, float *work) {
  const size_t half = (size_t)fourier->size / 2;
  const float *restrict cosine = ck_fourier_real_table(fourier), *restrict sine = cosine + half + 1;
  const float *restrict xr = real, *restrict xi = imaginary;
  float *restrict zi = work, *restrict zr = work + half;
  const float scale = 0.5f / (float)half; /* a power of two */
  for (size_t k = 1; k < half; k++) {
    const float even_r = xr[k] + xr[half - k], even_i = xi[k] - xi[half - k];
    const float difference_r = xr[k] - xr[half - k], difference_i = xi[k] + xi[half - k];
    const float odd_r = difference_r * cosine[k] + difference_i * sine[k];
    const float odd_i = difference_i * cosine[k] - difference_r * sine[k];
    zr[k] = scale * (even_r - odd_i);
    zi[k] = scale * (even_i + odd_r);
  }
  zr[0] = scale * (xr[0] + xr[half]);
  zi[0] = scale * (xr[0] - xr[half]);
}

void ck_fourier_end_inverse(const ck_fourier *fourier, const float *work, float *x) {
  const size_t half = (size_t)fourier->size / 2;
  const float *restrict zi = fourier->passes & 1 ? work + fourier->size : work, *restrict zr = zi + half;
  float *restrict to = x;
  for (size_t n = 0; n < half; n++) {
    to[2 * n] = zr[n];
    to[2 * n + 1] = zi[n];
  }
}

void ck_fourier_inverse(const ck_fourier *fourier, const float *real, const float *imaginary, float *x, float *work) {
  ck_fourier_begin_inverse(fourier, real, imaginary, work);
  for (int32_t pass = 0; pass < fourier->passes; pass++) ck_fourier_pass(fourier, pass, work);
  ck_fourier_end_inverse(fourier, work, x);
}

uint32_t ck_turn_of(float half_turns) {
  const float limited = half_turns < -1.0f ? -1.0f : half_turns > 1.0f ? 1.0f : half_turns;
  if (!(limited == limited)) return 0;
  /* A half turn is 2^31; the product is exact, and what follows the point is cut off. */
  return (uint32_t)(int64_t)(limited * 0x1p31f);
}

/* The angle is q quarters and a rest of an eighth of a turn at most, both exactly; sine and cosine of the rest by their series, to
   degree 9 and 10. */
void ck_polar(const float *magnitude, const uint32_t *turns, size_t count, float *real, float *imaginary) {
  const float *restrict m = magnitude;
  const uint32_t *restrict angle = turns;
  float *restrict x = real, *restrict y = imaginary;
  for (size_t index = 0; index < count; index++) {
    const uint32_t quarters = (angle[index] + 0x20000000u) >> 30;
    const float t = (float)(int32_t)(angle[index] - (quarters << 30)) * 1.4629180792671596e-9f; /* 2 pi / 2^32 */
    const float u = t * t;
    const float sine = t + t * (u * (-1.66666667e-1f + u * (8.33333333e-3f + u * (-1.98412698e-4f + u * 2.75573192e-6f))));
    const float cosine =
        1.0f + u * (-0.5f + u * (4.16666667e-2f + u * (-1.38888889e-3f + u * (2.48015873e-5f + u * -2.75573192e-7f))));
    const float along = quarters & 1 ? sine : cosine, across = quarters & 1 ? cosine : sine;
    x[index] = m[index] * ((quarters + 1) & 2 ? -along : along);
    y[index] = m[index] * (quarters & 2 ? -across : across);
  }
}

/* The angle's tangent t is brought to 0 ... 1, then to -0.4142 ... 0.4142 (arctan t = pi / 4 + arctan((t - 1) / (t + 1))), where the
   series of the arctangent to degree 45 is exact to the last place. */
double ck_half_turns(double real, double imaginary) {
  const double x = real < 0 ? -real : real, y = imaginary < 0 ? -imaginary : imaginary;
  const double larger = x > y ? x : y, smaller = x > y ? y : x;
  if (!(larger > 0)) return 0;
  double t = smaller / larger, turns = 0;
  if (t > 0.41421356237309503) {
    t = (t - 1) / (t + 1);
    turns = 0.25;
  }
  const double square = t * t;
  double series = 0;
  for (int k = 45; k >= 1; k -= 2) series = 1.0 / k - series * square;
  turns += t * series * 0.3183098861837907; /* 1 / pi */
  if (y > x) turns = 0.5 - turns;
  if (real < 0) turns = 1 - turns;
  return imaginary < 0 ? -turns : turns;
}
