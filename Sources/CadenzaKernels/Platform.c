#define _GNU_SOURCE /* pthread_setname_np */
#include "Platform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
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
  __builtin_ia32_ldmxcsr(0x9FC0); /* all exceptions masked, round to nearest, FTZ and DAZ */
  return saved;
}
void ck_leave_arithmetic(uint64_t saved) { __builtin_ia32_ldmxcsr((uint32_t)saved); }
#elif defined(__aarch64__)
uint64_t ck_enter_arithmetic(void) {
  uint64_t saved;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24)); /* FZ; no traps, round to nearest */
  return saved;
}
void ck_leave_arithmetic(uint64_t saved) { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }
#else
uint64_t ck_enter_arithmetic(void) { return 0; }
void ck_leave_arithmetic(uint64_t saved) { (void)saved; }
#endif

/* ---- Threads -------------------------------------------------------------------------------------------------------------------- */

struct ck_thread {
  pthread_t thread;
  void (*run)(void *context);
  void *context;
};

/* A network needs little of it: all its numbers are in memory of its own. */
#define STACK_BYTES ((size_t)1 << 20)

static void *run_thread(void *argument) {
  ck_thread *thread = argument;
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "cadenza");
#endif
  thread->run(thread->context);
  return NULL;
}

ck_thread *ck_thread_start(void (*run)(void *context), void *context) {
  ck_thread *thread = malloc(sizeof *thread);
  if (!thread) return NULL;
  thread->run = run;
  thread->context = context;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) {
    free(thread);
    return NULL;
  }
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* A thread begins with its creator's mask: signals are for the host's own threads. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&thread->thread, &attributes, run_thread, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (failed) {
    free(thread);
    return NULL;
  }
  return thread;
}

void ck_thread_join(ck_thread *thread) {
  pthread_join(thread->thread, NULL);
  free(thread);
}

void ck_thread_prefer(int wanted) {
  const int policy = wanted ? SCHED_RR : SCHED_OTHER;
  struct sched_param parameters;
  memset(&parameters, 0, sizeof parameters);
  parameters.sched_priority = sched_get_priority_min(policy);
  pthread_setschedparam(pthread_self(), policy, &parameters);
}

struct ck_monitor {
  pthread_mutex_t mutex;
  pthread_cond_t news;
};

ck_monitor *ck_monitor_create(void) {
  ck_monitor *monitor = malloc(sizeof *monitor);
  if (!monitor) return NULL;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  pthread_mutex_init(&monitor->mutex, NULL);
  pthread_cond_init(&monitor->news, &attributes);
  pthread_condattr_destroy(&attributes);
  return monitor;
}

void ck_monitor_free(ck_monitor *monitor) {
  pthread_cond_destroy(&monitor->news);
  pthread_mutex_destroy(&monitor->mutex);
  free(monitor);
}

void ck_monitor_lock(ck_monitor *monitor) { pthread_mutex_lock(&monitor->mutex); }
void ck_monitor_unlock(ck_monitor *monitor) { pthread_mutex_unlock(&monitor->mutex); }
void ck_monitor_tell(ck_monitor *monitor) { pthread_cond_broadcast(&monitor->news); }

void ck_monitor_wait(ck_monitor *monitor, double seconds) {
  if (!(seconds > 0)) {
    pthread_cond_wait(&monitor->news, &monitor->mutex);
    return;
  }
  struct timespec time;
#if defined(__APPLE__)
  time.tv_sec = (time_t)seconds;
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  pthread_cond_timedwait_relative_np(&monitor->news, &monitor->mutex, &time);
#else
  clock_gettime(CLOCK_MONOTONIC, &time);
  const int64_t nanoseconds = time.tv_nsec + (int64_t)(seconds * 1e9);
  time.tv_sec += (time_t)(nanoseconds / 1000000000);
  time.tv_nsec = (long)(nanoseconds % 1000000000);
  pthread_cond_timedwait(&monitor->news, &monitor->mutex, &time);
#endif
}

void ck_zero(void *memory, size_t size) { memset(memory, 0, size); }
void ck_copy(void *destination, const void *source, size_t size) { memcpy(destination, source, size); }
void ck_move(void *destination, const void *source, size_t size) { memmove(destination, source, size); }
