#include "ReadPass.h"

#include "Kernels.h"

#include <stdint.h>

/* Eight accumulators of one register each: enough loads in flight to fill the load ports, and xor costs the least of all that
   keeps a load alive. The loop is the same for every instruction set; only the width of a register changes. */
#define READ_PASS(name, width, attributes)                                                                                     \
  typedef uint64_t name##_lane __attribute__((vector_size(width), aligned(8), may_alias));                                     \
  attributes static uint64_t name(const unsigned char *bytes, size_t size) {                                                   \
    name##_lane a[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};                                                               \
    size_t step = sizeof a;                                                                                                    \
    const unsigned char *end = bytes + size / step * step;                                                                     \
    const unsigned char *p;                                                                                                    \
    for (p = bytes; p != end; p += step) {                                                                                     \
      const name##_lane *lanes = (const name##_lane *)p;                                                                       \
      a[0] ^= lanes[0];                                                                                                        \
      a[1] ^= lanes[1];                                                                                                        \
      a[2] ^= lanes[2];                                                                                                        \
      a[3] ^= lanes[3];                                                                                                        \
      a[4] ^= lanes[4];                                                                                                        \
      a[5] ^= lanes[5];                                                                                                        \
      a[6] ^= lanes[6];                                                                                                        \
      a[7] ^= lanes[7];                                                                                                        \
    }                                                                                                                          \
    a[0] = a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] ^ a[5] ^ a[6] ^ a[7];                                                              \
    uint64_t folded = 0;                                                                                                       \
    for (size_t lane = 0; lane < sizeof a[0] / sizeof folded; lane++) folded ^= a[0][lane];                                    \
    for (p = end; p != bytes + size; p++) folded ^= *p;                                                                        \
    return folded;                                                                                                             \
  }

READ_PASS(read_16, 16, )

#if defined(__x86_64__)
READ_PASS(read_32, 32, __attribute__((target("avx2"))))
READ_PASS(read_64, 64, __attribute__((target("avx512f"))))

/* Bytes of the widest register. Found once: on a virtual machine, asking the processor takes longer than a small pass. */
static int register_width(void) {
  static _Atomic int known;
  int width = known;
  if (width == 0) {
    width = ck_kernels_named("avx512") != NULL ? 64 : ck_kernels_named("avx2") != NULL ? 32 : 16;
    known = width;
  }
  return width;
}
#endif

float ck_read_pass(const void *bytes, size_t size) {
  uint64_t folded;
#if defined(__x86_64__)
  const int width = register_width();
  if (width == 64)
    folded = read_64(bytes, size);
  else if (width == 32)
    folded = read_32(bytes, size);
  else
#endif
    folded = read_16(bytes, size);
  return (float)(folded & 0xFFFF);
}
