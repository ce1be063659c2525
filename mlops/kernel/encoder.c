/* A BERT sentence encoder in 8 bit, for CPUs with AVX-512 VNNI.
 *
 * Tokens of all texts of a call stand one after the other, without padding: the linear layers, where the time goes, see
 * one matrix (tokens, hidden). Weights are int8 with a scale for each output; inputs are uint8 with a scale and a zero
 * point for each token (dynamic quantisation), after dividing each channel by a constant chosen at build time
 * (Xiao et al. 2022, SmoothQuant). Everything else is float32. quantised.py writes what this reads, in the same order.
 */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq,fma,f16c")
#pragma GCC optimize("O3")

#define ROWS 6     /* rows of a block: 6 x 4 accumulators, 4 weights and an input fit 32 registers */
#define COLUMNS 64 /* columns of a panel: 4 registers of 16 */
#define QUERIES 8  /* queries that look at the keys together: one sum alone would wait for each of its additions */
#define FOUR(OP, X) _mm512_##OP##_ps(_mm512_##OP##_ps(X[0], X[1]), _mm512_##OP##_ps(X[2], X[3]))
/* All 8 lanes become what they come to together. */
#define ACROSS(OP, X) \
    X = _mm256_##OP##_ps(X, _mm256_permute2f128_ps(X, X, 1)); \
    X = _mm256_##OP##_ps(X, _mm256_permute_ps(X, 0x4e)); \
    X = _mm256_##OP##_ps(X, _mm256_permute_ps(X, 0xb1))
/* A loop whose passes all are written out, so that arrays over it are registers. */
#define EACH(I, COUNT) _Pragma("GCC unroll 8") for (int I = 0; I < COUNT; I++)
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    int32_t hidden, inner, heads, layers;
    float epsilon;
    const uint16_t *words;  /* float16 (vocabulary, hidden) */
    const float *positions; /* (tokens, hidden), that of the only segment added */
    const int8_t *weights;  /* panels of all linear layers */
    const float *floats;    /* vectors of all layers */
} Model;

typedef struct { /* uint8 rows with a scale and a zero point each */
    uint8_t *values;
    float *scales, *zeros;
} Quantised;

typedef struct { /* where the next layer begins */
    const int8_t *weights;
    const float *floats;
} Cursor;

/* 2^x for x <= 0, relative error < 2e-7: this polynomial and gelu's are those whose greatest error is least, found by
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

/* x * Phi(x) = max(x, 0) - h(|x|), where h(t) = t * Phi(-t) is as good as 0 beyond 3.84. Error < 1.3e-4 for any x: of the
 * steps in which the next layer reads it, a hundredth on average. */
INLINE __m512 gelu(__m512 x) {
    __m512 t = _mm512_range_ps(x, _mm512_set1_ps(3.84f), 10); /* the lesser magnitude, as positive */
    __m512 p = _mm512_set1_ps(-0.000713087444f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0108318375f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0621907637f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.151587144f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0577092431f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.381857485f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.498622864f));
    return _mm512_fnmadd_ps(p, t, _mm512_max_ps(x, _mm512_setzero_ps()));
}

static void quantise(const float *x, const float *inverse, int rows, int width, Quantised out) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int row = 0; row < rows; row++) {
        const float *from = x + (size_t)row * width;
        uint8_t *to = out.values + (size_t)row * width;
        __m512 low[4] = {0}, high[4] = {0};
        for (int c = 0; c < width; c += 64)
            EACH(j, 4) {
                __m512 v = _mm512_mul_ps(_mm512_loadu_ps(from + c + 16 * j), _mm512_loadu_ps(inverse + c + 16 * j));
                low[j] = _mm512_min_ps(low[j], v);
                high[j] = _mm512_max_ps(high[j], v);
            }
        float least = _mm512_reduce_min_ps(FOUR(min, low));
        float most = _mm512_reduce_max_ps(FOUR(max, high));
        float scale = most > least ? (most - least) / 255.0f : 1.0f, zero = rintf(-least / scale);
        __m512 factor = _mm512_set1_ps(1.0f / scale), shift = _mm512_set1_ps(zero);
        for (int c = 0; c < width; c += 64) {
            __m512i q[4];
            EACH(j, 4) {
                __m512 v = _mm512_mul_ps(_mm512_loadu_ps(from + c + 16 * j), _mm512_loadu_ps(inverse + c + 16 * j));
                q[j] = _mm512_cvtps_epi32(_mm512_fmadd_ps(v, factor, shift));
            }
            /* saturating to 0..255; packing works in quarters of a register */
            __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(q[0], q[1]), _mm512_packs_epi32(q[2], q[3]));
            _mm512_storeu_si512(to + c, _mm512_permutexvar_epi32(order, bytes));
        }
        out.scales[row] = scale;
        out.zeros[row] = zero;
    }
}

