/*
 * What a host does with a model, whatever the model is: reads what it says of itself, plays it, saves and loads its state.
 * A broken promise of cadenza.h aborts, which libFuzzer reports as a crash.
 */
#ifndef CADENZA_FUZZ_EXERCISE_H
#define CADENZA_FUZZ_EXERCISE_H

#include <stddef.h>
#include <stdint.h>

#include "cadenza.h"

#define REQUIRE(condition)                                                                                                     \
  do {                                                                                                                         \
    if (!(condition)) require_failed(#condition, __FILE__, __LINE__);                                                          \
  } while (0)

_Noreturn void require_failed(const char *condition, const char *file, int line);

/* Loads `bytes`; NULL, after checking status and sentence in *error, where they are refused. */
cadenza_model *load_checked(const uint8_t *bytes, size_t size, cadenza_error *error);

/* Plays a loaded model. */
void exercise(cadenza_model *model);

#endif
