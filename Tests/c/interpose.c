#define _GNU_SOURCE
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Thread_local int counting;
static _Thread_local size_t calls;
static _Thread_local const char *first_call;
static long live_blocks;
static size_t refused_size = SIZE_MAX;
static int threads_are_refused;

void interpose_start(void) {
  calls = 0;
  first_call = NULL;
  counting = 1;
}

size_t interpose_stop(const char **first) {
  counting = 0;
  if (first) *first = first_call;
  return calls;
}

long interpose_live_blocks(void) { return __atomic_load_n(&live_blocks, __ATOMIC_RELAXED); }

void interpose_refuse(size_t size) { __atomic_store_n(&refused_size, size, __ATOMIC_RELAXED); }

void interpose_refuse_threads(int refused) { __atomic_store_n(&threads_are_refused, refused, __ATOMIC_RELAXED); }

static int refuses(size_t size) { return size >= __atomic_load_n(&refused_size, __ATOMIC_RELAXED); }

static void count(const char *name) {
  if (!counting) return;
  if (calls++ == 0) first_call = name;
}

static void *born(void *block) {
  if (block) __atomic_add_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
  return block;
}

/* ---- Memory. glibc keeps its own functions under these names as well. ------------------------------------------------------ */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) {
  count("malloc");
  return refuses(size) ? NULL : born(__libc_malloc(size));
}

void *calloc(size_t items, size_t size) {
  count("calloc");
  return refuses(items * size) ? NULL : born(__libc_calloc(items, size));
}

void *realloc(void *block, size_t size) {
  count("realloc");
  if (!block) return born(__libc_realloc(block, size));
  if (size == 0) __atomic_sub_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
  return __libc_realloc(block, size);
}

void *reallocarray(void *block, size_t items, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(items, size, &total)) return NULL;
  return realloc(block, total);
}

void *memalign(size_t alignment, size_t size) {
  count("memalign");
  return refuses(size) ? NULL : born(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
  count("aligned_alloc");
  return refuses(size) ? NULL : born(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  count("posix_memalign");
  void *found = refuses(size) ? NULL : born(__libc_memalign(alignment, size));
  if (!found) return ENOMEM;
  *block = found;
  return 0;
}

void free(void *block) {
  count("free");
  if (block) __atomic_sub_fetch(&live_blocks, 1, __ATOMIC_RELAXED);
  __libc_free(block);
}

/* ---- Everything else: counted, and passed on ------------------------------------------------------------------------------- */

#define PASS(result, name, parameters, ...)                                                                                    \
  result name parameters {                                                                                                     \
    static result(*real) parameters;                                                                                           \
    if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);                                                           \
    count(#name);                                                                                                              \
    return real(__VA_ARGS__);                                                                                                  \
  }

PASS(int, pthread_mutex_lock, (pthread_mutex_t * a), a)
PASS(int, pthread_mutex_trylock, (pthread_mutex_t * a), a)
PASS(int, pthread_mutex_timedlock, (pthread_mutex_t * a, const struct timespec *b), a, b)
PASS(int, pthread_mutex_unlock, (pthread_mutex_t * a), a)
PASS(int, pthread_cond_wait, (pthread_cond_t * a, pthread_mutex_t *b), a, b)
PASS(int, pthread_cond_timedwait, (pthread_cond_t * a, pthread_mutex_t *b, const struct timespec *c), a, b, c)
PASS(int, pthread_cond_signal, (pthread_cond_t * a), a)
PASS(int, pthread_cond_broadcast, (pthread_cond_t * a), a)
PASS(int, pthread_rwlock_rdlock, (pthread_rwlock_t * a), a)
PASS(int, pthread_rwlock_wrlock, (pthread_rwlock_t * a), a)
PASS(int, pthread_rwlock_unlock, (pthread_rwlock_t * a), a)
PASS(int, pthread_spin_lock, (pthread_spinlock_t * a), a)
PASS(int, pthread_barrier_wait, (pthread_barrier_t * a), a)
PASS(int, pthread_once, (pthread_once_t * a, void (*b)(void)), a, b)
PASS(int, pthread_join, (pthread_t a, void **b), a, b)
PASS(int, sem_wait, (sem_t * a), a)
PASS(int, sem_trywait, (sem_t * a), a)
PASS(int, sem_post, (sem_t * a), a)
PASS(int, sched_yield, (void), )
PASS(int, nanosleep, (const struct timespec *a, struct timespec *b), a, b)
PASS(int, clock_nanosleep, (clockid_t a, int b, const struct timespec *c, struct timespec *d), a, b, c, d)
PASS(int, usleep, (useconds_t a), a)
PASS(int, close, (int a), a)
PASS(ssize_t, read, (int a, void *b, size_t c), a, b, c)
PASS(ssize_t, write, (int a, const void *b, size_t c), a, b, c)
PASS(ssize_t, pread, (int a, void *b, size_t c, off_t d), a, b, c, d)
PASS(void *, mmap, (void *a, size_t b, int c, int d, int e, off_t f), a, b, c, d, e, f)
PASS(int, munmap, (void *a, size_t b), a, b)
PASS(int, mprotect, (void *a, size_t b, int c), a, b, c)
PASS(int, madvise, (void *a, size_t b, int c), a, b, c)
PASS(int, mlock, (const void *a, size_t b), a, b)
PASS(int, brk, (void *a), a)
PASS(void *, sbrk, (intptr_t a), a)
PASS(FILE *, fopen, (const char *a, const char *b), a, b)
PASS(int, fclose, (FILE * a), a)
PASS(size_t, fread, (void *a, size_t b, size_t c, FILE *d), a, b, c, d)
PASS(size_t, fwrite, (const void *a, size_t b, size_t c, FILE *d), a, b, c, d)
PASS(int, puts, (const char *a), a)
PASS(int, vfprintf, (FILE * a, const char *b, va_list c), a, b, c)
PASS(int, fflush, (FILE * a), a)
PASS(void *, dlopen, (const char *a, int b), a, b)
PASS(long, sysconf, (int a), a)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
  static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (!real) real = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
  count("pthread_create");
  return __atomic_load_n(&threads_are_refused, __ATOMIC_RELAXED) ? EAGAIN : real(thread, attributes, run, argument);
}

int open(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  count("open");
  return real(path, flags, mode);
}

long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list arguments;
  long a[6];
  va_start(arguments, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
  va_end(arguments);
  count("syscall");
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
