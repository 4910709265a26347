/*
 * Counts calls of everything that allocates, locks, waits or asks the system, by standing in front of the C library: interpose.c
 * defines the names, and the dynamic linker prefers an executable's to a library's.
 */
#ifndef INTERPOSE_H
#define INTERPOSE_H

#include <stddef.h>

/* From now on this thread's calls are counted. */
void interpose_start(void);

/* No longer. Returns the number of calls since interpose_start, and the first one's name, if any, in *first. */
size_t interpose_stop(const char **first);

/* Memory blocks that are allocated and not freed, in the whole process. */
long interpose_live_blocks(void);

/* From now on, in the whole process, memory of `size` bytes and more is not to be had. SIZE_MAX: it is again. */
void interpose_refuse(size_t size);

/* From now on, in the whole process, no thread is to be had; or, where `refused` is 0, one is again. */
void interpose_refuse_threads(int refused);

#endif
