/* Kernels for any machine: what the compiler makes of plain vectors, fused multiply-add emulated exactly. */
#define CK(name) ck_portable_##name
#define ck_portable_set ck_kernels_portable
#define CK_SET_NAME "portable"
#if defined(__aarch64__)
#define CK_FUSED 1
#else
#define CK_FUSED 0
#endif
#define CK_HALF 0
#define CK_COMPACT 1
#define CK_BLOCKS 1
#define CK_BATCH_PANELS 1
#define CK_BATCH_VECTORS 2
#pragma STDC FP_CONTRACT OFF
#include "Kernels.inc"
