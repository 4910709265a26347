/*
 * Vector kernels. One source (Kernels.inc) compiled per instruction set, one set chosen when a model is loaded.
 *
 * Every set gives the same bits: vector lanes are outputs, and each output is accumulated alone, over its inputs in ascending
 * order, with fused multiply-add; where one number comes of many (ck_mass_below, ck_dot, the sums in ck_normalize and in
 * ck_attend), it is stated in which order lanes are added up. All sets work in panels of 16 outputs, whatever the width of the
 * machine's registers.
 *
 * Buffers are 64-byte aligned, and padded with zeros to whole panels.
 */
#ifndef CADENZA_KERNELS_KERNELS_H
#define CADENZA_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "Platform.h"

/* Outputs in a panel. */
#define CK_PANEL 16
/* Outputs in a block: four panels. */
#define CK_BLOCK 64

/* How packed weights are stored. int8 with per-row scales will be the next value. */
#define CK_FLOAT32 0
#define CK_FLOAT16 1
#define CK_BFLOAT16 2

/* Weights packed for products: blocks of 64 rows, one after another; inside a block, for each column, the block's rows. The last
   block has 16, 32, 48 or 64 rows. So the weights are read from first to last, in the order in which they are stored. */
typedef struct ck_matrix {
  const void *weights;
  int32_t rows;    /* outputs, a multiple of 16 */
  int32_t columns; /* inputs */
  int32_t element_type;
  int32_t reserved;
} ck_matrix;

typedef struct ck_kernels ck_kernels;

/* The best kernels that this machine can run, or, where the environment's CADENZA_ISA names one of "portable", "avx2", "avx512",
   "neon" that it can run, those. */
const ck_kernels *ck_kernels_choose(void);
/* Kernels by name; NULL where unknown or where this machine cannot run them. */
const ck_kernels *ck_kernels_named(const char *name);
const char *ck_kernels_name(const ck_kernels *kernels);

/* y = start + addend + W x. `start` and `addend` may be NULL (zeros), `start` may be y. */
CK_REALTIME void ck_product(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, const float *start,
                            const float *addend, float *y);

/* The same, y = addend + W x, for a matrix that comes back at every step: with `backwards` alternating, a step begins with the
   rows at which the last one ended, which are still in the cache. A matrix a little larger than a cache then mostly stays there;
   from first to last again and again, it would be evicted whole each time. The bits do not depend on it. */
CK_REALTIME void ck_product_returning(const ck_kernels *kernels, const ck_matrix *matrix, int backwards, const float *x,
                                      const float *addend, float *y);

/* y[t] = W x[t], or y[t] + W x[t] where `accumulate`, for t in 0 ..< count. x[t] is x_stride floats after x[t - 1], y likewise. */
CK_REALTIME void ck_product_batch(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, size_t x_stride,
                                  size_t count, int accumulate, float *y, size_t y_stride);

/* Functions of each number; their errors are those of the elementwise functions below. */
#define CK_IDENTITY 0
#define CK_RECTIFY 1       /* max(x, 0), NaN stays */
#define CK_LEAKY_RECTIFY 2 /* x, or slope x below 0 */
#define CK_ELU 3           /* x, or e^x - 1 below 0 */
#define CK_TANH 4
#define CK_SIGMOID 5

/* A convolution as a product: each output vector is bias + W x of inputs that lie in `runs` runs, then a function of each number. */
typedef struct ck_convolution {
  ck_matrix matrix;       /* rows: outputs, in whole panels; columns: runs times run_length */
  const int64_t *offsets; /* where each run begins, in floats from x */
  const float *bias;      /* one for each row */
  int32_t runs;
  int32_t run_length; /* floats that lie one after another */
  int32_t outputs;    /* rows that are written */
  int32_t activation; /* CK_IDENTITY ... */
  float slope;
  int32_t reserved;
} ck_convolution;

/* y[t] = activation(bias + W x[t]) for t in 0 ..< count; x[t] is x_stride floats after x[t - 1], y likewise. Adds up runs in their
   order. Neither x nor y need be aligned or padded: only the inputs of the runs are read, only the outputs are written. */
CK_REALTIME void ck_convolve(const ck_kernels *kernels, const ck_convolution *convolution, const float *x, size_t x_stride,
                             size_t count, float *y, size_t y_stride);

/* x = activation(x). x need not be aligned. */
CK_REALTIME void ck_activate(const ck_kernels *kernels, int activation, float slope, float *x, size_t count);

/* x = x scale + shift for `rows` rows of `channels`, row_stride floats apart, with one scale and shift for each channel. Nothing need be
   aligned. */
