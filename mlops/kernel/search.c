/* Exact and approximate search among unit vectors, for CPUs with AVX-512.
 *
 * A vector's sketch is one bit for each dimension: on which side of the corpus' mean it lies after a random rotation
 * (Gao & Long 2024, RaBitQ). A query, rotated the same way, is rounded to 4 bits a dimension, so that its product with
 * a sketch is four ANDs and population counts a word. The best by this estimate are then multiplied out in full.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq,fma,f16c")
#pragma GCC optimize("O3")

#define PLANES 4
#define BUCKETS 4096
#define SAMPLED 8
#define INLINE static inline __attribute__((always_inline))

/* Estimates for `blocks` times 8 vectors. sketches uint64 (blocks, words, 8); planes uint64 (PLANES, words), lowest bit
 * first; estimate = factors * (sum of the query's values where the sketch has a bit) + centres, float32 each. */
void estimate(const uint64_t *sketches, const float *factors, const float *centres, int64_t blocks, int words,
              const uint64_t *planes, float step, float least, float whole, float *out) {
    __m256 two_steps = _mm256_set1_ps(2.0f * step), two_least = _mm256_set1_ps(2.0f * least), all = _mm256_set1_ps(whole);
    for (int64_t block = 0; block < blocks; block++, sketches += words * 8) {
        __m512i sums[PLANES], ones = _mm512_setzero_si512();
        for (int plane = 0; plane < PLANES; plane++) sums[plane] = _mm512_setzero_si512();
        for (int word = 0; word < words; word++) {
            __m512i bits = _mm512_loadu_si512(sketches + word * 8);
            ones = _mm512_add_epi64(ones, _mm512_popcnt_epi64(bits));
#pragma GCC unroll 4
            for (int plane = 0; plane < PLANES; plane++)
                sums[plane] = _mm512_add_epi64(sums[plane], _mm512_popcnt_epi64(_mm512_and_si512(
                    bits, _mm512_set1_epi64((long long)planes[plane * words + word]))));
        }
        __m512i sum = sums[PLANES - 1];
        for (int plane = PLANES - 2; plane >= 0; plane--) sum = _mm512_add_epi64(_mm512_slli_epi64(sum, 1), sums[plane]);
        /* sum over dimensions of value * (+1 or -1) = 2 * (sum where the bit is set) - whole */
        __m256 value = _mm256_fmadd_ps(two_steps, _mm512_cvtepi64_ps(sum), _mm256_fmsub_ps(two_least, _mm512_cvtepi64_ps(ones), all));
        _mm256_storeu_ps(out + block * 8, _mm256_fmadd_ps(_mm256_loadu_ps(factors + block * 8), value, _mm256_loadu_ps(centres + block * 8)));
    }
}

INLINE __mmask16 kept_of(const float *scores, const uint8_t *passed, int64_t documents, int64_t start, float floor, __m512 *score) {
    __mmask16 real = start + 16 <= documents ? 0xffff : (__mmask16)((1u << (documents - start)) - 1);
    *score = _mm512_maskz_loadu_ps(real, scores + start);
    __mmask16 kept = _mm512_mask_cmp_ps_mask(real, *score, _mm512_set1_ps(floor), _CMP_GT_OQ);
    return passed ? _mm_mask_test_epi8_mask(kept, _mm_maskz_loadu_epi8(real, passed + start), _mm_set1_epi8(-1)) : kept;
}

/* The documents that `passed` and exceed `floor`, ascending; returns how many. */
static int64_t collect(const float *scores, const uint8_t *passed, int64_t documents, float floor, int32_t *found) {
    __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512 score;
    int64_t count = 0;
    for (int64_t start = 0; start < documents; start += 16) {
        __mmask16 kept = kept_of(scores, passed, documents, start, floor, &score);
        if (!kept) continue;
        _mm512_mask_compressstoreu_epi32(found + count, kept, _mm512_add_epi32(numbers, _mm512_set1_epi32((int32_t)start)));
        count += __builtin_popcount(kept);
    }
    return count;
}

