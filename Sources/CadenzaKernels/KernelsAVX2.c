/* Kernels for x86-64 with AVX2, FMA and F16C (Intel since Haswell, AMD since Excavator and Zen). */
#if defined(__x86_64__)
#define CK(name) ck_avx2_##name
#define ck_avx2_set ck_kernels_avx2
#define CK_SET_NAME "avx2"
#define CK_FUSED 1
#define CK_HALF 1
#define CK_COMPACT 0
#define CK_BLOCKS 1
#define CK_BATCH_PANELS 2
#define CK_BATCH_VECTORS 2
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "Kernels.inc"
#pragma clang attribute pop
#else
typedef int ck_no_avx2_here;
#endif
