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

INLINE __m512 exponential(__m512 x) { /* relative error < 1e-6 in [-87, 88] */
    x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.0f)), _mm512_set1_ps(-87.0f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

INLINE __m512 gelu(__m512 x) { /* x * Phi(x); erf by Abramowitz and Stegun 7.1.26, error < 1.5e-7 */
    __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678f));
    __m512 t = _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1.0f)));
    __m512 p = _mm512_set1_ps(1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592f));
    __m512 tail = _mm512_mul_ps(_mm512_mul_ps(p, t), exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z))));
    /* Phi(x) = 1 - tail / 2 for x >= 0, tail / 2 below */
    __m512 half = _mm512_mul_ps(tail, _mm512_set1_ps(0.5f));
    __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    return _mm512_mul_ps(x, _mm512_mask_blend_ps(below, _mm512_sub_ps(_mm512_set1_ps(1.0f), half), half));
}

static void quantise(const float *x, const float *inverse, int rows, int width, Quantised out) {
    for (int row = 0; row < rows; row++) {
        const float *from = x + (size_t)row * width;
        uint8_t *to = out.values + (size_t)row * width;
        __m512 low = _mm512_setzero_ps(), high = _mm512_setzero_ps();
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_mul_ps(_mm512_loadu_ps(from + c), _mm512_loadu_ps(inverse + c));
            low = _mm512_min_ps(low, v);
            high = _mm512_max_ps(high, v);
        }
        float least = _mm512_reduce_min_ps(low), range = _mm512_reduce_max_ps(high) - least;
        float scale = range > 0 ? range / 255.0f : 1.0f, zero = rintf(-least / scale);
        __m512 factor = _mm512_set1_ps(1.0f / scale);
        __m512i shift = _mm512_set1_epi32((int)zero);
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_mul_ps(_mm512_loadu_ps(from + c), _mm512_loadu_ps(inverse + c));
            __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(v, factor)), shift);
            _mm_storeu_si128((__m128i *)(to + c), _mm512_cvtusepi32_epi8(_mm512_max_epi32(q, _mm512_setzero_si512())));
        }
        out.scales[row] = scale;
        out.zeros[row] = zero;
    }
}

/* rows x 64 outputs. `rows` and `active` are constants after inlining, so that the accumulators are registers. */
INLINE void block(int rows, int active, const uint8_t *a, int width, const float *scales, const float *zeros,
                  const int8_t *panel, const float *unit, const float *offset, const float *bias, float *out, int stride) {
    __m512i sums[ROWS][4];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) sums[r][j] = _mm512_setzero_si512();
    for (int k = 0; k < width; k += 4, panel += 4 * COLUMNS) {
        __m512i b[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) b[j] = _mm512_load_si512(panel + 64 * j);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, a + (size_t)r * width + k, 4);
            __m512i input = _mm512_set1_epi32(four);
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) /* the intrinsic makes gcc 12 spill */
                __asm__("vpdpbusd %2, %1, %0" : "+v"(sums[r][j]) : "v"(input), "v"(b[j]));
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) {
        __m512 scale = _mm512_set1_ps(scales[r]), zero = _mm512_set1_ps(zeros[r]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][j]), _mm512_loadu_ps(unit + 16 * j));
            value = _mm512_fnmadd_ps(zero, _mm512_loadu_ps(offset + 16 * j), value);
            value = _mm512_fmadd_ps(value, scale, _mm512_loadu_ps(bias + 16 * j));
            _mm512_storeu_ps(out + (size_t)r * stride + 16 * j, active ? gelu(value) : value);
        }
    }
}

#define CASE(N) \
    case N: block(N, active, a, width, s, z, panel, unit + p, offset + p, bias + p, o, outputs); break;

INLINE void multiply(Cursor *at, int active, const float *x, int rows, int width, int outputs, Quantised room, float *out) {
    const float *inverse = at->floats, *unit = inverse + width, *offset = unit + outputs, *bias = offset + outputs;
    quantise(x, inverse, rows, width, room);
    for (int p = 0; p < outputs; p += COLUMNS) {
        const int8_t *panel = at->weights + (size_t)p * width;
        for (int row = 0; row < rows; row += ROWS) {
            const uint8_t *a = room.values + (size_t)row * width;
            const float *s = room.scales + row, *z = room.zeros + row;
            float *o = out + (size_t)row * outputs + p;
            switch (rows - row) {
                CASE(1) CASE(2) CASE(3) CASE(4) CASE(5)
                default: block(ROWS, active, a, width, s, z, panel, unit + p, offset + p, bias + p, o, outputs);
            }
        }
    }
    at->weights += (size_t)outputs * width;
    at->floats = bias + outputs;
}

static void linear(Cursor *at, const float *x, int rows, int width, int outputs, Quantised room, float *out) {
    multiply(at, 0, x, rows, width, outputs, room, out);
}

static void linear_gelu(Cursor *at, const float *x, int rows, int width, int outputs, Quantised room, float *out) {
    multiply(at, 1, x, rows, width, outputs, room, out);
}

