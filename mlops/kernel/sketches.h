/* What a sketch says of a vector.
 *
 * It is one bit for each dimension: on which side of the corpus' mean the vector lies after a random rotation (Gao & Long
 * 2024, RaBitQ). A query, rotated the same way, is rounded to 4 bits a dimension, so that its product with a sketch is
 * four ANDs and population counts a word.
 */
#pragma once
#include "companion.h"
#include "selection.h"
#include "steps.h"

#define PLANES 4     /* bits of a value of the query */
#define BLOCK LANES  /* vectors whose words of the first half stand side by side */
#define GATHERED 8   /* vectors of which the other half is read together */
#define ROWS 8       /* of the rotation, which are multiplied side by side */

struct Index {
    int64_t documents;
    int32_t dimension; /* a multiple of 64 */
    int32_t words;     /* of 64 bits of the first half of a sketch */
    const uint32_t *first;          /* the first half: (blocks, 2 words, BLOCK), for all are read */
    const uint64_t *rest;           /* the other: (documents, its words), for a few are read, here and there */
    const uint16_t *numbers;        /* float16 (blocks, 2, BLOCK): estimate = factor * <query, signs> + centre */
    const float *turn;              /* (dimension + 1, dimension): the rotation, and the mean last */
    const uint16_t *vectors;        /* float16 (documents, dimension) */
};

typedef struct { /* half of a rotated query: value = step * level, levels by their bits, lowest first, the last negative */
    float step, whole;
    const uint64_t *planes; /* (PLANES, words) */
} Half;

typedef struct { /* queries less the mean, and where they are turned to: (count, dimension) */
    const Index *index;
    int64_t count;
    float *centred, *turned;
} Turning;

/* By part i of the rotation, ROWS rows of it. Each step of a sum waits for the last, so there are several. */
static void turn_some(void *turning, int first, int stop, int thread) {
    const Turning *of = turning;
    int dimension = of->index->dimension;
    (void)thread;
    for (int d = first * ROWS; d < stop * ROWS; d += ROWS) {
        const float *rows = of->index->turn + (size_t)d * dimension;
        for (int64_t query = 0; query < of->count; query++) {
            const float *centred = of->centred + query * dimension;
            __m512 sums[ROWS];
            EACH(row, ROWS) sums[row] = _mm512_setzero_ps();
            for (int c = 0; c < dimension; c += LANES) {
                __m512 part = _mm512_loadu_ps(centred + c);
                EACH(row, ROWS) sums[row] = _mm512_fmadd_ps(_mm512_loadu_ps(rows + row * dimension + c), part, sums[row]);
            }
            EACH(row, ROWS) of->turned[query * dimension + d + row] = _mm512_reduce_add_ps(sums[row]);
        }
    }
}

/* Turn all queries where the sketches are: what is read of the rotation is read once. */
static void turn(int together, const float *queries, Turning turning) {
    int dimension = turning.index->dimension;
    const float *mean = turning.index->turn + (size_t)dimension * dimension;
    for (int64_t i = 0; i < turning.count; i++)
        for (int d = 0; d < dimension; d++) turning.centred[i * dimension + d] = queries[i * dimension + d] - mean[d];
    share(together, turn_some, &turning, dimension / ROWS, 8);
}

/* The finest step by which the levels from -8 to 7 reach all values. */
static float step_for(const float *turned, int dimension) {
    float step = 0.0f;
    for (int d = 0; d < dimension; d++) {
        float needed = turned[d] / (turned[d] < 0 ? -(1 << (PLANES - 1)) : (1 << (PLANES - 1)) - 1);
        step = needed > step ? needed : step;
    }
    return step > 0 ? step : 1.0f;
}

static Half halve(const float *turned, int words, float step, uint64_t *planes) {
    int64_t levels = 0;
    memset(planes, 0, sizeof(uint64_t) * (size_t)(PLANES * words));
    for (int d = 0; d < words * 64; d++) {
        int64_t level = (int64_t)rintf(turned[d] / step);
        levels += level;
        for (int plane = 0; plane < PLANES; plane++) planes[plane * words + d / 64] |= ((uint64_t)level >> plane & 1) << (d % 64);
    }
    return (Half){step, step * (float)levels, planes};
}

