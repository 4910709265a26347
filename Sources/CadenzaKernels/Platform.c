#define _POSIX_C_SOURCE 200809L
#include "Platform.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void *ck_allocate(size_t size) {
  void *memory = NULL;
  if (size > SIZE_MAX / 2 || posix_memalign(&memory, 64, size == 0 ? 64 : size) != 0) return NULL;
  memset(memory, 0, size == 0 ? 64 : size);
  return memory;
}

void ck_free(void *memory) { free(memory); }

double ck_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
uint64_t ck_enter_arithmetic(void) {
  const uint32_t saved = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(0x1F80); /* all exceptions masked, round to nearest, no flushing */
  return saved;
}
void ck_leave_arithmetic(uint64_t saved) { __builtin_ia32_ldmxcsr((uint32_t)saved); }
#elif defined(__aarch64__)
uint64_t ck_enter_arithmetic(void) {
  uint64_t saved;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return saved;
}
void ck_leave_arithmetic(uint64_t saved) { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }
#else
uint64_t ck_enter_arithmetic(void) { return 0; }
void ck_leave_arithmetic(uint64_t saved) { (void)saved; }
#endif

void ck_zero(void *memory, size_t size) { memset(memory, 0, size); }
void ck_copy(void *destination, const void *source, size_t size) { memcpy(destination, source, size); }
