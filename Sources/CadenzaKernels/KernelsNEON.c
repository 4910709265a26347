/* Kernels for 64-bit Arm, where Advanced SIMD with fused multiply-add is always there. */
#if defined(__aarch64__)
#define CK(name) ck_neon_##name
#define ck_neon_set ck_kernels_neon
#define CK_SET_NAME "neon"
#define CK_FUSED 1
#define CK_HALF 1
#define CK_COMPACT 0
#define CK_BLOCKS 1
#define CK_BATCH_PANELS 2
#define CK_BATCH_VECTORS 2
#pragma STDC FP_CONTRACT OFF
#include "Kernels.inc"
#else
typedef int ck_no_neon_here;
#endif