/* Of the vectors of a block <half of the query, signs> = 2 * (sum of the values where there is a bit) - whole: how many
 * bits stand where a plane has one is counted for each plane, and makes the sum of their levels. */
INLINE __m512 first_of(const Index *index, const Half *half, int words, int64_t block) {
    __m512i ones[PLANES] = {0};
    const uint32_t *sketches = index->first + block * 2 * words * BLOCK, *planes = (const uint32_t *)half->planes;
    for (int word = 0; word < 2 * words; word++) {
        __m512i bits = _mm512_loadu_si512(sketches + word * BLOCK);
        EACH(plane, PLANES) {
            __m512i both = _mm512_and_si512(bits, _mm512_set1_epi32((int32_t)planes[plane * 2 * words + word]));
            ones[plane] = _mm512_add_epi32(ones[plane], _mm512_popcnt_epi32(both));
        }
    }
    __m512i sum = _mm512_sub_epi32(_mm512_setzero_si512(), ones[PLANES - 1]);
    EACH(above, PLANES - 1) sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 1), ones[PLANES - 2 - above]);
    return _mm512_fmsub_ps(_mm512_set1_ps(2.0f * half->step), _mm512_cvtepi32_ps(sum), _mm512_set1_ps(half->whole));
}

/* The same of the `documents` in `lanes`, by the other half, whose words are of 64 bits. */
INLINE __m256 rest_of(const Index *index, const Half *half, int words, __mmask8 lanes, __m256i documents) {
    __m512i ones[PLANES] = {0}, at = _mm512_mul_epu32(_mm512_cvtepu32_epi64(documents), _mm512_set1_epi64(words));
    for (int word = 0; word < words; word++) {
        __m512i bits = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), lanes, at, index->rest + word, 8);
        EACH(plane, PLANES) {
            __m512i both = _mm512_and_si512(bits, _mm512_set1_epi64((int64_t)half->planes[plane * words + word]));
            ones[plane] = _mm512_add_epi64(ones[plane], _mm512_popcnt_epi64(both));
        }
    }
    __m512i sum = _mm512_sub_epi64(_mm512_setzero_si512(), ones[PLANES - 1]);
    EACH(above, PLANES - 1) sum = _mm512_add_epi64(_mm512_slli_epi64(sum, 1), ones[PLANES - 2 - above]);
    return _mm256_fmsub_ps(_mm256_set1_ps(2.0f * half->step), _mm512_cvtepi64_ps(sum), _mm256_set1_ps(half->whole));
}

INLINE __m512 wide(const uint16_t *half) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)half)); }

/* Of a block, by the first half alone: `scale` is how much longer a whole sketch is. */
INLINE __m512 estimate(const Index *index, int64_t block, float scale, __m512 signs) {
    const uint16_t *factors = index->numbers + block * 2 * BLOCK, *centres = factors + BLOCK;
    return _mm512_fmadd_ps(_mm512_mul_ps(wide(factors), _mm512_set1_ps(scale)), signs, wide(centres));
}

INLINE __mmask16 lanes_of_block(const Index *index, const uint8_t *passed, int64_t block) {
    return lanes_of(passed, block * BLOCK, index->documents);
}

/* The factors of the `documents` in `lanes`, or their centres. Of four bytes that are read the factor is the first half,
 * and the centre the second: so nothing is read behind the last. */
INLINE __m256 numbers_of(const Index *index, int centre, __mmask8 lanes, __m256i documents) {
    __m256i at = _mm256_add_epi32(_mm256_slli_epi32(documents, 1), _mm256_set1_epi32(centre ? BLOCK - 1 : 0));
    at = _mm256_sub_epi32(at, _mm256_and_si256(documents, _mm256_set1_epi32(BLOCK - 1)));
    __m256i found = _mm256_mmask_i32gather_epi32(_mm256_setzero_si256(), lanes, at, index->numbers, 2);
    if (centre) found = _mm256_srli_epi32(found, 16);
    return _mm256_cvtph_ps(_mm256_cvtepi32_epi16(found));
}
