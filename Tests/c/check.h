/*
 * The harness of the C tests. A test is a function; RUN prints one line for it, and a failed CHECK says where and ends the test:
 *
 *   static void adds(void) { CHECK(1 + 1 == 2); }
 *   int main(void) { RUN(adds); return finish(); }
 *
 * Tests/c/run counts the lines that begin with "ok" and "FAIL", and takes a program that does not reach finish() as failed.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf check_end_of_test;
static int check_failures;
static char check_note[1024]; /* what the test was looking at, for the message */

static inline void check_failed(const char *file, int line, const char *expectation) {
  printf("     %s:%d: expected %s%s%s\n", file, line, expectation, check_note[0] ? ", at " : "", check_note);
  longjmp(check_end_of_test, 1);
}

#define CHECK(expectation)                                                                                                     \
  do {                                                                                                                         \
    if (!(expectation)) check_failed(__FILE__, __LINE__, #expectation);                                                        \
  } while (0)

#define CHECK_EQUAL(left, right)                                                                                               \
  do {                                                                                                                         \
    long long check_left = (long long)(left), check_right = (long long)(right);                                                \
    if (check_left != check_right) {                                                                                           \
      printf("     %lld is not %lld\n", check_left, check_right);                                                              \
      check_failed(__FILE__, __LINE__, #left " == " #right);                                                                   \
    }                                                                                                                          \
  } while (0)

/* NOTE("model %s", path): says what the following checks look at. */
static inline void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check_note, sizeof check_note, format, arguments);
  va_end(arguments);
}

#define RUN(test) RUN_NAMED(test, #test)

#define RUN_NAMED(test, name)                                                                                                  \
  do {                                                                                                                         \
    check_note[0] = 0;                                                                                                         \
    if (setjmp(check_end_of_test) == 0) {                                                                                      \
      test();                                                                                                                  \
      printf("ok   %s\n", name);                                                                                               \
    } else {                                                                                                                   \
      check_failures++;                                                                                                        \
      printf("FAIL %s\n", name);                                                                                               \
    }                                                                                                                          \
    fflush(stdout);                                                                                                            \
  } while (0)

static inline int finish(void) {
  printf("finished\n");
  return check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
