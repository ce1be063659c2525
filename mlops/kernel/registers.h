/* What all of the kernel shares: which instructions there are, and how loops become registers. */
#pragma once
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq,fma,f16c,popcnt")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
/* A loop whose passes all are written out, so that arrays over it are registers. */
#define EACH(I, COUNT) _Pragma("GCC unroll 8") for (int I = 0; I < COUNT; I++)
#define FOUR(OP, X) _mm512_##OP##_ps(_mm512_##OP##_ps(X[0], X[1]), _mm512_##OP##_ps(X[2], X[3]))
/* All 8 lanes become what they come to together. */
#define ACROSS(OP, X) \
    X = _mm256_##OP##_ps(X, _mm256_permute2f128_ps(X, X, 1)); \
    X = _mm256_##OP##_ps(X, _mm256_permute_ps(X, 0x4e)); \
    X = _mm256_##OP##_ps(X, _mm256_permute_ps(X, 0xb1))

/* How many of `left` rows to take next, at most `most`, so that all blocks are about as high. */
INLINE int next_rows(int left, int most) {
    int blocks = (left + most - 1) / most;
    return (left + blocks - 1) / blocks;
}
