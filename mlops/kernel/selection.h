/* The highest of many scores, found while they are read: candidates gather in a buffer that is cut back to the best
 * whenever it is full, and from then on only what is higher than the worst of these is a candidate. Documents must come
 * in ascending order; of equal scores the first are kept. Scores are finite. */
#pragma once
#include "registers.h"

#define LANES 16
#define LEAST_ROOM 1024 /* the sooner it is full, the sooner the floor is high */

typedef struct {
    float *scores;
    int32_t *documents;
    int64_t count, depth, room;
    float floor;
} Best;

/* Room for `depth` of at most `most`; returns 0, or 1 where there is no memory. */
static int begin(Best *best, int64_t depth, int64_t most, float floor) {
    int64_t room = 2 * depth > LEAST_ROOM ? 2 * depth : LEAST_ROOM;
    room = (room < most ? room : most) + LANES;
    *best = (Best){.depth = depth, .room = room, .floor = floor};
    best->scores = malloc((size_t)(room + LANES) * (sizeof(float) + sizeof(int32_t)));
    best->documents = (int32_t *)(best->scores + room + LANES);
    return best->scores == NULL;
}

/* The score with that key: an unsigned integer that is higher for a higher score. */
INLINE float score_of(uint32_t key) {
    float score;
    key ^= key >> 31 ? 0x80000000u : 0xffffffffu;
    memcpy(&score, &key, sizeof score);
    return score;
}

/* How many are not lower than `least`. */
INLINE int64_t reaching(const float *scores, int64_t count, float least) {
    const __m512 edge = _mm512_set1_ps(least);
    const __m512i one = _mm512_set1_epi32(1);
    __m512i reached = _mm512_setzero_si512();
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        reached = _mm512_mask_add_epi32(reached, _mm512_cmp_ps_mask(_mm512_loadu_ps(scores + i), edge, _CMP_GE_OQ), reached, one);
    __mmask16 last = (__mmask16)((1u << (count - i)) - 1);
    reached = _mm512_mask_add_epi32(reached, _mm512_mask_cmp_ps_mask(last, _mm512_maskz_loadu_ps(last, scores + i), edge, _CMP_GE_OQ), reached, one);
    return _mm512_reduce_add_epi32(reached);
}

/* The `depth`-th highest of `count` > `depth` > 0 scores, its key bit by bit from the top: the highest that as many
 * reach. `equal` of those that equal it belong to the `depth` highest. Sixteen scores are compared at once, where counting
 * them by their first bits, of which most have the same, waits for each count to be written. */
static float edge_of(const float *scores, int64_t count, int64_t depth, int64_t *equal) {
    uint32_t key = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1)
        if (reaching(scores, count, score_of(key | bit)) >= depth) key |= bit;
    *equal = depth - reaching(scores, count, score_of(key + 1));
    return score_of(key);
}

/* Keep the `depth` best, and their order. */
static void cut(Best *best) {
    if (best->count <= best->depth) return;
    int64_t equal, kept = 0;
    best->floor = edge_of(best->scores, best->count, best->depth, &equal);
    const __m512 edge = _mm512_set1_ps(best->floor);
    for (int64_t i = 0; i < best->count; i += LANES) {
        __mmask16 real = best->count - i < LANES ? (__mmask16)((1u << (best->count - i)) - 1) : 0xffff;
        __m512 scores = _mm512_loadu_ps(best->scores + i);
        __m512i documents = _mm512_loadu_si512(best->documents + i);
        __mmask16 ties = _mm512_mask_cmp_ps_mask(real, scores, edge, _CMP_EQ_OQ);
        while (__builtin_popcount(ties) > equal) ties ^= (__mmask16)(1u << (31 - __builtin_clz(ties)));
        equal -= __builtin_popcount(ties);
        __mmask16 chosen = ties | _mm512_mask_cmp_ps_mask(real, scores, edge, _CMP_GT_OQ);
        _mm512_storeu_ps(best->scores + kept, _mm512_maskz_compress_ps(chosen, scores));
        _mm512_storeu_si512(best->documents + kept, _mm512_maskz_compress_epi32(chosen, documents));
        kept += __builtin_popcount(chosen);
    }
    best->count = kept;
}

typedef struct { /* what changes with each push, where the compiler can keep it in registers */
    int64_t count;
    __m512 floor;
} Place;

INLINE Place place_in(const Best *best) { return (Place){best->count, _mm512_set1_ps(best->floor)}; }

/* Take the lanes of `kept`, which must exceed the floor. */
INLINE void push(Best *best, Place *place, __mmask16 kept, __m512 scores, __m512i documents) {
    _mm512_storeu_ps(best->scores + place->count, _mm512_maskz_compress_ps(kept, scores));
    _mm512_storeu_si512(best->documents + place->count, _mm512_maskz_compress_epi32(kept, documents));
    place->count += __builtin_popcount(kept);
    if (place->count + LANES <= best->room) return;
    best->count = place->count;
    cut(best);
    *place = place_in(best);
}

/* Which of the LANES documents from `start` on there are, and `passed` (NULL: all). */
INLINE __mmask16 lanes_of(const uint8_t *passed, int64_t start, int64_t documents) {
    __mmask16 real = start + LANES <= documents ? 0xffff : (__mmask16)((1u << (documents - start)) - 1);
    return passed ? _mm_mask_test_epi8_mask(real, _mm_maskz_loadu_epi8(real, passed + start), _mm_set1_epi8(-1)) : real;
}

INLINE __m512i numbers_from(int64_t start) {
    return _mm512_add_epi32(_mm512_set1_epi32((int32_t)start),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* Take the documents `start` up to `end`, of all `documents`; scores begins with document 0. */
INLINE void take(Best *best, const float *scores, const uint8_t *passed, int64_t start, int64_t end, int64_t documents) {
    Place place = place_in(best);
    for (; start < end; start += LANES) {
        __mmask16 lanes = lanes_of(passed, start, documents);
        __m512 score = _mm512_maskz_loadu_ps(lanes, scores + start);
        __mmask16 kept = _mm512_mask_cmp_ps_mask(lanes, score, place.floor, _CMP_GT_OQ);
        if (kept) push(best, &place, kept, score, numbers_from(start)); /* few are */
    }
    best->count = place.count;
}

/* To the best of one part of the documents those of another, of which all come later. */
static void join(Best *best, const Best *second) {
    memcpy(best->scores + best->count, second->scores, sizeof(float) * (size_t)second->count);
    memcpy(best->documents + best->count, second->documents, sizeof(int32_t) * (size_t)second->count);
    best->count += second->count;
    cut(best);
}

/* Write the documents of the best to `found`, in the order in which they came; return how many. */
static int64_t collect(Best *best, int64_t *found) {
    cut(best);
    for (int64_t i = 0; i < best->count; i++) found[i] = best->documents[i];
    return best->count;
}

/* The same, and free the room. */
INLINE int64_t end(Best *best, int64_t *found) {
    int64_t count = collect(best, found);
    free(best->scores);
    return count;
}
