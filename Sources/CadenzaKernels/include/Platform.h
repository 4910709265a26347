/* What the engine needs of the platform beside files: memory, a clock, the floating-point environment, the environment's text.
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

/* The numbers must not depend on what the host left in the floating-point control register (flush-to-zero, rounding mode):
   ck_enter_arithmetic sets IEEE 754 defaults with exceptions masked and returns what was there, for ck_leave_arithmetic. */
CK_REALTIME uint64_t ck_enter_arithmetic(void);
CK_REALTIME void ck_leave_arithmetic(uint64_t saved);

CK_REALTIME void ck_zero(void *memory, size_t size);
CK_REALTIME void ck_copy(void *destination, const void *source, size_t size);

#endif