/* How many of `left` rows to take next, at most `most`, so that all blocks are about as high. */
INLINE int next_rows(int left, int most) {
    int blocks = (left + most - 1) / most;
    return (left + blocks - 1) / blocks;
}

/* rows x 64 outputs. `rows` is a constant after inlining, so that the accumulators are registers. The last
 * block of a panel fetches the next panel, which is not in a near cache; asking for what is beyond the end is harmless. */
INLINE void block(int rows, int active, int last, const uint8_t *a, int width, const float *scales, const float *zeros,
                  const int8_t *panel, const float *unit, const float *offset, const float *bias, float *out, int stride) {
    __m512i sums[ROWS][4];
    EACH(r, rows)
        EACH(j, 4) sums[r][j] = _mm512_setzero_si512();
    for (int k = 0; k < width; k += 4, panel += 4 * COLUMNS) {
        __m512i b[4];
        if (last)
            EACH(j, 4) _mm_prefetch((const char *)panel + (size_t)COLUMNS * width + 64 * j, _MM_HINT_T1);
        EACH(j, 4) b[j] = _mm512_load_si512(panel + 64 * j);
        EACH(r, rows) {
            int32_t four;
            memcpy(&four, a + (size_t)r * width + k, 4);
            __m512i input = _mm512_set1_epi32(four);
            EACH(j, 4) /* the intrinsic makes gcc 12 spill */
                __asm__("vpdpbusd %2, %1, %0" : "+v"(sums[r][j]) : "v"(input), "v"(b[j]));
        }
    }
    EACH(j, 4) {
        __m512 u = _mm512_loadu_ps(unit + 16 * j), o = _mm512_loadu_ps(offset + 16 * j), b = _mm512_loadu_ps(bias + 16 * j);
        EACH(r, rows) {
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][j]), u);
            value = _mm512_fmadd_ps(_mm512_fnmadd_ps(_mm512_set1_ps(zeros[r]), o, value), _mm512_set1_ps(scales[r]), b);
            _mm512_storeu_ps(out + (size_t)r * stride + 16 * j, active ? gelu(value) : value);
        }
    }
}

#define CASE(N) \
    case N: block(N, active, last, a, width, s, z, panel, unit + p, offset + p, bias + p, o, outputs); break;

static void linear(Cursor *at, int active, const float *x, int rows, int width, int outputs, Quantised room, float *out) {
    const float *inverse = at->floats, *unit = inverse + width, *offset = unit + outputs, *bias = offset + outputs;
    quantise(x, inverse, rows, width, room);
    for (int p = 0; p < outputs; p += COLUMNS) {
        const int8_t *panel = at->weights + (size_t)p * width;
        for (int row = 0, taken; row < rows; row += taken) {
            const uint8_t *a = room.values + (size_t)row * width;
            const float *s = room.scales + row, *z = room.zeros + row;
            float *o = out + (size_t)row * outputs + p;
            taken = next_rows(rows - row, ROWS);
            int last = row + taken == rows;
            switch (taken) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(ROWS) }
        }
    }
    at->weights += (size_t)outputs * width;
    at->floats = bias + outputs;
}

static void add_and_normalise(Cursor *at, float *x, const float *added, int rows, int width, float epsilon) {
    const float *gain = at->floats, *bias = gain + width;
    for (int row = 0; row < rows; row++, x += width) {
        __m512 sums[4] = {0}, squares[4] = {0};
        for (int c = 0; c < width; c += 64)
            EACH(j, 4) {
                __m512 v = _mm512_loadu_ps(x + c + 16 * j);
                if (added) v = _mm512_add_ps(v, _mm512_loadu_ps(added + (size_t)row * width + c + 16 * j));
                _mm512_storeu_ps(x + c + 16 * j, v);
                sums[j] = _mm512_add_ps(sums[j], v);
            }
        __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(FOUR(add, sums)) / (float)width);
        for (int c = 0; c < width; c += 64)
            EACH(j, 4) {
                __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + c + 16 * j), mean);
                squares[j] = _mm512_fmadd_ps(v, v, squares[j]);
            }
        float variance = _mm512_reduce_add_ps(FOUR(add, squares)) / (float)width;
        __m512 inverse = _mm512_set1_ps(1.0f / sqrtf(variance + epsilon));
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + c), mean), inverse);
            _mm512_storeu_ps(x + c, _mm512_fmadd_ps(v, _mm512_loadu_ps(gain + c), _mm512_loadu_ps(bias + c)));
        }
    }
    at->floats = bias + width;
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

