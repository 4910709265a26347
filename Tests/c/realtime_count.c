/* The real-time contract, proved by counting: 100,000 blocks from the first call on, and nothing allocated, locked or asked. */
#include "audio_thread.h"
#include "interpose.h"
#include "violations.h"

#define BLOCKS 100000
/* A block of notes costs what several voices do, and a proof must be run often. */
#define BLOCKS_OF_NOTES 10000
#define BLOCKS_OF_A_FILE 4000
/* These pass in real time. */
#define BLOCKS_AHEAD 1500

static subject current;
static int blocks, violation;

static void calls_nothing(void) {
  const char *first = NULL;
  interpose_start();
  for (int block = 0; block < blocks; block++) audio_thread_turn(&current.thread);
  size_t calls = interpose_stop(&first);
  if (calls > 0) note("%s: %zu calls, the first of %s", current.name, calls, first);
  CHECK_EQUAL(calls, 0);
  CHECK_EQUAL(current.thread.failures, 0);
  CHECK(audio_thread_went_well(&current.thread));
}

static void violation_is_counted(void) {
  const char *first = NULL;
  interpose_start();
  audio_thread_turn(&current.thread);
  violate(violation);
  size_t calls = interpose_stop(&first);
  note("first call: %s", first);
  CHECK(calls >= 1 && first != NULL);
}

int main(int argument_count, char **arguments) {
  char name[512];
  for (int number = 0; next_subject(&current, number, argument_count, arguments); number++) {
    blocks = number < PLAIN_SUBJECTS   ? BLOCKS
             : number < MUSIC_SUBJECTS ? BLOCKS_OF_NOTES
             : number < OWN_SUBJECTS   ? BLOCKS_AHEAD
                                       : BLOCKS_OF_A_FILE;
    snprintf(name, sizeof name, "0 calls in %d blocks of %s", blocks, current.name);
    RUN_NAMED(calls_nothing, name);
    end_subject(&current);
  }
  next_subject(&current, 0, argument_count, arguments);
  for (violation = 0; violation < VIOLATIONS; violation++) {
    snprintf(name, sizeof name, "control: a library that %s is counted", violation_names[violation]);
    RUN_NAMED(violation_is_counted, name);
  }
  end_subject(&current);
  return finish();
}