static void add_and_normalise(Cursor *at, float *x, const float *added, int rows, int width, float epsilon) {
    const float *gain = at->floats, *bias = gain + width;
    for (int row = 0; row < rows; row++, x += width) {
        __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_loadu_ps(x + c);
            if (added) v = _mm512_add_ps(v, _mm512_loadu_ps(added + (size_t)row * width + c));
            _mm512_storeu_ps(x + c, v);
            sum = _mm512_add_ps(sum, v);
        }
        float mean = _mm512_reduce_add_ps(sum) / (float)width;
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + c), _mm512_set1_ps(mean));
            squares = _mm512_fmadd_ps(v, v, squares);
        }
        float inverse = 1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)width + epsilon);
        for (int c = 0; c < width; c += 16) {
            __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + c), _mm512_set1_ps(mean)), _mm512_set1_ps(inverse));
            _mm512_storeu_ps(x + c, _mm512_fmadd_ps(v, _mm512_loadu_ps(gain + c), _mm512_loadu_ps(bias + c)));
        }
    }
    at->floats = bias + width;
}

/* One text, one head: qkv (tokens, 3 hidden) from the head's first query on; `keys` takes (size, padded tokens). */
static void attend(const float *qkv, int stride, int hidden, int size, int tokens, float *keys, float *shares, float *out) {
    int padded = (tokens + 15) & ~15;
    float root = 1.0f / sqrtf((float)size);
    memset(keys, 0, sizeof(float) * (size_t)size * padded);
    for (int t = 0; t < tokens; t++)
        for (int d = 0; d < size; d++) keys[(size_t)d * padded + t] = qkv[(size_t)t * stride + hidden + d] * root;
    for (int t = 0; t < tokens; t++) {
        const float *query = qkv + (size_t)t * stride;
        __m512 most = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
        for (int j = 0; j < padded; j += 16) {
            __m512 score = _mm512_setzero_ps();
            for (int d = 0; d < size; d++)
                score = _mm512_fmadd_ps(_mm512_set1_ps(query[d]), _mm512_loadu_ps(keys + (size_t)d * padded + j), score);
            __mmask16 real = j + 16 <= tokens ? 0xffff : (__mmask16)((1u << (tokens - j)) - 1);
            score = _mm512_mask_blend_ps(real, _mm512_set1_ps(-INFINITY), score);
            _mm512_storeu_ps(shares + j, score);
            most = _mm512_max_ps(most, score);
        }
        __m512 best = _mm512_set1_ps(_mm512_reduce_max_ps(most));
        for (int j = 0; j < padded; j += 16) {
            __m512 share = exponential(_mm512_sub_ps(_mm512_loadu_ps(shares + j), best));
            _mm512_storeu_ps(shares + j, share);
            total = _mm512_add_ps(total, j + 16 <= tokens ? share : _mm512_maskz_mov_ps((__mmask16)((1u << (tokens - j)) - 1), share));
        }
        float inverse = 1.0f / _mm512_reduce_add_ps(total);
        for (int d = 0; d < size; d += 16) {
            __m512 sum = _mm512_setzero_ps();
            for (int j = 0; j < tokens; j++)
                sum = _mm512_fmadd_ps(_mm512_set1_ps(shares[j]), _mm512_loadu_ps(qkv + (size_t)j * stride + 2 * hidden + d), sum);
            _mm512_storeu_ps(out + (size_t)t * hidden + d, _mm512_mul_ps(sum, _mm512_set1_ps(inverse)));
        }
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
    size_t padded = (size_t)((longest + 15) & ~15), wide = (size_t)(inner > 3 * hidden ? inner : 3 * hidden);
    size_t sizes[7] = {
        rounded(sizeof(float) * tokens * hidden),  rounded(sizeof(float) * tokens * wide), rounded(sizeof(float) * tokens * hidden),
        rounded((size_t)tokens * inner),           rounded(2 * sizeof(float) * tokens),    rounded(sizeof(float) * size * padded),
        rounded(sizeof(float) * padded),
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
        linear(&at, x, tokens, hidden, 3 * hidden, room, wide_x);
        for (int text = 0; text < texts; text++)
            for (int head = 0; head < model->heads; head++)
                attend(wide_x + (size_t)starts[text] * 3 * hidden + head * size, 3 * hidden, hidden, size,
                       starts[text + 1] - starts[text], keys, shares, narrow + (size_t)starts[text] * hidden + head * size);
        linear(&at, narrow, tokens, hidden, hidden, room, wide_x);
        add_and_normalise(&at, x, wide_x, tokens, hidden, model->epsilon);
        linear_gelu(&at, x, tokens, hidden, inner, room, wide_x);
        linear(&at, wide_x, tokens, inner, hidden, room, narrow);
        add_and_normalise(&at, x, narrow, tokens, hidden, model->epsilon);
    }
    pool(x, hidden, starts, texts, out);
    free(memory);
    return 0;
}
