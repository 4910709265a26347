/*
 * run() of both plugins on the terms of an audio thread (lv2:hardRTCapable): built with clang -fsanitize=realtime, which ends the program
 * at the first call that may block, or with Tests/c/interpose.c, which counts such calls.
 *
 *   realtime INSTRUMENT.lv2 GENERATOR.lv2 OTHER.safetensors     plays; the worker works between the blocks
 *   realtime … --violate                                        the host's queue allocates: must be caught
 */
#include "plugin_host.h"

#ifdef COUNTED
#include "interpose.h"
#endif

#define BLOCKS 3000
#define LARGEST 512

static const char *instrument, *generator, *other;
static bool violate;
static float output[LARGEST];

static const char *caught;
static size_t caught_calls;

static void audio_thread(host *h, bool is_instrument, uint32_t frames) {
#ifdef COUNTED
  const char *first = NULL;
  interpose_start();
#endif
  if (is_instrument) {
    host_run(h, output, frames);
  } else {
    host_run_generator(h, output, frames);
  }
#ifdef COUNTED
  const size_t calls = interpose_stop(&first);
  if (calls > 0 && caught_calls == 0) caught = first;
  caught_calls += calls;
#endif
}

static void is_clean(void) {
  if (caught_calls > 0) note("%zu calls, the first of %s", caught_calls, caught);
  CHECK_EQUAL(caught_calls, 0);
}

/* Every kind of event, every control, other models and other voices, queues that are full. */
static void the_instrument_keeps_the_contract(void) {
  static host h;
  memset(&h, 0, sizeof h);
  h.rate = 48000;
  h.breaks_contract = violate;
  CHECK(host_instantiate(&h, instrument, true));
  h.descriptor->activate(h.instance);
  host_begin_events(&h);
  double energy = 0;
  for (uint32_t block = 0; block < BLOCKS; block++) {
    const uint32_t frames = block % 7 == 6 ? 0 : block % 5 == 4 ? LARGEST : 64 + block % 3;
    const uint32_t last = frames > 0 ? frames - 1 : 0;
    if (block % 4 == 0) host_midi(&h, 0, 0x90 | block % 3, 55 + block % 20, 100);
    if (block % 4 == 2) host_midi(&h, last / 2, 0x80 | block % 3, 55 + (block - 2) % 20, 0);
    if (block % 31 == 3) host_midi(&h, last, 0xB0, 64, block % 2 ? 127 : 0);
    if (block % 97 == 13) host_midi(&h, last, 0xB0, 120, 0);
    if (block % 89 == 17) host_midi(&h, last, 0xB0, 123, 0);
    if (block % 50 == 20) host_patch(&h, last, block % 100 == 20 ? other : block % 150 == 70 ? "/nonexistent.safetensors" : "");
    if (block % 50 == 45) host_patch(&h, last, NULL);
    if (block % 71 == 11) {
      for (unsigned i = 0; i < 400; i++) host_midi(&h, last, 0x90, i % 128, 1 + i % 127);
    }
    if (block % 71 == 12) host_midi(&h, last, 0xB0, 123, 0);
    if (block % 41 == 30) h.values[VOICES] = (float)(1 + block % 4);
    if (block % 53 == 40) h.values[SEED] = (float)block;
    if (block % 37 == 10) h.values[PLAY] = !(h.values[PLAY] > 0);
    if (block % 43 == 10) h.values[FREEZE] = !(h.values[FREEZE] > 0);
    h.values[INTERVAL] = block % 61 < 30 ? 0.05f : 0;
    h.values[TEMPERATURE] = (float)(block % 20) / 10;
    h.values[TOP_K] = (float)(block % 9) * 10;
    h.values[GAIN] = (float)(block % 30) - 24;
    h.values[INSTRUMENT] = (float)(block % 6);
    h.values[PITCH] = block % 11 == 0 ? NAN : (float)(block % 140);
    h.refuses_work = block % 23 < 3;
    audio_thread(&h, true, frames);
    for (uint32_t i = 0; i < frames; i++) energy += (double)output[i] * output[i];
    if (block % 3 == 0) host_work(&h);
  }
  CHECK(energy > 1);
  h.descriptor->deactivate(h.instance);
  host_end(&h);
  is_clean();
}

static void the_generator_keeps_the_contract(void) {
  static host h;
  memset(&h, 0, sizeof h);
  h.rate = 44100;
  CHECK(host_instantiate(&h, generator, false));
  h.descriptor->activate(h.instance);
  double energy = 0;
  for (uint32_t block = 0; block < BLOCKS; block++) {
    const uint32_t frames = block % 7 == 6 ? 0 : 32 + block % 3;
    h.values[G_FREEZE] = block % 40 > 30;
    h.values[G_PLAY] = block % 90 < 80;
    h.values[G_SEED] = (float)(block / 50);
    h.values[G_PITCH] = (float)(50 + block % 30);
    h.values[G_INSTRUMENT] = (float)(block % 5);
    audio_thread(&h, false, frames);
    for (uint32_t i = 0; i < frames; i++) energy += (double)output[i] * output[i];
  }
  CHECK(energy > 1);
  host_end(&h);
  is_clean();
}

int main(int argument_count, char **arguments) {
#ifndef COUNTED
#if !defined(__has_feature) || !__has_feature(realtime_sanitizer)
#error "build with clang -fsanitize=realtime, or with -DCOUNTED and interpose.c"
#endif
#endif
  if (argument_count < 4) return EXIT_FAILURE;
  instrument = arguments[1];
  generator = arguments[2];
  other = arguments[3];
  violate = argument_count > 4 && strcmp(arguments[4], "--violate") == 0;
#ifdef COUNTED
#define HOW "counted: "
#else
#define HOW "RealtimeSanitizer: "
#endif
  RUN_NAMED(the_instrument_keeps_the_contract, HOW "run() of the instrument");
  if (!violate) RUN_NAMED(the_generator_keeps_the_contract, HOW "run() of the generator");
  return finish();
}
