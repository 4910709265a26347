/*
 * Every kernel of an instruction set, over seeded numbers in awkward sizes: prints a line for each result, its name and a hash of
 * its bits. The same lines on every instruction set of every machine: that is what Tests/portability/run compares.
 *
 *   kernels SET [SEED]   SET: portable, avx2, avx512, neon; another SEED (1) gives other numbers, and so other hashes
 *   kernels              names the sets that this machine can run
 *
 * The kernels run as the engine runs them, between ck_enter_arithmetic and ck_leave_arithmetic.
 */
#include <CadenzaKernels.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ck_kernels *kernels;
static uint64_t random_state;

/* ---- Numbers ---------------------------------------------------------------------------------------------------------- */

/* SplitMix64 (Steele et al. 2014). */
static uint64_t random_bits(void) {
  uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/* -scale ... scale, in steps that are exact. */
static float random_float(float scale) { return ((float)(random_bits() >> 40) - 0x1p23f) * 0x1p-23f * scale; }

static size_t padded(size_t count) { return (count + 15) & ~(size_t)15; }

/* Zeroed memory that nobody gives back: the program is short. */
static void *memory(size_t bytes) {
  void *place = ck_allocate(bytes);
  if (place == NULL) {
    fprintf(stderr, "kernels: no memory\n");
    exit(2);
  }
  return place;
}

static float *zeros(size_t count) { return memory(padded(count) * sizeof(float)); }

static float *numbers(size_t count, float scale) {
  float *x = zeros(count);
  for (size_t i = 0; i < count; i++) x[i] = random_float(scale);
  return x;
}

/* Magnitudes from the smallest to the largest that there are, both signs, zeros, infinities and NaN. */
static float *extremes(size_t count) {
  static const float special[] = {
      0.0f,  -0.0f, 0x1p-149f,        -0x1p-149f, 0x1p-126f, 0x1.fffffep127f, 88.3f, -87.3f,           9.0f,
      -9.0f, 13.2f, -0x1.fffffep127f, 1.0f,       INFINITY,  -INFINITY,       NAN,   0x1.fffffcp-127f, -0x1.8p-130f};
  float *x = zeros(count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)random_bits();
    if ((bits & 0x7F800000u) == 0x7F800000u) bits &= ~0x00800000u;
    memcpy(&x[i], &bits, sizeof bits);
    if (i < sizeof special / sizeof *special) x[i] = special[i];
  }
  return x;
}

/* Weights as they are stored: finite, and in half precision now and then subnormal. */
static void *weights(size_t count, int type) {
  if (type == CK_FLOAT32) return numbers(count, 0.5f);
  uint16_t *halves = memory(padded(count) * sizeof *halves);
  for (size_t i = 0; i < count; i++) {
    const float number = random_float(0.5f);
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (type == CK_BFLOAT16) {
      halves[i] = (uint16_t)(bits >> 16);
    } else {
      const uint16_t any = (uint16_t)random_bits();
      halves[i] = (uint16_t)((any & 0x83FF) | ((any >> 10 & 15) << 10)); /* exponents of 0 (subnormal) to 15 (below 2) */
    }
  }
  return halves;
}

/* ---- Results ---------------------------------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
  return hash;
}

/* NaN is NaN: IEEE 754 leaves its sign and payload to the machine. */
static uint64_t hash_floats(const float *x, size_t count) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    if (x[i] != x[i]) bits = 0x7FC00000u;
    /* Byte by byte, the lowest first, whatever the machine's order. */
    const unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                    (unsigned char)(bits >> 24)};
    hash = hash_bytes(hash, bytes, sizeof bytes);
  }
  return hash;
}

static void print_hash(const char *name, const char *what, const float *x, size_t count) {
  printf("%s %s %016llx\n", name, what, (unsigned long long)hash_floats(x, count));
}

static void print_double(const char *name, const char *what, double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  printf("%s %s %016llx\n", name, what, (unsigned long long)bits);
}

