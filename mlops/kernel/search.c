/* The nearest of many unit vectors, for CPUs with AVX-512.
 *
 * A vector's sketch is one bit for each dimension: on which side of the corpus' mean it lies after a random rotation
 * (Gao & Long 2024, RaBitQ). A query, rotated the same way, is rounded to 4 bits a dimension, so that its product with
 * a sketch is four ANDs and population counts a word. Of all vectors half of the sketch is read; of the best by that
 * the other half; the best by both are multiplied out in full.
 */
#include "selection.h"

#define PLANES 4
#define BLOCK 8         /* vectors whose words stand side by side */
#define SAMPLED 2048    /* blocks that tell where the best begin */
#define STRETCH 1024    /* blocks of which the first halves are read before the rest of any */
#define ROWS 8          /* of the rotation, which are multiplied side by side */
#define SOON 32         /* halves of sketches that are fetched ahead, */
#define AHEAD 8         /* and vectors */

typedef struct {
    int64_t documents;
    int32_t dimension; /* a multiple of 64 */
    int32_t words;     /* of the first half of a sketch */
    const uint64_t *first;          /* the first half: (blocks, words, BLOCK), for all are read */
    const uint64_t *rest;           /* the other: (documents, its words), for a few are read, here and there */
    const uint16_t *numbers;        /* float16 (blocks, 2, BLOCK): estimate = factor * <query, signs> + centre */
    const float *turn;              /* (dimension + 1, dimension): the rotation, and the mean last */
    const uint16_t *vectors;        /* float16 (documents, dimension) */
} Index;

typedef struct { /* half of a rotated query: value = step * level, levels by their bits, lowest first, the last negative */
    float step, whole;
    const uint64_t *planes; /* (PLANES, words) */
} Half;

/* The query where the sketches are; `centred` is room for as much. Each step of a sum waits for the last, so there are
 * several. */
static void turn(const Index *index, const float *query, float *centred, float *turned) {
    int dimension = index->dimension;
    const float *mean = index->turn + (size_t)dimension * dimension;
    for (int d = 0; d < dimension; d++) centred[d] = query[d] - mean[d];
    for (int d = 0; d < dimension; d += ROWS) {
        const float *rows = index->turn + (size_t)d * dimension;
        __m512 sums[ROWS];
        EACH(row, ROWS) sums[row] = _mm512_setzero_ps();
        for (int c = 0; c < dimension; c += LANES) {
            __m512 part = _mm512_loadu_ps(centred + c);
            EACH(row, ROWS) sums[row] = _mm512_fmadd_ps(_mm512_loadu_ps(rows + row * dimension + c), part, sums[row]);
        }
        EACH(row, ROWS) turned[d + row] = _mm512_reduce_add_ps(sums[row]);
    }
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

typedef struct { /* for each of the 8 vectors, how many bits stand where a plane of the query has one */
    __m512i ones[PLANES];
} Counts;

INLINE void count_word(Counts *counts, __m512i bits, const Half *half, int word, int words) {
    EACH(plane, PLANES)
        counts->ones[plane] = _mm512_add_epi64(counts->ones[plane], _mm512_popcnt_epi64(_mm512_and_si512(
            bits, _mm512_set1_epi64((long long)half->planes[plane * words + word]))));
}

/* <half of the query, signs>: 2 * (sum of the values where there is a bit) - whole. */
INLINE __m256 signs_of(const Counts *counts, const Half *half) {
    __m512i sum = _mm512_sub_epi64(_mm512_setzero_si512(), counts->ones[PLANES - 1]);
#pragma GCC unroll 3
    for (int plane = PLANES - 2; plane >= 0; plane--) sum = _mm512_add_epi64(_mm512_slli_epi64(sum, 1), counts->ones[plane]);
    return _mm256_fmsub_ps(_mm256_set1_ps(2.0f * half->step), _mm512_cvtepi64_ps(sum), _mm256_set1_ps(half->whole));
}

/* Of the vectors of a block. */
INLINE __m256 first_of(const Index *index, const Half *half, int words, int64_t block) {
    Counts counts = {0};
    const uint64_t *sketches = index->first + block * words * BLOCK;
    for (int word = 0; word < words; word++) count_word(&counts, _mm512_loadu_si512(sketches + word * BLOCK), half, word, words);
    return signs_of(&counts, half);
}

/* Of the `documents` in `lanes`, by the other half. */
INLINE __m256 rest_of(const Index *index, const Half *half, int words, __mmask8 lanes, __m256i documents) {
    Counts counts = {0};
    __m512i zero = _mm512_setzero_si512(), at = _mm512_mul_epu32(_mm512_cvtepu32_epi64(documents), _mm512_set1_epi64(words));
    for (int word = 0; word < words; word++)
        count_word(&counts, _mm512_mask_i64gather_epi64(zero, lanes, at, index->rest + word, 8), half, word, words);
    return signs_of(&counts, half);
}

INLINE __m512 wide(const uint16_t *half) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)half)); }

