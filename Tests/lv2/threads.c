/*
 * The instrument among threads, as hosts have them: one plays, one works, one saves and restores. Built with -fsanitize=thread, plugin
 * included, it ends badly at the first data race.
 *
 *   threads INSTRUMENT.lv2 OTHER.safetensors [--race]     --race: two threads play at once, which must be noticed
 */
#define _GNU_SOURCE
#include "plugin_host.h"

#include <stdatomic.h>
#include <unistd.h>

#define BLOCKS 1500
#define FRAMES 64

static const char *instrument, *other;
static host h;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int playing;
static double heard;

static void *play(void *nothing) {
  float output[FRAMES];
  for (int block = 0; block < BLOCKS; block++) {
    if (block % 5 == 0) host_midi(&h, 3, 0x90, 55 + (unsigned)block % 24, 100);
    if (block % 5 == 4) host_midi(&h, 60, 0xB0, 123, 0);
    if (block % 40 == 11) host_patch(&h, 0, block % 80 == 11 ? other : "");
    if (block % 33 == 7) host_patch(&h, 0, NULL);
    if (block % 25 == 0) h.values[VOICES] = (float)(1 + block / 25 % 3);
    h.values[PLAY] = block % 60 < 30;
    host_run(&h, output, FRAMES);
    for (int i = 0; i < FRAMES; i++) heard += fabs((double)output[i]);
    if (block % 4 == 0) usleep(500);
  }
  atomic_store(&playing, 0);
  return nothing;
}

static void *work(void *nothing) {
  while (atomic_load(&playing)) {
    if (host_work(&h) == 0) usleep(200);
  }
  return nothing;
}

static void plays_while_others_work(void) {
  pthread_t player, worker;
  atomic_store(&playing, 1);
  h.restore_worker = &h.schedule;
  CHECK(pthread_create(&player, NULL, play, NULL) == 0);
  CHECK(pthread_create(&worker, NULL, work, NULL) == 0);
  int saved = 0, restored = 0;
  for (int turn = 0; atomic_load(&playing); turn++) {
    saved += host_state(&h, true) == LV2_STATE_SUCCESS;
    restored += turn % 8 == 0 && host_state(&h, false) == LV2_STATE_SUCCESS;
    usleep(1000);
  }
  pthread_join(player, NULL);
  pthread_join(worker, NULL);
  note("%d saved, %d restored, %g", saved, restored, heard);
  CHECK(saved > 10 && restored > 1 && heard > 10);
}

static void two_play_at_once(void) {
  pthread_t first, second;
  CHECK(pthread_create(&first, NULL, play, NULL) == 0);
  CHECK(pthread_create(&second, NULL, play, NULL) == 0);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
}

int main(int argument_count, char **arguments) {
  if (argument_count < 3) return EXIT_FAILURE;
  instrument = arguments[1];
  other = arguments[2];
  h.rate = 48000;
  h.mutex = &mutex;
  CHECK(host_instantiate(&h, instrument, true));
  host_begin_events(&h);
  h.descriptor->activate(h.instance);
  if (argument_count > 3 && strcmp(arguments[3], "--race") == 0) {
    RUN(two_play_at_once);
  } else {
    RUN_NAMED(plays_while_others_work, "ThreadSanitizer: the instrument plays, works, saves and restores at once");
  }
  h.descriptor->deactivate(h.instance);
  host_end(&h);
  return finish();
}