static const char *const type_names[] = {"F32", "F16", "BF16"};

/* ---- Kernels ---------------------------------------------------------------------------------------------------------- */

static void products(void) {
  static const int rows[] = {16, 32, 48, 64, 80, 112, 128, 176, 192, 272, 320}, columns[] = {1, 2, 5, 17, 64, 131};
  char what[96];
  for (int type = CK_FLOAT32; type <= CK_BFLOAT16; type++) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      for (size_t j = 0; j < sizeof columns / sizeof *columns; j++) {
        const size_t m = (size_t)rows[i], n = (size_t)columns[j];
        const ck_matrix matrix = {weights(m * n, type), rows[i], columns[j], type, 0};
        const float *x = numbers(n, 2), *start = numbers(m, 1), *addend = numbers(m, 1);
        float *y = zeros(4 * m);
        ck_product(kernels, &matrix, x, NULL, NULL, y);
        ck_product(kernels, &matrix, x, start, NULL, y + m);
        ck_product(kernels, &matrix, x, start, addend, y + 2 * m);
        ck_product_returning(kernels, &matrix, 1, x, addend, y + 3 * m);
        snprintf(what, sizeof what, "%s-%zux%zu", type_names[type], m, n);
        print_hash("product", what, y, 4 * m);

        /* Seven inputs, which is a rest for each size of a tile; strides that leave gaps. */
        const size_t count = 7, x_stride = n + 3, y_stride = m + 16;
        const float *many = numbers(count * x_stride, 1);
        float *batch = numbers(count * y_stride, 1);
        ck_product_batch(kernels, &matrix, many, x_stride, count, 0, batch, y_stride);
        ck_product_batch(kernels, &matrix, many, x_stride, count, 1, batch, y_stride);
        print_hash("product_batch", what, batch, count * y_stride);

        if (m % 32 == 0) {
          float *z = zeros(m);
          ck_gated_product(kernels, &matrix, x, NULL, addend, z);
          ck_gated_product(kernels, &matrix, x, start, addend, z + m / 2);
          print_hash("gated_product", what, z, m);
        }
      }
    }
  }
}

static void cells(void) {
  static const size_t sizes[] = {16, 48, 128};
  char what[32];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t units = sizes[i];
    snprintf(what, sizeof what, "%zu", units);
    float *state = numbers(2 * units, 1);
    const float *a = numbers(4 * units, 4), *b = numbers(4 * units, 4);
    ck_lstm_cell(kernels, a, b, units, state, state + units);
    ck_lstm_cell(kernels, a, NULL, units, state, state + units);
    print_hash("lstm_cell", what, state, 2 * units);
    float *hidden = numbers(units, 1);
    ck_gru_cell(kernels, a, b, units, hidden);
    print_hash("gru_cell", what, hidden, units);
  }
}

/* `steps` steps over a ring, each with numbers of its own, so that it wraps. */
static void attend(int heads, int channels, int window, int steps, int type) {
  const int slots = (window + 63) / 64 * 64, stride = (int)padded((size_t)channels);
  const size_t rows = (size_t)heads * (size_t)stride;
  const ck_matrix relative = {type < 0 ? NULL : weights((size_t)heads * (size_t)slots * (size_t)channels, type), heads * slots,
                              channels, type, 0};
  const ck_attention attention = {heads, channels, window, slots, 0.35f, 0, type < 0 ? NULL : &relative};
  float *keys = zeros((size_t)heads * (size_t)slots * (size_t)channels), *values = zeros(rows * (size_t)slots);
  float *scores = zeros((size_t)(heads + 1) * (size_t)slots + (size_t)heads), *y = zeros(rows);
  char what[96];
  for (int time = 0; time < steps; time++) {
    float *qkv = zeros(3 * rows);
    for (int vector = 0; vector < 3 * heads; vector++) {
      for (int channel = 0; channel < channels; channel++) qkv[vector * stride + channel] = random_float(2);
    }
    ck_attend(kernels, &attention, (uint64_t)time, qkv, keys, values, scores, y);
    if (time % 37 != 0 && time != steps - 1) continue;
    snprintf(what, sizeof what, "%d-heads-of-%d-window-%d-%s-step-%d", heads, channels, window,
             type < 0 ? "absolute" : type_names[type], time);
    print_hash("attend", what, y, rows);
  }
}

