/* Kernels for x86-64 with AVX-512 F, VL, BW and DQ (Intel since Skylake-SP, AMD since Zen 4). */
#if defined(__x86_64__)
#define CK(name) ck_avx512_##name
#define ck_avx512_set ck_kernels_avx512
#define CK_SET_NAME "avx512"
#define CK_FUSED 1
#define CK_HALF 1
#define CK_COMPACT 0
#define CK_BLOCKS 2
#define CK_BATCH_PANELS 4
#define CK_BATCH_VECTORS 4
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,f16c,evex512"))),              \
                             apply_to = function)
#include "Kernels.inc"
#pragma clang attribute pop
#else
typedef int ck_no_avx512_here;
#endif
