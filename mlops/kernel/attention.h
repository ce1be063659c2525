/* What the tokens of a text see of one another, in float32. */
#pragma once
#include "registers.h"

#define QUERIES 8 /* queries that look at the keys together: one sum alone would wait for each of its additions */

/* 2^x for x <= 0, relative error < 2e-7: of all such polynomials that whose greatest error is least, found by
 * linear programming over the interval. */
INLINE __m256 power(__m256 x) {
    x = _mm256_max_ps(x, _mm256_set1_ps(-126.0f));
    __m256 r = _mm256_reduce_ps(x, _MM_FROUND_TO_NEG_INF), p = _mm256_set1_ps(0.00188666268f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.00896593742f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.0558474325f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.240145907f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.693154037f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.999999881f));
    return _mm256_scalef_ps(p, x); /* which takes the floor */
}

/* What `rows` queries see of all keys and values; `rows` is a constant after inlining. */
INLINE void look(int rows, const float *query, const float *keys, const float *values, int stride, int size, int tokens,
                 float *shares, float *out, int hidden) {
    int padded = (tokens + 7) & ~7;
    __m256 root = _mm256_set1_ps(1.44269504f / sqrtf((float)size)), most[QUERIES]; /* log2(e): powers are of 2 */
    float inverse[QUERIES];
    EACH(r, rows) most[r] = _mm256_set1_ps(-INFINITY);
    for (int j = 0; j < padded; j += 8) {
        __m256 scores[QUERIES];
        __mmask8 real = j + 8 <= tokens ? 0xff : (__mmask8)((1u << (tokens - j)) - 1);
        EACH(r, rows) scores[r] = _mm256_setzero_ps();
        for (int d = 0; d < size; d++) {
            __m256 key = _mm256_loadu_ps(keys + (size_t)j * size + 8 * d);
            EACH(r, rows) scores[r] = _mm256_fmadd_ps(_mm256_set1_ps(query[r * stride + d]), key, scores[r]);
        }
        EACH(r, rows) {
            scores[r] = _mm256_mask_mul_ps(_mm256_set1_ps(-INFINITY), real, scores[r], root);
            _mm256_storeu_ps(shares + r * padded + j, scores[r]);
            most[r] = _mm256_max_ps(most[r], scores[r]);
        }
    }
    EACH(r, rows) {
        __m256 total = _mm256_setzero_ps();
        ACROSS(max, most[r]);
        for (int j = 0; j < padded; j += 8) { /* what is no token adds 2^-126 */
            __m256 share = power(_mm256_sub_ps(_mm256_loadu_ps(shares + r * padded + j), most[r]));
            _mm256_storeu_ps(shares + r * padded + j, share);
            total = _mm256_add_ps(total, share);
        }
        ACROSS(add, total);
        inverse[r] = 1.0f / _mm256_cvtss_f32(total);
    }
    for (int d = 0; d < size; d += 16) {
        __m512 sums[QUERIES];
        EACH(r, rows) sums[r] = _mm512_setzero_ps();
        for (int j = 0; j < tokens; j++) {
            __m512 value = _mm512_loadu_ps(values + (size_t)j * stride + d);
            EACH(r, rows) sums[r] = _mm512_fmadd_ps(_mm512_set1_ps(shares[r * padded + j]), value, sums[r]);
        }
        EACH(r, rows)
            _mm512_storeu_ps(out + (size_t)r * hidden + d, _mm512_mul_ps(sums[r], _mm512_set1_ps(inverse[r])));
    }
}

#define LOOK(N) \
    case N: look(N, query, keys, values, stride, size, tokens, shares, to, hidden); break;

/* One text, one head: qkv (tokens, 3 hidden) from the head's first query on. `keys` takes blocks of 8 tokens, each (size,
 * 8), the last of them padded with the last token; `shares` (QUERIES, padded tokens). */
static void attend(const float *qkv, int stride, int hidden, int size, int tokens, float *keys, float *shares, float *out) {
    int padded = (tokens + 7) & ~7;
    for (int j = 0; j < padded; j += 8) {
        const float *key[8];
        for (int t = 0; t < 8; t++) key[t] = qkv + (size_t)(j + t < tokens ? j + t : tokens - 1) * stride + hidden;
        for (int d = 0; d < size; d += 4) { /* half h of row i is of token 4 h + i: 4 x 4 transposed in each half */
            __m256 r[4];
            EACH(i, 4)
                r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(key[i] + d)), _mm_loadu_ps(key[4 + i] + d), 1);
            __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r[0], r[1])), b = _mm256_castps_pd(_mm256_unpacklo_ps(r[2], r[3]));
            __m256d e = _mm256_castps_pd(_mm256_unpackhi_ps(r[0], r[1])), f = _mm256_castps_pd(_mm256_unpackhi_ps(r[2], r[3]));
            double *to = (double *)(keys + (size_t)j * size + 8 * d);
            _mm256_storeu_pd(to, _mm256_unpacklo_pd(a, b));
            _mm256_storeu_pd(to + 4, _mm256_unpackhi_pd(a, b));
            _mm256_storeu_pd(to + 8, _mm256_unpacklo_pd(e, f));
            _mm256_storeu_pd(to + 12, _mm256_unpackhi_pd(e, f));
        }
    }
    for (int t = 0, taken; t < tokens; t += taken) {
        const float *query = qkv + (size_t)t * stride, *values = qkv + 2 * hidden;
        float *to = out + (size_t)t * hidden;
        taken = next_rows(tokens - t, QUERIES);
        switch (taken) { LOOK(1) LOOK(2) LOOK(3) LOOK(4) LOOK(5) LOOK(6) LOOK(7) LOOK(QUERIES) }
    }
}
