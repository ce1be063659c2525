/* The steps of a question, each by itself in the file that is named here, and all of them in looking.c. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What each array takes of a room for several: all begin where a line of the processor's cache does. */
static inline size_t rounded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

typedef struct Model Model;       /* encoder.c */
typedef struct Index Index;       /* sketches.h */
typedef struct Postings Postings; /* words.c */

/* encoder.c */
int encode(const Model *model, const int32_t *ids, const int32_t *starts, int texts, float *out);

/* search.c */
int nearest(const Index *index, const float *queries, const uint8_t *const *passed, int64_t count, int64_t wanted,
            int64_t likely, int64_t depth, int64_t *found, int64_t *counts);
void products(const uint16_t *vectors, int64_t dimension, const int64_t *documents, const int64_t *starts, int64_t count,
              const float *queries, float *out);

/* words.c */
int sum(const Postings *postings, const int64_t *terms, const int64_t *starts, int64_t count, float *scores,
        const uint8_t *const *passed, int64_t documents, int64_t depth, int64_t *found, int64_t *counts);

/* fusion.c */
int64_t fuse(int64_t documents, int64_t count, const float *const *scores, const float *floors, const double *const *shares,
             const float *bonus, double best, int64_t depth, int64_t k, int64_t *found, double *totals, int64_t *ranks,
             double *portions);
