/*
 * Listens to the demo: is it as long as it should be, is it sound, and is it the pitch that was asked for?
 *
 *   listen FILE.wav SECONDS PITCH      PITCH: a MIDI note number, 60 is middle C
 *
 * The pitch is that of McLeod and Wyvill, "A Smarter Way to Find Pitch" (2005): the first high peak of the normalised square
 * difference function, window by window; the median over the loud windows counts.
 */
#include "check.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define WINDOW 2048
#define HOP 512
#define LOWEST_HZ 30.0

typedef struct sound {
  float *samples;
  size_t count;
  unsigned rate;
} sound;

static const char *path;
static double seconds, midi_pitch;
static sound demo;

static unsigned little_endian(const unsigned char *bytes, int count) {
  unsigned value = 0;
  for (int i = 0; i < count; i++) value |= (unsigned)bytes[i] << (8 * i);
  return value;
}

/* A mono WAV file of 16 bits. */
static sound read_wav(const char *name) {
  sound s = {NULL, 0, 0};
  FILE *file = fopen(name, "rb");
  CHECK(file != NULL);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(size);
  CHECK(fread(bytes, 1, size, file) == size);
  fclose(file);
  CHECK(size > 44 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WAVE", 4) == 0);
  for (size_t at = 12; at + 8 <= size;) {
    size_t length = little_endian(bytes + at + 4, 4);
    const unsigned char *content = bytes + at + 8;
    CHECK(length <= size - at - 8);
    if (memcmp(bytes + at, "fmt ", 4) == 0) {
      CHECK(little_endian(content, 2) == 1 && little_endian(content + 2, 2) == 1 && little_endian(content + 14, 2) == 16);
      s.rate = little_endian(content + 4, 4);
    } else if (memcmp(bytes + at, "data", 4) == 0) {
      s.count = length / 2;
      s.samples = malloc(4 * s.count + 4);
      for (size_t i = 0; i < s.count; i++) s.samples[i] = (float)(int16_t)little_endian(content + 2 * i, 2) / 32768;
    }
    at += 8 + length + length % 2;
  }
  free(bytes);
  CHECK(s.rate > 0 && s.samples != NULL);
  return s;
}

static double loudness(const float *samples, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)samples[i] * samples[i];
  return count ? sqrt(sum / (double)count) : 0;
}

/* The period of one window in samples, 0 where it has none. */
static double period(const float *x, unsigned rate) {
  static double likeness[WINDOW / 2];
  size_t longest = (size_t)(rate / LOWEST_HZ);
  if (longest > WINDOW / 2 - 1) longest = WINDOW / 2 - 1;
  for (size_t lag = 0; lag <= longest; lag++) {
    double product = 0, energy = 0;
    for (size_t i = 0; i + lag < WINDOW; i++) {
      product += (double)x[i] * x[i + lag];
      energy += (double)x[i] * x[i] + (double)x[i + lag] * x[i + lag];
    }
    likeness[lag] = energy > 0 ? 2 * product / energy : 0;
  }
  size_t lag = 1;
  while (lag < longest && likeness[lag] > 0) lag++; /* past the peak at 0 */
  double highest = 0;
  for (size_t i = lag; i < longest; i++) highest = likeness[i] > highest ? likeness[i] : highest;
  if (highest < 0.6) return 0;
  for (; lag < longest; lag++) {
    double left = likeness[lag - 1], here = likeness[lag], right = likeness[lag + 1];
    if (here < 0.9 * highest || here < left || here < right) continue;
    double curvature = left - 2 * here + right;
    return (double)lag + (curvature < 0 ? 0.5 * (left - right) / curvature : 0);
  }
  return 0;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The median pitch of the loud windows as a MIDI note number; NAN where fewer than half of them have one. */
static double pitch_of(sound s) {
  if (s.count < WINDOW) return NAN;
  size_t windows = (s.count - WINDOW) / HOP + 1, loud = 0, voiced = 0;
  double *pitches = malloc(windows * sizeof *pitches);
  double loudest = 0;
  for (size_t i = 0; i < windows; i++) loudest = fmax(loudest, loudness(s.samples + i * HOP, WINDOW));
  for (size_t i = 0; i < windows; i++) {
    if (loudness(s.samples + i * HOP, WINDOW) < 0.2 * loudest) continue;
    loud++;
    double lag = period(s.samples + i * HOP, s.rate);
    if (lag > 0) pitches[voiced++] = 69 + 12 * log2(s.rate / lag / 440);
  }
  qsort(pitches, voiced, sizeof *pitches, ascending);
  double median = voiced * 2 > loud ? pitches[voiced / 2] : NAN;
  free(pitches);
  return median;
}

static void is_as_long_as_asked(void) {
  note("%s: %zu samples at %u Hz", path, demo.count, demo.rate);
  CHECK(fabs((double)demo.count - seconds * demo.rate) <= 1);
}

static void is_neither_silent_nor_clipped(void) {
  double level = loudness(demo.samples, demo.count);
  size_t at_the_limit = 0;
  for (size_t i = 0; i < demo.count; i++) at_the_limit += fabsf(demo.samples[i]) > 0.999f;
  note("%s: loudness %.4f, %zu samples at the limit", path, level, at_the_limit);
  CHECK(level > 0.01 && level < 0.5);
  CHECK(at_the_limit * 1000 < demo.count);
}

static void has_the_pitch_asked_for(void) {
  double pitch = pitch_of(demo);
  printf("     %s: pitch %.2f, asked for %.0f\n", path, pitch, midi_pitch);
  note("%s: pitch %.2f", path, pitch);
  CHECK(fabs(pitch - midi_pitch) <= 0.5);
}

/* ---- The checks themselves are checked ----------------------------------------------------------------------------------------- */

static sound tone(double pitch, double noise) {
  sound s = {malloc(16000 * sizeof(float)), 16000, 16000};
  double hertz = 440 * exp2((pitch - 69) / 12);
  uint32_t random = 1;
  for (size_t i = 0; i < s.count; i++) {
    double phase = 2 * 3.14159265358979 * hertz * (double)i / s.rate, sum = 0;
    for (int overtone = 1; overtone <= 6 && overtone * hertz < 7000; overtone++)
      sum += sin(overtone * phase + overtone) / overtone;
    random = random * 1664525u + 1013904223u;
    s.samples[i] = (float)(0.1 * sum + noise * ((double)(random >> 8) / (1 << 23) - 1));
  }
  return s;
}

static void control_tones_are_heard(void) {
  for (double pitch = 30; pitch < 90; pitch += 3.7) {
    sound s = tone(pitch, 0.02);
    double heard = pitch_of(s);
    note("a tone of %.2f, heard as %.2f", pitch, heard);
    CHECK(fabs(heard - pitch) < 0.1);
    free(s.samples);
  }
}

static void control_noise_has_no_pitch(void) {
  sound s = tone(60, 5);
  CHECK(isnan(pitch_of(s)));
  memset(s.samples, 0, s.count * sizeof(float));
  CHECK(isnan(pitch_of(s)));
  free(s.samples);
}

int main(int argument_count, char **arguments) {
  RUN(control_tones_are_heard);
  RUN(control_noise_has_no_pitch);
  if (argument_count >= 3) {
    path = arguments[1];
    seconds = atof(arguments[2]);
    if (setjmp(check_end_of_test) != 0) return EXIT_FAILURE;
    demo = read_wav(path);
    RUN(is_as_long_as_asked);
    RUN(is_neither_silent_nor_clipped);
    if (argument_count == 4) {
      midi_pitch = atof(arguments[3]);
      RUN(has_the_pitch_asked_for);
    }
  }
  return finish();
}
