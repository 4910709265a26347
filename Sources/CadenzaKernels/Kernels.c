#include "Kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Choosing --------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#include <cpuid.h>

/* The compiler's own __builtin_cpu_supports needs a runtime library; these are the documented bits. */
static int ck_supports(int wants_avx512) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if ((c & (fma | osxsave | avx | f16c)) != (fma | osxsave | avx | f16c)) return 0;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); /* which registers the system saves */
  if ((low & 0x06) != 0x06) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!(b & (1u << 5))) return 0; /* AVX2 */
  if (!wants_avx512) return 1;
  const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
  return (low & 0xE6) == 0xE6 && (b & (f | dq | bw | vl)) == (f | dq | bw | vl);
}
#endif

const ck_kernels *ck_kernels_named(const char *name) {
  if (name == NULL) return NULL;
  if (strcmp(name, "portable") == 0) return &ck_kernels_portable;
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0) return ck_supports(0) ? &ck_kernels_avx2 : NULL;
  if (strcmp(name, "avx512") == 0) return ck_supports(1) ? &ck_kernels_avx512 : NULL;
#elif defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return &ck_kernels_neon;
#endif
  return NULL;
}

const ck_kernels *ck_kernels_choose(void) {
  const ck_kernels *kernels = ck_kernels_named(getenv("CADENZA_ISA"));
  if (kernels == NULL) kernels = ck_kernels_named("avx512");
  if (kernels == NULL) kernels = ck_kernels_named("avx2");
  if (kernels == NULL) kernels = ck_kernels_named("neon");
  return kernels != NULL ? kernels : &ck_kernels_portable;
}

const char *ck_kernels_name(const ck_kernels *kernels) { return kernels->name; }

/* ---- Forwarding ------------------------------------------------------------------------------------------------------- */

void ck_product(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, const float *start, const float *addend,
                float *y) {
  kernels->product(matrix, 0, x, start, addend, y);
}

void ck_product_returning(const ck_kernels *kernels, const ck_matrix *matrix, int backwards, const float *x,
                          const float *addend, float *y) {
  kernels->product(matrix, backwards, x, NULL, addend, y);
}

void ck_product_batch(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, size_t x_stride, size_t count,
                      int accumulate, float *y, size_t y_stride) {
  kernels->product_batch(matrix, x, x_stride, count, accumulate, y, y_stride);
}

void ck_convolve(const ck_kernels *kernels, const ck_convolution *convolution, const float *x, size_t x_stride, size_t count,
                 float *y, size_t y_stride) {
  kernels->convolve(convolution, x, x_stride, count, y, y_stride);
}

void ck_activate(const ck_kernels *kernels, int activation, float slope, float *x, size_t count) {
  kernels->activate(activation, slope, x, count);
}

void ck_scale_rows(const ck_kernels *kernels, const float *scale, const float *shift, size_t rows, size_t channels, float *x,
                   size_t row_stride) {
  kernels->scale_rows(scale, shift, rows, channels, x, row_stride);
}

void ck_harmonics(const ck_kernels *kernels, const float *from, const float *to, size_t count, const double *sine,
                  const double *cosine, size_t frames, float *y) {
  kernels->harmonics(from, to, count, sine, cosine, frames, y);
}

void ck_filter(const ck_kernels *kernels, const float *x, size_t count, const float *taps, size_t tap_count, float *y) {
  kernels->filter(x, count, taps, tap_count, y);
}

void ck_gated_product(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, const float *start,
                      const float *addend, float *z) {
  kernels->gated_product(matrix, x, start, addend, z);
}

void ck_lstm_cell(const ck_kernels *kernels, const float *a, const float *b, size_t units, float *cell, float *hidden) {
  kernels->lstm_cell(a, b, units, cell, hidden);
}

void ck_gru_cell(const ck_kernels *kernels, const float *recurrent, const float *input, size_t units, float *hidden) {
  kernels->gru_cell(recurrent, input, units, hidden);
}

void ck_normalize(const ck_kernels *kernels, const float *x, const float *weight, const float *bias, size_t count, float *y) {
  kernels->normalize(x, weight, bias, count, y);
}