INLINE __m256 estimate(const Index *index, int64_t block, float scale, __m256 signs) {
    __m512 numbers = wide(index->numbers + block * 2 * BLOCK);
    __m256 factors = _mm256_mul_ps(_mm512_castps512_ps256(numbers), _mm256_set1_ps(scale));
    return _mm256_fmadd_ps(factors, signs, _mm512_extractf32x8_ps(numbers, 1));
}

INLINE __mmask8 lanes_of_block(const Index *index, const uint8_t *passed, int64_t block) {
    return (__mmask8)lanes_of(passed, block * BLOCK, index->documents < (block + 1) * BLOCK ? index->documents : (block + 1) * BLOCK);
}

/* What by the first half is exceeded by some `wanted`, as told by every so many blocks; -infinity where there are hardly
 * more. `sample` takes SAMPLED * BLOCK + LANES floats. */
INLINE float floor_for(const Index *index, const Half *half, int words, float scale, const uint8_t *passed, int64_t wanted, float *sample) {
    int64_t blocks = (index->documents + BLOCK - 1) / BLOCK, every = (blocks + SAMPLED - 1) / SAMPLED, count = 0, equal;
    for (int64_t block = 0; block < blocks; block += every) {
        __mmask8 lanes = lanes_of_block(index, passed, block);
        __m256 estimates = estimate(index, block, scale, first_of(index, half, words, block));
        _mm256_storeu_ps(sample + count, _mm256_maskz_compress_ps(lanes, estimates));
        count += __builtin_popcount(lanes);
    }
    /* Four standard deviations of a count more than what is wanted of the sample. */
    double of_sample = (double)wanted / (double)every, enough = of_sample + 4 * sqrt(of_sample) + 4;
    if ((double)count <= enough) return -INFINITY;
    return edge_of(sample, count, (int64_t)enough, &equal);
}

typedef struct { /* promising vectors of one stretch, and what the first half of each came to */
    int32_t documents[STRETCH * BLOCK + LANES];
    float signs[STRETCH * BLOCK + LANES];
    int count;
} Promising;

/* Without a branch on what is found: it would be mispredicted as often as not. */
INLINE void read_first(const Index *index, const Half *half, int words, float scale, __m256 floor, const uint8_t *passed,
                       int64_t start, int64_t stop, Promising *found) {
    int count = 0;
    __m256i numbers = _mm512_castsi512_si256(numbers_from(start * BLOCK));
    for (int64_t block = start; block < stop; block++) {
        __mmask8 lanes = lanes_of_block(index, passed, block);
        __m256 signs = first_of(index, half, words, block);
        __mmask8 kept = _mm256_mask_cmp_ps_mask(lanes, estimate(index, block, scale, signs), floor, _CMP_GT_OQ);
        _mm256_storeu_si256((__m256i *)(found->documents + count), _mm256_maskz_compress_epi32(kept, numbers));
        _mm256_storeu_ps(found->signs + count, _mm256_maskz_compress_ps(kept, signs));
        numbers = _mm256_add_epi32(numbers, _mm256_set1_epi32(BLOCK));
        count += __builtin_popcount(kept);
    }
    found->count = count;
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

/* Estimates by both halves, of eight at a time. */
INLINE void read_rest(const Index *index, const Half *half, int words, const Promising *found, Best *best) {
    Place place = place_in(best);
    for (int i = 0; i < found->count; i += BLOCK) {
        for (int next = i + SOON; next < i + SOON + BLOCK && next < found->count; next++)
            _mm_prefetch((const char *)(index->rest + (int64_t)found->documents[next] * words), _MM_HINT_T0);
        __mmask8 lanes = found->count - i < BLOCK ? (__mmask8)((1u << (found->count - i)) - 1) : 0xff;
        __m256i documents = _mm256_loadu_si256((const __m256i *)(found->documents + i));
        __m256 signs = _mm256_add_ps(_mm256_loadu_ps(found->signs + i), rest_of(index, half, words, lanes, documents));
        __m256 scores = _mm256_fmadd_ps(numbers_of(index, 0, lanes, documents), signs, numbers_of(index, 1, lanes, documents));
        __mmask8 kept = _mm256_mask_cmp_ps_mask(lanes, scores, _mm512_castps512_ps256(place.floor), _CMP_GT_OQ);
        /* Without a branch: about every other time there are some. */
        push(best, &place, kept, _mm512_castps256_ps512(scores), _mm512_castsi256_si512(documents));
    }
    best->count = place.count;
}

/* Into `best` those of the highest estimates by both halves among some `wanted` of the highest by the first. */
INLINE void sift(const Index *index, const Half *halves, int words, int others, const uint8_t *passed, int64_t wanted, float *sample, Best *best) {
    int64_t blocks = (index->documents + BLOCK - 1) / BLOCK;
    float scale = (float)(words + others) / (float)words;
    __m256 floor = _mm256_set1_ps(floor_for(index, halves, words, scale, passed, wanted, sample));
    Promising found;
    for (int64_t start = 0; start < blocks; start += STRETCH) {
        read_first(index, halves, words, scale, floor, passed, start, start + STRETCH < blocks ? start + STRETCH : blocks, &found);
        read_rest(index, halves + 1, others, &found, best);
    }
    cut(best);
}

INLINE float product(const uint16_t *vector, const float *query, int64_t dimension) {
    __m512 sum = _mm512_setzero_ps(), other = _mm512_setzero_ps();
    for (int64_t c = 0; c < dimension; c += 2 * LANES) {
        sum = _mm512_fmadd_ps(wide(vector + c), _mm512_loadu_ps(query + c), sum);
        other = _mm512_fmadd_ps(wide(vector + c + LANES), _mm512_loadu_ps(query + c + LANES), other);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(sum, other));
}

INLINE void fetch(const uint16_t *vector, int64_t dimension) {
    for (int64_t line = 0; line < dimension * 2; line += 64) _mm_prefetch((const char *)vector + line, _MM_HINT_T0);
}

/* out[i] = vectors[documents[i]] . query. The rows lie anywhere, and reading them is what takes the time. */
static void multiply(const uint16_t *vectors, int64_t dimension, const int64_t *documents, int64_t count, const float *query, float *out) {
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) fetch(vectors + documents[i + AHEAD] * dimension, dimension);
        out[i] = product(vectors + documents[i] * dimension, query, dimension);
    }
}

