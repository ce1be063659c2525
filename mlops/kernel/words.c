/* The highest of many scores, and BM25 as a sum of finished scores, for CPUs with AVX-512. */
#include "selection.h"

#define CHUNK 16384 /* documents whose scores are added up and looked at while they are in the second cache */

/* The `depth` documents of highest score among those that `passed` (NULL: all) and exceed `floor`, in no order; all
 * where they are fewer. A tie at the edge goes to the lower document. `found` takes `depth`; returns how many, or -1
 * where there is no memory. */
int64_t top(const float *scores, const uint8_t *passed, int64_t documents, float floor, int64_t depth, int64_t *found) {
    Best best;
    if (begin(&best, depth, documents, floor)) return -1;
    take(&best, scores, passed, 0, documents, documents);
    return end(&best, found);
}

typedef struct { /* what each term gives to the documents that have it, term after term (CSC) */
    const int64_t *starts;   /* (terms + 1) */
    const int32_t *documents; /* ascending for each term */
    const float *values;
} Postings;

/* scores (documents) = the sum of what the `count` `terms` give, and of it the `depth` best above zero, as `top`.
 * `depth` 0 finds none. What is no document is passed over. */
static int64_t sum_of(const Postings *postings, const int64_t *terms, int64_t count, float *scores, const uint8_t *passed,
                      int64_t documents, int64_t depth, int64_t *found) {
    Best best;
    int64_t *at = malloc(sizeof(int64_t) * (size_t)(count + 1));
    if (!at || begin(&best, depth, documents, 0.0f)) {
        free(at);
        return -1;
    }
    for (int64_t i = 0; i < count; i++) at[i] = postings->starts[terms[i]];
    for (int64_t start = 0; start < documents; start += CHUNK) {
        int64_t stop = start + CHUNK < documents ? start + CHUNK : documents;
        memset(scores + start, 0, sizeof(float) * (size_t)(stop - start));
        for (int64_t i = 0; i < count; i++) {
            int64_t next = at[i], last = postings->starts[terms[i] + 1];
            for (; next < last && postings->documents[next] < stop; next++)
                if (postings->documents[next] >= 0) scores[postings->documents[next]] += postings->values[next];
            at[i] = next;
        }
        if (depth) take(&best, scores, passed, start, stop, documents);
    }
    free(at);
    return end(&best, found);
}

/* For each of `count` questions scores (count, documents) by its terms, terms[starts[i]:starts[i + 1]], and the best of
 * those that passed[i]: found (count, depth), of which counts[i] are filled. Returns 0, or 1 without memory. */
int sum(const Postings *postings, const int64_t *terms, const int64_t *starts, int64_t count, float *scores,
        const uint8_t *const *passed, int64_t documents, int64_t depth, int64_t *found, int64_t *counts) {
    for (int64_t i = 0; i < count; i++) {
        counts[i] = sum_of(postings, terms + starts[i], starts[i + 1] - starts[i], scores + i * documents, passed[i],
                           documents, depth, found + i * depth);
        if (counts[i] < 0) return 1;
    }
    return 0;
}
