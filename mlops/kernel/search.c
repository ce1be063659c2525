/* The nearest of many unit vectors, for CPUs with AVX-512.
 *
 * Of all vectors half of the sketch is read; of the best by that the other half; the best by both are multiplied out in
 * full.
 */
#include "sketches.h"

#define SAMPLED 512  /* blocks that tell where the best begin */
#define STRETCH 512  /* blocks of which the first halves are read before the rest of any */
#define SOON 32      /* halves of sketches that are fetched ahead, */
#define AHEAD 8      /* and vectors */
#define GROUP 64     /* vectors that are multiplied by one thread */

/* What by the first half is exceeded by some `wanted`, as told by every so many blocks; -infinity where there are hardly
 * more. `sample` takes SAMPLED * BLOCK + LANES floats. */
INLINE float floor_for(const Index *index, const Half *half, int words, float scale, const uint8_t *passed, int64_t wanted, float *sample) {
    int64_t blocks = (index->documents + BLOCK - 1) / BLOCK, every = (blocks + SAMPLED - 1) / SAMPLED, count = 0, equal;
    for (int64_t block = 0; block < blocks; block += every) {
        __mmask16 lanes = lanes_of_block(index, passed, block);
        __m512 estimates = estimate(index, block, scale, first_of(index, half, words, block));
        _mm512_storeu_ps(sample + count, _mm512_maskz_compress_ps(lanes, estimates));
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
INLINE void read_first(const Index *index, const Half *half, int words, float scale, __m512 floor, const uint8_t *passed,
                       int64_t start, int64_t stop, Promising *found) {
    int count = 0;
    __m512i numbers = numbers_from(start * BLOCK);
    for (int64_t block = start; block < stop; block++) {
        __mmask16 lanes = lanes_of_block(index, passed, block);
        __m512 signs = first_of(index, half, words, block);
        __mmask16 kept = _mm512_mask_cmp_ps_mask(lanes, estimate(index, block, scale, signs), floor, _CMP_GT_OQ);
        _mm512_storeu_si512(found->documents + count, _mm512_maskz_compress_epi32(kept, numbers));
        _mm512_storeu_ps(found->signs + count, _mm512_maskz_compress_ps(kept, signs));
        numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(BLOCK));
        count += __builtin_popcount(kept);
    }
    found->count = count;
}

/* Estimates by both halves, of eight at a time. */
INLINE void read_rest(const Index *index, const Half *half, int words, const Promising *found, Best *best) {
    Place place = place_in(best);
    for (int i = 0; i < found->count; i += GATHERED) {
        for (int next = i + SOON; next < i + SOON + GATHERED && next < found->count; next++)
            _mm_prefetch((const char *)(index->rest + (int64_t)found->documents[next] * words), _MM_HINT_T0);
        __mmask8 lanes = found->count - i < GATHERED ? (__mmask8)((1u << (found->count - i)) - 1) : 0xff;
        __m256i documents = _mm256_loadu_si256((const __m256i *)(found->documents + i));
        __m256 signs = _mm256_add_ps(_mm256_loadu_ps(found->signs + i), rest_of(index, half, words, lanes, documents));
        __m256 scores = _mm256_fmadd_ps(numbers_of(index, 0, lanes, documents), signs, numbers_of(index, 1, lanes, documents));
        __mmask8 kept = _mm256_mask_cmp_ps_mask(lanes, scores, _mm512_castps512_ps256(place.floor), _CMP_GT_OQ);
        /* Without a branch: about every other time there are some. */
        push(best, &place, kept, _mm512_castps256_ps512(scores), _mm512_castsi256_si512(documents));
    }
    best->count = place.count;
}

typedef struct { /* a query on its way through some of the vectors */
    Half halves[2];
    const uint8_t *passed;
    float floor; /* of estimates by the first half */
    Best best;   /* by both */
} Seeker;

/* Into each one's best those of the highest estimates by both halves among those above its floor by the first. What is
 * read of all vectors is read once for all seekers. */
INLINE void sift(const Index *index, int words, int others, int64_t start, int64_t stop, Seeker *seekers, int64_t count) {
    float scale = (float)(words + others) / (float)words;
    Promising found;
    for (int64_t next; start < stop; start = next) {
        next = start + STRETCH < stop ? start + STRETCH : stop;
        for (int64_t i = 0; i < count; i++) {
            Seeker *one = seekers + i;
            read_first(index, one->halves, words, scale, _mm512_set1_ps(one->floor), one->passed, start, next, &found);
            read_rest(index, one->halves + 1, others, &found, &one->best);
        }
    }
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

typedef struct { /* vectors that are multiplied with one query */
    const uint16_t *vectors;
    int64_t dimension;
    const float *query;
    const int64_t *documents;
    int64_t count;
    float *out;
} Wanted;

/* Part i: GROUP of them. */
static void multiply_some(void *wanted, int first, int stop, int thread) {
    const Wanted *of = wanted;
    int64_t start = first * GROUP, end = (int64_t)stop * GROUP < of->count ? (int64_t)stop * GROUP : of->count;
    (void)thread;
    multiply(of->vectors, of->dimension, of->documents + start, end - start, of->query, of->out + start);
}

static void multiply_all(int together, Wanted wanted) {
    share(together, multiply_some, &wanted, (int)((wanted.count + GROUP - 1) / GROUP), 2);
}

/* For each of `count` queries (count, dimension) the products with its documents, documents[starts[i]:starts[i + 1]];
 * vectors float16 (documents, dimension), dimension a multiple of 32. */
void products(const uint16_t *vectors, int64_t dimension, const int64_t *documents, const int64_t *starts, int64_t count,
              const float *queries, float *out) {
    int together = enter(count == 1);
    for (int64_t i = 0; i < count; i++)
        multiply_all(together, (Wanted){vectors, dimension, queries + i * dimension, documents + starts[i],
                                        starts[i + 1] - starts[i], out + starts[i]});
    leave(together);
}

typedef struct { /* a call of `nearest`; room for what is worked out of each query before any vector is looked at */
    const Index *index;
    int64_t wanted, likely;
    float *centred, *turned, *sample; /* (count, dimension) each, and room for `floor_for` */
    uint64_t *planes;                 /* (count, PLANES, words of a sketch) */
    Seeker *seekers;                  /* (count), or 2 where the companion takes half of the vectors */
} Call;

/* Returns 0, or 1 without memory. */
static int make_room(Call *call, int64_t count, int64_t seekers) {
    size_t dimension = (size_t)call->index->dimension, floats = 2 * (size_t)count * dimension + SAMPLED * BLOCK + LANES;
    size_t words = (size_t)count * PLANES * dimension / 64;
    char *memory = calloc(1, (size_t)seekers * sizeof(Seeker) + words * sizeof(uint64_t) + floats * sizeof(float));
    if (!memory) return 1;
    call->seekers = (Seeker *)memory;
    call->planes = (uint64_t *)(call->seekers + seekers);
    call->centred = (float *)(call->planes + words);
    call->turned = call->centred + (size_t)count * dimension;
    call->sample = call->turned + (size_t)count * dimension;
    return 0;
}

static void give_back(const Call *call, int64_t seekers) {
    for (int64_t i = 0; i < seekers && call->seekers; i++) free(call->seekers[i].best.scores);
    free(call->seekers);
}

/* Have a seeker of query i set out; returns 0, or 1 without memory. */
static int set_out(const Call *call, int64_t i, const uint8_t *passed, Seeker *seeker) {
    const Index *index = call->index;
    int dimension = index->dimension, words = index->words, others = dimension / 64 - words;
    const float *turned = call->turned + i * dimension;
    uint64_t *planes = call->planes + i * PLANES * (words + others);
    float step = step_for(turned, dimension), scale = (float)(words + others) / (float)words;
    seeker->halves[0] = halve(turned, words, step, planes);
    seeker->halves[1] = halve(turned + words * 64, others, step, planes + PLANES * words);
    seeker->passed = passed;
    /* A number that the compiler knows unrolls the loops over the words: 3 of 384 dimensions. */
    seeker->floor = words == 3 ? floor_for(index, seeker->halves, 3, scale, passed, call->wanted, call->sample)
                               : floor_for(index, seeker->halves, words, scale, passed, call->wanted, call->sample);
    return begin(&seeker->best, call->likely, index->documents, -INFINITY);
}

/* All of them; returns 0, or 1 without memory. */
static int set_all_out(const Call *call, int together, const float *queries, const uint8_t *const *passed, int64_t count) {
    turn(together, queries, (Turning){call->index, count, call->centred, call->turned});
    for (int64_t i = 0; i < count; i++)
        if (set_out(call, i, passed[i], call->seekers + i)) return 1;
    if (!together) return 0;
    call->seekers[1] = call->seekers[0];
    return begin(&call->seekers[1].best, call->likely, call->index->documents, -INFINITY);
}

static void seek(const Index *index, int64_t start, int64_t stop, Seeker *seekers, int64_t count) {
    int words = index->words, others = index->dimension / 64 - words;
    if (words == 3 && others == 3) sift(index, 3, 3, start, stop, seekers, count);
    else sift(index, words, others, start, stop, seekers, count);
    for (int64_t i = 0; i < count; i++) cut(&seekers[i].best);
}

/* Part i: the only query's seeker i among the i-th half of the vectors. */
static void seek_half(void *call, int first, int stop, int thread) {
    const Call *of = call;
    int64_t blocks = (of->index->documents + BLOCK - 1) / BLOCK, half = (blocks + 1) / 2;
    (void)thread;
    for (int i = first; i < stop; i++) seek(of->index, i ? half : 0, i ? blocks : half, of->seekers + i, 1);
}

/* All seekers among all vectors; the best of each query are then those of its own seeker. */
static void seek_all(Call *call, int together, int64_t count) {
    if (!together) {
        seek(call->index, 0, (call->index->documents + BLOCK - 1) / BLOCK, call->seekers, count);
        return;
    }
    share(together, seek_half, call, 2, 1);
    join(&call->seekers[0].best, &call->seekers[1].best);
}

/* Put products in the place of the estimates of `best`, and keep the `depth` highest; `found` is room for them all. */
static void multiply_out(int together, const Index *index, const float *query, int64_t depth, Best *best, int64_t *found) {
    if (best->count <= depth) return;
    for (int64_t i = 0; i < best->count; i++) found[i] = best->documents[i];
    multiply_all(together, (Wanted){index->vectors, index->dimension, query, found, best->count, best->scores});
    best->depth = depth;
}

/* For each of `count` queries (count, dimension) the `depth` nearest of those that passed[i] (NULL: all), ascending: of
 * some `wanted` by half of the sketches `likely` >= `depth` by whole ones, and of these by products. found (count, likely),
 * of which counts[i] are filled. Returns 0, or 1 without memory. */
int nearest(const Index *index, const float *queries, const uint8_t *const *passed, int64_t count, int64_t wanted,
            int64_t likely, int64_t depth, int64_t *found, int64_t *counts) {
    int together = enter(count == 1);
    int64_t seekers = together ? 2 : count;
    Call call = {.index = index, .wanted = wanted, .likely = likely};
    int failed = make_room(&call, count, seekers) || set_all_out(&call, together, queries, passed, count);
    if (!failed) seek_all(&call, together, count);
    for (int64_t i = 0; i < count && !failed; i++) {
        Best *best = &call.seekers[i].best;
        multiply_out(together, index, queries + i * index->dimension, depth, best, found + i * likely);
        counts[i] = collect(best, found + i * likely);
    }
    leave(together);
    give_back(&call, seekers);
    return failed;
}
