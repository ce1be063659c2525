/* Linear layers: weights of 8 or 16 bit, in panels of 64 outputs; inputs become as narrow when they come. */
#pragma once
#include "companion.h"
#include "registers.h"

#define ROWS 6     /* rows of a block: 6 x 4 accumulators, 4 weights and an input fit 32 registers */
#define COLUMNS 64 /* columns of a panel: 4 registers of 16 */

typedef struct { /* rows as a layer's products read them; scales and zero points where they are of 8 bit */
    uint8_t *values;
    float *scales, *zeros;
} Inputs;

typedef struct { /* where the next layer begins */
    const uint8_t *weights;
    const float *floats;
} Cursor;

/* x * Phi(x) = max(x, 0) - h(|x|), where h(t) = t * Phi(-t) is as good as 0 beyond 3.84. Error < 1.3e-4 for any x: of the
 * steps in which the next layer reads it, a hundredth on average. Found as `power` was. */
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

/* uint8 rows with a scale and a zero point each. */
static void quantise(const float *x, const float *inverse, int rows, int width, Inputs out) {
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

/* To the nearest bfloat16. */
static void round_off(const float *x, int rows, int width, Inputs out) {
    for (size_t c = 0; c < (size_t)rows * width; c += 32) {
        __m512i halves;
        __asm__("vcvtne2ps2bf16 %2, %1, %0"
                : "=v"(halves) : "v"(_mm512_loadu_ps(x + c + 16)), "v"(_mm512_loadu_ps(x + c)));
        _mm512_storeu_si512(out.values + 2 * c, halves);
    }
}

typedef struct { /* what makes outputs of sums: value = scale * (unit * sum - zero * offset) + bias; of 16 bit sum + bias */
    const float *unit, *offset, *bias;
} Finish;

/* rows x 64 outputs. `rows` and `wide` are constants after inlining, so that the accumulators are registers. `bytes` are
 * those of a row: four inputs of 8 bit or two of 16 take the same place. The last block of a panel fetches the next panel,
 * which is not in a near cache; asking for what is beyond the end is harmless. */
INLINE void block(int rows, int wide, int active, int last, const uint8_t *a, int bytes, const float *scales,
                  const float *zeros, const uint8_t *panel, Finish finish, float *out, int stride) {
    __m512i sums[ROWS][4];
    EACH(r, rows)
        EACH(j, 4) sums[r][j] = _mm512_setzero_si512();
    for (int k = 0; k < bytes; k += 4, panel += 4 * COLUMNS) {
        __m512i b[4];
        if (last)
            EACH(j, 4) _mm_prefetch((const char *)panel + (size_t)COLUMNS * bytes + 64 * j, _MM_HINT_T1);
        EACH(j, 4) b[j] = _mm512_load_si512(panel + 64 * j);
        EACH(r, rows) {
            int32_t few;
            memcpy(&few, a + (size_t)r * bytes + k, 4);
            __m512i input = _mm512_set1_epi32(few);
            EACH(j, 4) { /* the intrinsics make gcc 12 spill */
                if (wide) __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums[r][j]) : "v"(input), "v"(b[j]));
                else __asm__("vpdpbusd %2, %1, %0" : "+v"(sums[r][j]) : "v"(input), "v"(b[j]));
            }
        }
    }
    EACH(j, 4) {
        __m512 bias = _mm512_loadu_ps(finish.bias + 16 * j), unit = bias, offset = bias;
        if (!wide) unit = _mm512_loadu_ps(finish.unit + 16 * j), offset = _mm512_loadu_ps(finish.offset + 16 * j);
        EACH(r, rows) {
            __m512 value = _mm512_add_ps(_mm512_castsi512_ps(sums[r][j]), bias);
            if (!wide) {
                value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][j]), unit);
                value = _mm512_fnmadd_ps(_mm512_set1_ps(zeros[r]), offset, value);
                value = _mm512_fmadd_ps(value, _mm512_set1_ps(scales[r]), bias);
            }
            _mm512_storeu_ps(out + (size_t)r * stride + 16 * j, active ? gelu(value) : value);
        }
    }
}

#define CASE(N) \
    case N: block(N, wide, active, last, a, bytes, s, z, panel, of_panel, o, outputs); break;

typedef struct { /* a layer's products */
    Inputs in;
    int rows, bytes, outputs;
    const uint8_t *weights;
    Finish finish;
    float *out;
} Product;

INLINE void blocks(int wide, int active, const Product *of, int first, int stop) {
    int rows = of->rows, bytes = of->bytes, outputs = of->outputs;
    for (int p = first * COLUMNS; p < stop * COLUMNS; p += COLUMNS) {
        const uint8_t *panel = of->weights + (size_t)p * bytes;
        Finish of_panel = {of->finish.unit + p, of->finish.offset + p, of->finish.bias + p};
        for (int row = 0, taken; row < rows; row += taken) {
            const uint8_t *a = of->in.values + (size_t)row * bytes;
            const float *s = of->in.scales + row, *z = of->in.zeros + row;
            float *o = of->out + (size_t)row * outputs + p;
            taken = next_rows(rows - row, ROWS);
            int last = row + taken == rows;
            switch (taken) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(ROWS) }
        }
    }
}

#define PANELS(NAME, WIDE, ACTIVE) \
    static void NAME(void *product, int first, int stop, int thread) { \
        (void)thread; \
        blocks(WIDE, ACTIVE, product, first, stop); \
    }
PANELS(panels_8, 0, 0)
PANELS(active_panels_8, 0, 1)
PANELS(panels_16, 1, 0)
PANELS(active_panels_16, 1, 1)

/* All panels of a layer, a sixth of them at a time. */
static void multiply_all(int together, Work *panels, Product product) {
    int count = product.outputs / COLUMNS;
    share(together, panels, &product, count, (count + 5) / 6);
}

/* Inputs of 8 bit. */
static void linear_8(int together, Cursor *at, int active, const float *x, int rows, int width, int outputs, Inputs room, float *out) {
    const float *inverse = at->floats, *unit = inverse + width, *offset = unit + outputs, *bias = offset + outputs;
    quantise(x, inverse, rows, width, room);
    multiply_all(together, active ? active_panels_8 : panels_8,
                 (Product){room, rows, width, outputs, at->weights, {unit, offset, bias}, out});
    at->weights += (size_t)outputs * width;
    at->floats = bias + outputs;
}

/* Inputs of 16 bit. */
static void linear_16(int together, Cursor *at, int active, const float *x, int rows, int width, int outputs, Inputs room, float *out) {
    const float *bias = at->floats;
    round_off(x, rows, width, room);
    multiply_all(together, active ? active_panels_16 : panels_16,
                 (Product){room, rows, 2 * width, outputs, at->weights, {bias, bias, bias}, out});
    at->weights += (size_t)outputs * width * 2;
    at->floats = bias + outputs;
}