/* For each of `count` queries (count, dimension) the products with its documents, documents[starts[i]:starts[i + 1]];
 * vectors float16 (documents, dimension), dimension a multiple of 32. */
void products(const uint16_t *vectors, int64_t dimension, const int64_t *documents, const int64_t *starts, int64_t count,
              const float *queries, float *out) {
    for (int64_t i = 0; i < count; i++)
        multiply(vectors, dimension, documents + starts[i], starts[i + 1] - starts[i], queries + i * dimension, out + starts[i]);
}

/* Put products in the place of the estimates of `best`, and keep the `depth` highest; `found` is room for them all. */
static void multiply_out(const Index *index, const float *query, int64_t depth, Best *best, int64_t *found) {
    for (int64_t i = 0; i < best->count; i++) found[i] = best->documents[i];
    multiply(index->vectors, index->dimension, found, best->count, query, best->scores);
    best->depth = depth;
}

/* The `depth` nearest of those that `passed` (NULL: all), in no order: of some `wanted` by half of the sketches `likely`
 * by whole ones, and of these by products. `found` takes `likely` >= `depth`; returns how many, or -1 without memory. */
static int64_t nearest_of(const Index *index, const float *query, const uint8_t *passed, int64_t wanted, int64_t likely, int64_t depth, int64_t *found) {
    int dimension = index->dimension, words = index->words, rest = dimension / 64 - words;
    Best best;
    if (begin(&best, likely, index->documents, -INFINITY)) return -1;
    size_t floats = 2 * (size_t)dimension + SAMPLED * BLOCK + LANES;
    float *work = malloc(floats * sizeof(float) + sizeof(uint64_t) * PLANES * (size_t)(words + rest));
    if (!work) {
        free(best.scores);
        return -1;
    }
    float *turned = work + dimension, *sample = turned + dimension;
    uint64_t *planes = (uint64_t *)(work + floats);
    turn(index, query, work, turned);
    float step = step_for(turned, dimension);
    Half halves[2] = {halve(turned, words, step, planes), halve(turned + words * 64, rest, step, planes + PLANES * words)};
    /* A number that the compiler knows unrolls the loop over the words: 3 of 384 dimensions. */
    if (words == 3 && rest == 3) sift(index, halves, 3, 3, passed, wanted, sample, &best);
    else sift(index, halves, words, rest, passed, wanted, sample, &best);
    free(work);
    if (best.count > depth) multiply_out(index, query, depth, &best, found);
    return end(&best, found);
}

/* For each of `count` queries (count, dimension) the nearest of those that passed[i]: found (count, likely), of which
 * counts[i] are filled. Returns 0, or 1 without memory. */
int nearest(const Index *index, const float *queries, const uint8_t *const *passed, int64_t count, int64_t wanted,
            int64_t likely, int64_t depth, int64_t *found, int64_t *counts) {
    for (int64_t i = 0; i < count; i++) {
        counts[i] = nearest_of(index, queries + i * index->dimension, passed[i], wanted, likely, depth, found + i * likely);
        if (counts[i] < 0) return 1;
    }
    return 0;
}