CK_REALTIME void ck_scale_rows(const ck_kernels *kernels, const float *scale, const float *shift, size_t rows, size_t channels,
                               float *x, size_t row_stride);

/* y[i] = the sum over k in 0 ..< count of (from[k] + i / frames (to[k] - from[k])) sin(2 pi (k + 1) phi[i]), for i in 0 ..< frames, over ascending k. In
   double precision, by a recurrence over k from sine[i] = sin(2 pi phi[i]) and cosine[i]. All of y's padding to a multiple of 16 is
   written; sine and cosine are padded likewise. */
CK_REALTIME void ck_harmonics(const ck_kernels *kernels, const float *from, const float *to, size_t count, const double *sine,
                              const double *cosine, size_t frames, float *y);

/* y[n] += the sum over i in 0 ..< count of x[i] taps[n - i], over ascending i, for n in 0 ..< count + tap_count, a multiple of 16. 16 zeros lie
   before taps[0], and 16 behind the last. */
CK_REALTIME void ck_filter(const ck_kernels *kernels, const float *x, size_t count, const float *taps, size_t tap_count,
                           float *y);

/* WaveNet's gate: z = tanh(f) sigmoid(g) with [f g] = (start + W x) + addend. Rows are packed with filter and gate panels
   alternating: 16 rows of f, 16 of g, the next 16 of f ... `start` may be NULL. */
CK_REALTIME void ck_gated_product(const ck_kernels *kernels, const ck_matrix *matrix, const float *x, const float *start,
                                  const float *addend, float *z);

/* LSTM: gates = a + b, packed as 16 of i, 16 of f, 16 of g, 16 of o, the next 16 of i ...; updates cell and hidden, `units` each
   (a multiple of 16). `b` may be NULL. */
CK_REALTIME void ck_lstm_cell(const ck_kernels *kernels, const float *a, const float *b, size_t units, float *cell,
                              float *hidden);

/* GRU, reset after the product: packed as 16 of r, 16 of z, 16 of n ...; `recurrent` from the hidden state, `input` from the input. */
CK_REALTIME void ck_gru_cell(const ck_kernels *kernels, const float *recurrent, const float *input, size_t units,
                             float *hidden);

/* y = (x - mean) / sqrt(variance + 1e-5) weight + bias, mean and variance over the `count` numbers of x, which are both sums as in
   ck_dot. All in whole panels; weight and bias are 0 in the padding, and so is y. y may be x. */
CK_REALTIME void ck_normalize(const ck_kernels *kernels, const float *x, const float *weight, const float *bias, size_t count,
                              float *y);

/* x = x Phi(x), Phi the normal distribution's. Errors are stated in Kernels.inc; NaN stays. count is a multiple of 16. */
CK_REALTIME void ck_gelu(const ck_kernels *kernels, float *x, size_t count);

/* Attention of several heads over a ring of keys and values. */
typedef struct ck_attention {
  int32_t heads;
  int32_t channels; /* of one head */
  int32_t window;   /* steps that a step attends to, itself among them */
  int32_t slots;    /* of the ring: the window, rounded up to a multiple of 64 */
  float scale;      /* 1 / sqrt(channels) */
  int32_t reserved;
  /* The relative rows, or NULL: `slots` rows for each head, in the order of ages, the distance `slots - 1` first, 0 last; zeros
     from the distance `window` on. */
  const ck_matrix *relative;
} ck_attention;

/* One step of attention. The step `time` lies in slot time mod slots, and within the window in the order of ages: the newest last.
   qkv: queries, keys, values, each of `heads` times whole panels for a head's channels; the queries come back scaled.
   keys: for each head a matrix as ck_matrix lays it out, slots by channels: scores are outputs of a product.
   values: such a matrix of all heads' padded channels by slots.
   scores: (heads + 1) slots + heads floats, as scratch.
   y = for each head the values summed with softmax(scale q (k + r)), in whole panels. Scores add up channels of the key, then
   those of r; the exponentials are summed as in ck_dot, over ages; values add up from the oldest to the newest. So the bits do
   not depend on where in the ring the window lies. Costs no more than the ring is full. */
CK_REALTIME void ck_attend(const ck_kernels *kernels, const ck_attention *attention, uint64_t time, float *qkv, float *keys,
                           float *values, float *scores, float *y);

/* x = max(x, 0), NaN stays. count is a multiple of 16. */
CK_REALTIME void ck_rectify(const ck_kernels *kernels, float *x, size_t count);

/* y += x. count is a multiple of 16. */
CK_REALTIME void ck_add(const ck_kernels *kernels, const float *x, float *y, size_t count);