static void embed(const Model *model, Cursor *at, const int32_t *ids, const int32_t *starts, int texts, float *x) {
    int width = model->hidden;
    for (int text = 0; text < texts; text++)
        for (int t = starts[text]; t < starts[text + 1]; t++) {
            const uint16_t *word = model->words + (size_t)ids[t] * width;
            const float *position = model->positions + (size_t)(t - starts[text]) * width;
            for (int c = 0; c < width; c += 16)
                _mm512_storeu_ps(x + (size_t)t * width + c,
                                 _mm512_add_ps(_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(word + c))),
                                               _mm512_loadu_ps(position + c)));
        }
    add_and_normalise(at, x, NULL, starts[texts], width, model->epsilon);
}

static void pool(const float *x, int width, const int32_t *starts, int texts, float *out) {
    for (int text = 0; text < texts; text++, out += width) {
        __m512 squares = _mm512_setzero_ps();
        for (int c = 0; c < width; c += 16) { /* the mean's divisor goes with the norm */
            __m512 sum = _mm512_setzero_ps();
            for (int t = starts[text]; t < starts[text + 1]; t++)
                sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + (size_t)t * width + c));
            _mm512_storeu_ps(out + c, sum);
            squares = _mm512_fmadd_ps(sum, sum, squares);
        }
        float norm = sqrtf(_mm512_reduce_add_ps(squares));
        __m512 inverse = _mm512_set1_ps(1.0f / (norm > 1e-12f ? norm : 1e-12f));
        for (int c = 0; c < width; c += 16) _mm512_storeu_ps(out + c, _mm512_mul_ps(_mm512_loadu_ps(out + c), inverse));
    }
}

static size_t rounded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* ids (starts[texts]); text i is ids[starts[i]:starts[i+1]], at least one token; out (texts, hidden).
 * Returns 0, or 1 where there is no memory. */
int encode(const Model *model, const int32_t *ids, const int32_t *starts, int texts, float *out) {
    int hidden = model->hidden, inner = model->inner, size = hidden / model->heads, tokens = starts[texts], longest = 0;
    for (int text = 0; text < texts; text++)
        if (starts[text + 1] - starts[text] > longest) longest = starts[text + 1] - starts[text];
    size_t padded = (size_t)((longest + 7) & ~7), wide = (size_t)(inner > 3 * hidden ? inner : 3 * hidden);
    size_t sizes[7] = {
        rounded(sizeof(float) * tokens * hidden), rounded(sizeof(float) * tokens * wide), rounded(sizeof(float) * tokens * hidden),
        rounded(tokens * wide),                   rounded(2 * sizeof(float) * tokens),    rounded(sizeof(float) * size * padded),
        rounded(QUERIES * sizeof(float) * padded),
    };
    size_t total = 0;
    for (int part = 0; part < 7; part++) total += sizes[part];
    char *memory = aligned_alloc(64, total), *next = memory;
    if (!memory) return 1;
    float *x = (float *)next, *wide_x = (float *)(next += sizes[0]), *narrow = (float *)(next += sizes[1]);
    Quantised room = {.values = (uint8_t *)(next += sizes[2])};
    room.scales = (float *)(next += sizes[3]);
    room.zeros = room.scales + tokens;
    float *keys = (float *)(next += sizes[4]), *shares = (float *)(next += sizes[5]);
    Cursor at = {model->weights, model->floats};
    embed(model, &at, ids, starts, texts, x);
    for (int layer = 0; layer < model->layers; layer++) {
        linear(&at, 0, x, tokens, hidden, 3 * hidden, room, wide_x);
        for (int text = 0; text < texts; text++)
            for (int head = 0; head < model->heads; head++)
                attend(wide_x + (size_t)starts[text] * 3 * hidden + head * size, 3 * hidden, hidden, size,
                       starts[text + 1] - starts[text], keys, shares, narrow + (size_t)starts[text] * hidden + head * size);
        linear(&at, 0, narrow, tokens, hidden, hidden, room, wide_x);
        add_and_normalise(&at, x, wide_x, tokens, hidden, model->epsilon);
        linear(&at, 1, x, tokens, hidden, inner, room, wide_x);
        linear(&at, 0, wide_x, tokens, inner, hidden, room, narrow);
        add_and_normalise(&at, x, narrow, tokens, hidden, model->epsilon);
    }
    pool(x, hidden, starts, texts, out);
    free(memory);
    return 0;
}
