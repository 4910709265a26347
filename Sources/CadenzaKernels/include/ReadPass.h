#ifndef CADENZA_READ_PASS_H
#define CADENZA_READ_PASS_H

#include <stddef.h>

/* Reads `size` bytes at `bytes` once, in order, with the widest loads that this machine has, and returns a number made from
   them, so that no compiler can leave the reads out. Timed, it measures the read bandwidth at that footprint: the ceiling of a
   network whose weights take as many bytes. What the environment says of instruction sets does not matter here. */
float ck_read_pass(const void *bytes, size_t size);

#endif