void ck_gelu(const ck_kernels *kernels, float *x, size_t count) { kernels->gelu(x, count); }

void ck_attend(const ck_kernels *kernels, const ck_attention *attention, uint64_t time, float *qkv, float *keys, float *values,
               float *scores, float *y) {
  kernels->attend(attention, time, qkv, keys, values, scores, y);
}

void ck_rectify(const ck_kernels *kernels, float *x, size_t count) { kernels->rectify(x, count); }

void ck_add(const ck_kernels *kernels, const float *x, float *y, size_t count) { kernels->add(x, y, count); }

float ck_maximum(const ck_kernels *kernels, const float *x, size_t count) { return kernels->maximum(x, count); }

void ck_distances(const ck_kernels *kernels, const float *x, float maximum, float temperature, size_t count, float *y) {
  kernels->distances(x, maximum, temperature, count, y);
}

void ck_exponentials(const ck_kernels *kernels, const float *x, size_t count, float *y) { kernels->exponentials(x, count, y); }

size_t ck_count_below(const ck_kernels *kernels, const float *x, size_t count, float bound) {
  return kernels->count_below(x, count, bound);
}

float ck_mass_below(const ck_kernels *kernels, const float *x, const float *mass, size_t count, float bound) {
  return kernels->mass_below(x, mass, count, bound);
}

float ck_dot(const ck_kernels *kernels, const float *x, const float *c, size_t count) { return kernels->dot(x, c, count); }

void ck_exp(const ck_kernels *kernels, const float *x, float *y, size_t count) { kernels->exp(x, y, count); }
void ck_tanh(const ck_kernels *kernels, const float *x, float *y, size_t count) { kernels->tanh(x, y, count); }
void ck_sigmoid(const ck_kernels *kernels, const float *x, float *y, size_t count) { kernels->sigmoid(x, y, count); }

/* ---- Double precision ------------------------------------------------------------------------------------------------- */

#pragma STDC FP_CONTRACT OFF

/* x = 2^e m with m in sqrt(1/2) ... sqrt(2); ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172, by its series. */
double ck_log(double x) {
  int exponent = 0;
  if (x < 0x1p-1022) { /* subnormal: scale first */
    x *= 0x1p54;
    exponent = -54;
  }
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  exponent += (int)(bits >> 52) - 1023;
  bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
  double m;
  memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent += 1;
  }
  const double s = (m - 1) / (m + 1), t = s * s;
  double series = 0;
  for (int k = 21; k >= 3; k -= 2) series = series * t + 1.0 / k;
  return exponent * 0.6931471805599453 + (2 * s + 2 * s * t * series);
}

/* x = n ln 2 + r, |r| < 0.347; exp(r) by its series to degree 13. */
double ck_exp_double(double x) {
  const double n = (x * 1.4426950408889634 + 0x1.8p52) - 0x1.8p52;
  const double r = (x - n * 0.69314718036912382) - n * 1.9082149292705877e-10;
  double value = 1;
  for (int k = 13; k >= 1; k--) value = 1 + value * r / k;
  const uint64_t bits = (uint64_t)((int64_t)n + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return value * power;
}

/* IEEE 754 asks for the correctly rounded root: the C library's is one instruction, or as exact. */
double ck_square_root(double x) { return sqrt(x); }

/* x = n + r, |r| <= 1/2, exactly; sin(pi x) = (-1)^n sin(pi r), by its series to degree 21. */
double ck_sine_of_pi(double x) {
  const double n = (x + 0x1.8p52) - 0x1.8p52;
  const double t = (x - n) * 3.141592653589793, square = t * t;
  double series = 0;
  for (int k = 21; k >= 3; k -= 2) series = (1 + series) * -square / (k * (k - 1));
  const double value = t + t * series;
  return (int64_t)n & 1 ? -value : value;
}

/* Its series, the sum of ((x / 2)^k / k!)^2: all terms are positive, and from the 60th on too small to count. */
double ck_bessel_i0(double x) {
  const double quarter = x * x / 4;
  double sum = 1, term = 1;
  for (int k = 1; k <= 60; k++) {
    term = term * quarter / ((double)k * k);
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return sum;
}