static void normalize(void) {
  static const size_t sizes[] = {1, 5, 16, 17, 100, 256, 300};
  char what[32];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t count = sizes[i];
    snprintf(what, sizeof what, "%zu", count);
    const float *x = numbers(count, 100), *weight = numbers(count, 1), *bias = numbers(count, 1);
    float *y = zeros(count);
    ck_normalize(kernels, x, weight, bias, count, y);
    print_hash("normalize", what, y, padded(count));
  }
}

/* Layers over steps, whose rows lie anywhere, and the sound of frames. */
static void layers(void) {
  static const int sizes[][4] = {{16, 1, 3, 1}, {48, 2, 5, 9}, {64, 3, 16, 12}, {112, 1, 33, 7}};
  char what[64];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int rows = sizes[i][0], runs = sizes[i][1], length = sizes[i][2];
    const size_t count = (size_t)sizes[i][3], outputs = (size_t)rows - 5, x_stride = (size_t)length + 1;
    for (int type = 0; type < 3; type++) {
      const ck_matrix matrix = {weights((size_t)rows * (size_t)(runs * length), type), rows, runs * length, type, 0};
      int64_t offsets[3];
      for (int run = 0; run < runs; run++) offsets[run] = (int64_t)run * (int64_t)(x_stride + 2);
      const float *x = numbers(count * x_stride + 3 * (x_stride + 2), 1), *bias = numbers((size_t)rows, 1);
      for (int function = CK_IDENTITY; function <= CK_SIGMOID; function++) {
        const ck_convolution convolution = {matrix, offsets, bias, runs, length, (int32_t)outputs, function, 0.2f, 0};
        float *y = zeros(count * outputs);
        ck_convolve(kernels, &convolution, x, x_stride, count, y, outputs);
        snprintf(what, sizeof what, "%d-rows-%d-runs-of-%d-%s-function-%d", rows, runs, length, type_names[type], function);
        print_hash("convolve", what, y, count * outputs);
      }
    }
    float *y = numbers(count * x_stride, 2);
    snprintf(what, sizeof what, "%zu-rows-of-%d", count, length);
    ck_scale_rows(kernels, numbers((size_t)length, 2), numbers((size_t)length, 1), count, (size_t)length, y, x_stride);
    print_hash("scale_rows", what, y, count * x_stride);
    for (int function = CK_IDENTITY; function <= CK_SIGMOID; function++) {
      snprintf(what, sizeof what, "%zu-rows-of-%d-function-%d", count, length, function);
      ck_activate(kernels, function, 0.2f, y, count * x_stride);
      print_hash("activate", what, y, count * x_stride);
    }
  }
  double sine[64], cosine[64];
  for (int i = 0; i < 64; i++) {
    sine[i] = ck_sine_of_pi(0.013 * i);
    cosine[i] = ck_sine_of_pi(0.013 * i + 0.5);
  }
  float *sound = zeros(64);
  ck_harmonics(kernels, numbers(60, 1), numbers(60, 1), 60, sine, cosine, 64, sound);
  print_hash("harmonics", "60", sound, 64);
  float *taps = zeros(16 + 64 + 16), *filtered = zeros(128);
  const float *drawn = numbers(64, 1);
  for (int i = 0; i < 64; i++) taps[16 + i] = drawn[i];
  ck_filter(kernels, numbers(64, 1), 64, taps + 16, 64, filtered);
  print_hash("filter", "64", filtered, 128);
}