/* The largest of count > 0 values, or NaN where any is not finite. Reads no padding. */
CK_REALTIME float ck_maximum(const ck_kernels *kernels, const float *x, size_t count);

/* y = (maximum - x) / temperature. Reads x in whole panels, its padding included, and writes y likewise. */
CK_REALTIME void ck_distances(const ck_kernels *kernels, const float *x, float maximum, float temperature, size_t count,
                              float *y);

/* y = exp(-x), x limited to -88.3 ... 87.3. Whole panels, as above. */
CK_REALTIME void ck_exponentials(const ck_kernels *kernels, const float *x, size_t count, float *y);

/* How many of count values are below `bound`. Reads no padding. */
CK_REALTIME size_t ck_count_below(const ck_kernels *kernels, const float *x, size_t count, float bound);

/* The sum of mass[i] where x[i] is below `bound`: in sixteen interleaved partial sums, then those in ascending order. Reads no
   padding. Never falls when `bound` rises. */
CK_REALTIME float ck_mass_below(const ck_kernels *kernels, const float *x, const float *mass, size_t count, float bound);

/* The sum of x[i] c[i]: in sixteen interleaved partial sums, each over ascending i, which are then added by halves. `count` is
   a multiple of 16; x need not be aligned. */
CK_REALTIME float ck_dot(const ck_kernels *kernels, const float *x, const float *c, size_t count);

/* Elementwise functions in single precision, for tests of their stated errors; count is a multiple of 16. */
CK_REALTIME void ck_exp(const ck_kernels *kernels, const float *x, float *y, size_t count);
CK_REALTIME void ck_tanh(const ck_kernels *kernels, const float *x, float *y, size_t count);
CK_REALTIME void ck_sigmoid(const ck_kernels *kernels, const float *x, float *y, size_t count);

/* The natural logarithm in double precision, relative error below 1e-14, the same bits everywhere; x is finite and above 0. */
CK_REALTIME double ck_log(double x);
/* e to the x in double precision, relative error below 1e-14; x is -700 ... 700. */
CK_REALTIME double ck_exp_double(double x);
/* The square root in double precision, correctly rounded; x is 0 or above. */
CK_REALTIME double ck_square_root(double x);
/* The sine of pi x in double precision, absolute error below 1e-15, 0 at whole numbers; x is -2^51 ... 2^51. */
CK_REALTIME double ck_sine_of_pi(double x);
/* The modified Bessel function of the first kind and order 0, relative error below 1e-14; x is 0 ... 20. */
CK_REALTIME double ck_bessel_i0(double x);

struct ck_kernels {
  const char *name;
  void (*product)(const ck_matrix *, int, const float *, const float *, const float *, float *);
  void (*product_batch)(const ck_matrix *, const float *, size_t, size_t, int, float *, size_t);
  void (*convolve)(const ck_convolution *, const float *, size_t, size_t, float *, size_t);
  void (*activate)(int, float, float *, size_t);
  void (*scale_rows)(const float *, const float *, size_t, size_t, float *, size_t);
  void (*harmonics)(const float *, const float *, size_t, const double *, const double *, size_t, float *);
  void (*filter)(const float *, size_t, const float *, size_t, float *);
  void (*gated_product)(const ck_matrix *, const float *, const float *, const float *, float *);
  void (*lstm_cell)(const float *, const float *, size_t, float *, float *);
  void (*gru_cell)(const float *, const float *, size_t, float *);
  void (*normalize)(const float *, const float *, const float *, size_t, float *);
  void (*gelu)(float *, size_t);
  void (*attend)(const ck_attention *, uint64_t, float *, float *, float *, float *, float *);
  void (*rectify)(float *, size_t);
  void (*add)(const float *, float *, size_t);
  float (*maximum)(const float *, size_t);
  void (*distances)(const float *, float, float, size_t, float *);
  void (*exponentials)(const float *, size_t, float *);
  size_t (*count_below)(const float *, size_t, float);
  float (*mass_below)(const float *, const float *, size_t, float);
  float (*dot)(const float *, const float *, size_t);
  void (*exp)(const float *, float *, size_t);
  void (*tanh)(const float *, float *, size_t);
  void (*sigmoid)(const float *, float *, size_t);
};

extern const ck_kernels ck_kernels_portable;
#if defined(__x86_64__)
extern const ck_kernels ck_kernels_avx2;
extern const ck_kernels ck_kernels_avx512;
#elif defined(__aarch64__)
extern const ck_kernels ck_kernels_neon;
#endif

#endif
