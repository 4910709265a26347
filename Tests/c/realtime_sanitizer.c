/*
 * The real-time contract, proved by RealtimeSanitizer: built with clang -fsanitize=realtime, which ends the program at the first
 * call from a nonblocking function that may block.
 *
 *   realtime_sanitizer [MODEL …]          plays the tiny models and these
 *   realtime_sanitizer --violate NUMBER   must not survive
 */
#include "audio_thread.h"
#include "violations.h"

#define BLOCKS 5000
/* These pass in real time. */
#define BLOCKS_AHEAD 1000

static subject current;
static int blocks;

static void play(int blocks) NONBLOCKING {
  for (int block = 0; block < blocks; block++) audio_thread_turn(&current.thread);
}

static void play_and_violate(int which) NONBLOCKING {
  audio_thread_turn(&current.thread);
  violate(which);
}

static void no_violation_from_the_first_call_on(void) {
  play(blocks);
  CHECK_EQUAL(current.thread.failures, 0);
  CHECK(audio_thread_went_well(&current.thread));
}

int main(int argument_count, char **arguments) {
#if !defined(__has_feature) || !__has_feature(realtime_sanitizer)
#error "build with clang -fsanitize=realtime"
#endif
  if (argument_count == 3 && strcmp(arguments[1], "--violate") == 0) {
    next_subject(&current, TINY_WAVENET, 0, NULL);
    play_and_violate(atoi(arguments[2]));
    return finish();
  }
  char name[512];
  for (int number = 0; next_subject(&current, number, argument_count, arguments); number++) {
    blocks = current.thread.renders_ahead ? BLOCKS_AHEAD : BLOCKS;
    snprintf(name, sizeof name, "no violation in %d blocks of %s", blocks, current.name);
    RUN_NAMED(no_violation_from_the_first_call_on, name);
    end_subject(&current);
  }
  return finish();
}