static void elementwise(const char *what, const float *x, size_t count) {
  float *y = zeros(count);
#define CHANGED(name)                                                                                                          \
  memcpy(y, x, count * sizeof *y);                                                                                             \
  ck_##name(kernels, y, count);                                                                                                \
  print_hash(#name, what, y, count)
  CHANGED(gelu);
  CHANGED(rectify);
#undef CHANGED
#define MADE(name)                                                                                                             \
  ck_##name(kernels, x, y, count);                                                                                             \
  print_hash(#name, what, y, count)
  MADE(exp);
  MADE(tanh);
  MADE(sigmoid);
#undef MADE
  ck_exponentials(kernels, x, count, y);
  print_hash("exponentials", what, y, count);
  const float *more = numbers(count, 1);
  memcpy(y, more, count * sizeof *y);
  ck_add(kernels, x, y, count);
  print_hash("add", what, y, count);
}

/* What the sampler and the filters between sample rates run on. */
static void sums(void) {
  static const size_t sizes[] = {1, 15, 16, 31, 256, 259};
  char what[32];
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const size_t count = sizes[i];
    snprintf(what, sizeof what, "%zu", count);
    const float *x = numbers(count, 8), *mass = numbers(count, 1);
    float *y = zeros(count);
    const float maximum = ck_maximum(kernels, x, count);
    print_hash("maximum", what, &maximum, 1);
    ck_distances(kernels, x, maximum, 0.7f, count, y);
    print_hash("distances", what, y, padded(count));
    const float results[2] = {(float)ck_count_below(kernels, x, count, 1.5f), ck_mass_below(kernels, x, mass, count, 1.5f)};
    print_hash("count_below", what, results, 1);
    print_hash("mass_below", what, results + 1, 1);
    /* Samples need not be aligned. */
    const float *samples = numbers(padded(count) + 1, 1), *coefficients = numbers(padded(count), 1);
    const float dot = ck_dot(kernels, samples + 1, coefficients, padded(count));
    print_hash("dot", what, &dot, 1);
  }
  float *bad = numbers(256, 1);
  bad[200] = INFINITY;
  const float maximum = ck_maximum(kernels, bad, 256);
  print_hash("maximum", "not-finite", &maximum, 1);
}

/* Not of a set, but the same everywhere, too. */
static void doubles(void) {
  char what[32];
  for (int i = 0; i < 40; i++) {
    const double x = (double)(random_bits() >> 11) * 0x1p-53;
    snprintf(what, sizeof what, "%d", i);
    print_double("ck_log", what, ck_log(x + 1e-300));
    print_double("ck_exp_double", what, ck_exp_double((x - 0.5) * 1400));
    print_double("ck_square_root", what, ck_square_root(x * 1e6));
    print_double("ck_sine_of_pi", what, ck_sine_of_pi((x - 0.5) * 4096));
    print_double("ck_bessel_i0", what, ck_bessel_i0(x * 20));
  }
  print_double("ck_log", "subnormal", ck_log(0x1p-1060));
}

int main(int argument_count, char **arguments) {
  static const char *const sets[] = {"portable", "avx2", "avx512", "neon"};
  if (argument_count < 2) {
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
      if (ck_kernels_named(sets[i]) != NULL) puts(sets[i]);
    }
    return 0;
  }
  kernels = ck_kernels_named(arguments[1]);
  if (kernels == NULL || strcmp(ck_kernels_name(kernels), arguments[1]) != 0) {
    fprintf(stderr, "kernels: this machine has no %s\n", arguments[1]);
    return 2;
  }
  random_state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1;

  const uint64_t arithmetic = ck_enter_arithmetic();
  products();
  cells();
  attend(1, 5, 3, 80, -1);
  attend(3, 5, 40, 150, CK_FLOAT32);
  attend(4, 16, 100, 300, CK_FLOAT16);
  attend(5, 33, 64, 150, CK_BFLOAT16);
  normalize();
  layers();
  elementwise("usual", numbers(1024, 12), 1024);
  elementwise("extreme", extremes(4096), 4096);
  sums();
  doubles();
  ck_leave_arithmetic(arithmetic);
  return 0;
}
