/* What the engine needs of the platform beside files: memory, a clock, the floating-point environment, threads.
   Everything that a port to another system must change is in Platform.c and FileReading.c. */
#ifndef CADENZA_PLATFORM_H
#define CADENZA_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* Swift calls a C function under @_noLocks only if it promises to keep that contract; RealtimeSanitizer and the counting tests
   check the promise. */
#define CK_REALTIME __attribute__((swift_attr("@_noLocks")))

/* Zeroed memory, aligned to 64 bytes, or NULL. Freed with ck_free. */
void *ck_allocate(size_t size);
void ck_free(void *memory);

/* Seconds of a monotonic clock. Reads the kernel's page (vDSO): no system call on the systems that have one. */
CK_REALTIME double ck_seconds(void);

/* The numbers must not depend on what the host left in the floating-point control register: ck_enter_arithmetic rounds to
   nearest, masks all exceptions, and flushes denormal numbers, those below 1.2e-38 in single precision: an operand that is one
   counts as 0 (x86: DAZ), and so does a result (FTZ; aarch64 has FZ for both). Numbers so small come from states that fade, mean
   nothing, and would take the processor a hundred cycles each. It returns what was there, for ck_leave_arithmetic. The register
   is the thread's own. Every instruction set of a processor flushes alike; processors differ only in whether a result that
   rounds up to 1.2e-38 exactly is flushed. */
CK_REALTIME uint64_t ck_enter_arithmetic(void);
CK_REALTIME void ck_leave_arithmetic(uint64_t saved);

/* ---- Threads -------------------------------------------------------------------------------------------------------------------- */

/* A thread that the engine has started. It takes no signals, and is called "cadenza". */
typedef struct ck_thread ck_thread;

/* Starts `run(context)` on a thread of its own; NULL where the system has none to give. */
ck_thread *ck_thread_start(void (*run)(void *context), void *context);

/* Waits until `run` has returned, and frees the thread. */
void ck_thread_join(ck_thread *thread);

/* Asks that the calling thread is preferred to those of programs with a window: the lowest of the real-time priorities, which lies
   below what hosts give their audio threads. A host without the right to it (RLIMIT_RTPRIO) keeps an ordinary thread. Or, where
   `wanted` is 0, asks that it is not. */
void ck_thread_prefer(int wanted);

/* A lock, and a place to wait at until another thread has news. */
typedef struct ck_monitor ck_monitor;

/* NULL where there is no memory. */
ck_monitor *ck_monitor_create(void);
void ck_monitor_free(ck_monitor *monitor);

/* The functions that main threads share with audio threads call these, and so does an audio thread whose host renders offline and
   has it wait on purpose. What is declared here is that the compiler need not complain, not that they keep the contract: an audio
   thread in real time never comes here, as RealtimeSanitizer and the counting tests check. */
#define CK_OFFLINE CK_REALTIME
CK_OFFLINE void ck_monitor_lock(ck_monitor *monitor);
CK_OFFLINE void ck_monitor_unlock(ck_monitor *monitor);
/* Lets go of the lock, waits for ck_monitor_tell, at most `seconds` where they are above 0, and takes the lock again. It may also
   return for no reason. */
CK_OFFLINE void ck_monitor_wait(ck_monitor *monitor, double seconds);
/* Wakes all that wait. The caller holds the lock. */
CK_OFFLINE void ck_monitor_tell(ck_monitor *monitor);

CK_REALTIME void ck_zero(void *memory, size_t size);
CK_REALTIME void ck_copy(void *destination, const void *source, size_t size);
/* The two may overlap. */
CK_REALTIME void ck_move(void *destination, const void *source, size_t size);

#endif
