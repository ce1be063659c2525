/* A BERT sentence encoder in 8 bit, for CPUs with AVX-512 VNNI, and in bfloat16, for those that have it too.
 *
 * Tokens of all texts of a call stand one after the other, without padding: the linear layers, where the time goes, see
 * one matrix (tokens, hidden). In 8 bit, weights are int8 with a scale for each output; inputs are uint8 with a scale and
 * a zero point for each token (dynamic quantisation), after dividing each channel by a constant chosen at build time
 * (Xiao et al. 2022, SmoothQuant). In 16 bit both are rounded off. Everything else is float32.
 * mlops/retrieval/encoder_layers.py lays out what this reads, in the same order.
 */
#include "attention.h"
#include "linear.h"
#include "steps.h"

struct Model {
    int32_t hidden, inner, heads, layers;
    int32_t wide; /* whether weights are of 16 bit */
    float epsilon;
    const uint16_t *words;  /* float16 (vocabulary, hidden) */
    const float *positions; /* (tokens, hidden), that of the only segment added */
    const uint8_t *weights; /* panels of all linear layers, int8 or bfloat16 */
    const float *floats;    /* vectors of all layers */
};

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

typedef struct { /* what the heads of all texts look at */
    const int32_t *starts;
    int hidden, heads;
    size_t padded; /* tokens of the longest text */
    const float *qkv;
    float *keys, *shares, *out; /* room for one thread after the other, and (tokens, hidden) */
} Heads;

/* Part i is head i % heads of text i / heads. */
static void attend_some(void *heads, int first, int stop, int thread) {
    const Heads *of = heads;
    int hidden = of->hidden, size = hidden / of->heads;
    float *keys = of->keys + thread * size * of->padded, *shares = of->shares + thread * QUERIES * of->padded;
    for (int part = first; part < stop; part++) {
        int text = part / of->heads, from = part % of->heads * size, start = of->starts[text];
        attend(of->qkv + (size_t)start * 3 * hidden + from, 3 * hidden, hidden, size, of->starts[text + 1] - start, keys, shares,
               of->out + (size_t)start * hidden + from);
    }
}

/* ids (starts[texts]); text i is ids[starts[i]:starts[i+1]], at least one token; out (texts, hidden).
 * Returns 0, or 1 where there is no memory. */
int encode(const Model *model, const int32_t *ids, const int32_t *starts, int texts, float *out) {
    int hidden = model->hidden, inner = model->inner, size = hidden / model->heads, tokens = starts[texts], longest = 0;
    for (int text = 0; text < texts; text++)
        if (starts[text + 1] - starts[text] > longest) longest = starts[text + 1] - starts[text];
    size_t padded = (size_t)((longest + 7) & ~7), widest = (size_t)(inner > 3 * hidden ? inner : 3 * hidden);
    size_t bytes = model->wide ? 2 : 1;
    void (*linear)(int, Cursor *, int, const float *, int, int, int, Inputs, float *) = model->wide ? linear_16 : linear_8;
    size_t sizes[7] = {
        rounded(sizeof(float) * tokens * hidden), rounded(sizeof(float) * tokens * widest), rounded(sizeof(float) * tokens * hidden),
        rounded(bytes * tokens * widest),         rounded(2 * sizeof(float) * tokens),      rounded(2 * sizeof(float) * size * padded),
        rounded(2 * QUERIES * sizeof(float) * padded),
    };
    size_t total = 0;
    for (int part = 0; part < 7; part++) total += sizes[part];
    char *memory = aligned_alloc(64, total), *next = memory;
    if (!memory) return 1;
    float *x = (float *)next, *wide_x = (float *)(next += sizes[0]), *narrow = (float *)(next += sizes[1]);
    Inputs room = {.values = (uint8_t *)(next += sizes[2])};
    room.scales = (float *)(next += sizes[3]);
    room.zeros = room.scales + tokens;
    float *keys = (float *)(next += sizes[4]), *shares = (float *)(next += sizes[5]);
    Heads heads = {starts, hidden, model->heads, padded, wide_x, keys, shares, narrow};
    Cursor at = {model->weights, model->floats};
    int together = enter(texts == 1);
    embed(model, &at, ids, starts, texts, x);
    for (int layer = 0; layer < model->layers; layer++) {
        linear(together, &at, 0, x, tokens, hidden, 3 * hidden, room, wide_x);
        share(together, attend_some, &heads, texts * model->heads, 2);
        linear(together, &at, 0, narrow, tokens, hidden, hidden, room, wide_x);
        add_and_normalise(&at, x, wide_x, tokens, hidden, model->epsilon);
        linear(together, &at, 1, x, tokens, hidden, inner, room, wide_x);
        linear(together, &at, 0, wide_x, tokens, inner, hidden, room, narrow);
        add_and_normalise(&at, x, narrow, tokens, hidden, model->epsilon);
    }
    pool(x, hidden, starts, texts, out);
    leave(together);
    free(memory);
    return 0;
}