/* A floor that probably leaves somewhat more than `depth`, from one block of 16 in SAMPLED; `floor` where few are left. */
static float raised(const float *scores, const uint8_t *passed, int64_t documents, float floor, int64_t depth) {
    __m512 least = _mm512_set1_ps(INFINITY), most = _mm512_set1_ps(-INFINITY), score;
    int64_t count = 0;
    for (int64_t start = 0; start < documents; start += 16 * SAMPLED) {
        __mmask16 kept = kept_of(scores, passed, documents, start, floor, &score);
        least = _mm512_mask_min_ps(least, kept, least, score);
        most = _mm512_mask_max_ps(most, kept, most, score);
        count += __builtin_popcount(kept);
    }
    /* Four standard deviations of a count more than what is wanted of the sample. */
    double wanted = (double)depth / SAMPLED, enough = wanted + 4 * sqrt(wanted) + 4;
    float low = _mm512_reduce_min_ps(least), high = _mm512_reduce_max_ps(most);
    if ((double)count <= enough || !(high > low)) return floor;
    float scale = (BUCKETS - 1) / (high - low);
    int32_t sizes[BUCKETS] = {0};
    for (int64_t start = 0; start < documents; start += 16 * SAMPLED)
        for (int64_t i = start; i < start + 16 && i < documents; i++)
            if (scores[i] > floor && (!passed || passed[i])) sizes[(int32_t)((scores[i] - low) * scale)]++;
    int32_t edge = BUCKETS - 1;
    for (double above = sizes[edge]; above < enough; above += sizes[edge]) edge--;
    float candidate = low + (float)edge / scale;
    return candidate > floor ? candidate : floor;
}

/* Keep the `depth` best of `count` candidates, at their front; of equal ones the first. `room` takes `count`. */
static void keep_best(const float *scores, int32_t *candidates, int64_t count, int64_t depth, int32_t *room) {
    float low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        float score = scores[candidates[i]];
        low = score < low ? score : low;
        high = score > high ? score : high;
    }
    /* Equal scores fall into one bucket, higher scores never into a lower one. */
    float scale = high > low ? (BUCKETS - 1) / (high - low) : 0.0f;
    int32_t sizes[BUCKETS] = {0};
    for (int64_t i = 0; i < count; i++) sizes[(int32_t)((scores[candidates[i]] - low) * scale)]++;
    int32_t edge = BUCKETS - 1;
    int64_t above = 0;
    while (above + sizes[edge] < depth) above += sizes[edge--];
    /* Those of the bucket at the edge are few: insertion keeps the best of them. */
    int64_t places = depth - above, taken = 0, kept = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t document = candidates[i];
        int32_t bucket = (int32_t)((scores[document] - low) * scale);
        if (bucket > edge) {
            candidates[taken++] = document;
        } else if (bucket == edge) {
            if (kept == places && scores[document] <= scores[room[kept - 1]]) continue;
            int64_t place = kept < places ? kept++ : kept - 1;
            for (; place > 0 && scores[room[place - 1]] < scores[document]; place--) room[place] = room[place - 1];
            room[place] = document;
        }
    }
    memcpy(candidates + taken, room, sizeof(int32_t) * (size_t)kept);
}

/* The `depth` documents of highest score among those that `passed` (NULL: all) and exceed `floor`, in no order; all
 * where they are fewer. A tie at the edge goes to the lower document. `found` takes `depth`; returns how many, or -1
 * where there is no memory. Scores are finite. */
int64_t top(const float *scores, const uint8_t *passed, int64_t documents, float floor, int64_t depth, int64_t *found) {
    int32_t *candidates = malloc(sizeof(int32_t) * (size_t)documents * 2 + 128);
    if (!candidates) return -1;
    float higher = raised(scores, passed, documents, floor, depth);
    int64_t count = collect(scores, passed, documents, higher, candidates);
    if (count < depth && higher > floor) count = collect(scores, passed, documents, floor, candidates);
    if (count > depth) {
        keep_best(scores, candidates, count, depth, candidates + count);
        count = depth;
    }
    for (int64_t i = 0; i < count; i++) found[i] = candidates[i];
    free(candidates);
    return count;
}

INLINE __m512 wide(const uint16_t *half) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)half)); }

/* out[i] = vectors[documents[i]] . query; vectors float16 (documents, dimension), dimension a multiple of 32. */
void products(const uint16_t *vectors, int64_t dimension, const int64_t *documents, int64_t count, const float *query, float *out) {
    for (int64_t i = 0; i < count; i++) {
        if (i + 8 < count) { /* the rows lie anywhere, and reading them is what takes the time */
            const char *ahead = (const char *)(vectors + documents[i + 8] * dimension);
            for (int64_t line = 0; line < dimension * 2; line += 64) _mm_prefetch(ahead + line, _MM_HINT_T0);
        }
        const uint16_t *vector = vectors + documents[i] * dimension;
        __m512 sum = _mm512_setzero_ps(), other = _mm512_setzero_ps();
        for (int64_t c = 0; c < dimension; c += 32) {
            sum = _mm512_fmadd_ps(wide(vector + c), _mm512_loadu_ps(query + c), sum);
            other = _mm512_fmadd_ps(wide(vector + c + 16), _mm512_loadu_ps(query + c + 16), other);
        }
        out[i] = _mm512_reduce_add_ps(_mm512_add_ps(sum, other));
    }
}

/* scores[documents[i]] += values[i]; documents differ, and what is no place of `scores` is passed over. */
void add(float *scores, int64_t size, const int32_t *documents, const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if ((uint64_t)documents[i] < (uint64_t)size) scores[documents[i]] += values[i];
}
