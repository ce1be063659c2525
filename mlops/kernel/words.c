/* The highest of many scores, and BM25 as a sum of finished scores, for CPUs with AVX-512. */
#include "companion.h"
#include "selection.h"
#include "steps.h"

#define CHUNK 16384 /* documents whose scores are added up and looked at while they are in the second cache */

/* The `depth` documents of highest score among those that `passed` (NULL: all) and exceed `floor`, ascending; all
 * where they are fewer. A tie at the edge goes to the lower document. `found` takes `depth`; returns how many, or -1
 * where there is no memory. */
int64_t top(const float *scores, const uint8_t *passed, int64_t documents, float floor, int64_t depth, int64_t *found) {
    Best best;
    if (begin(&best, depth, documents, floor)) return -1;
    take(&best, scores, passed, 0, documents, documents);
    return end(&best, found);
}

struct Postings { /* what each term gives to the documents that have it, term after term (CSC) */
    const int64_t *starts;   /* (terms + 1) */
    const int32_t *documents; /* ascending for each term */
    const float *values;
};

typedef struct { /* one question's terms */
    const Postings *postings;
    const int64_t *terms;
    int64_t count, documents, depth;
    const uint8_t *passed;
    float *scores; /* (documents) */
    int64_t *at;   /* (2, count): the next posting of each term, for each half of the documents */
    Best halves[2];
} Question;

/* The first of a term's postings from which on there are no documents before `start`. */
static int64_t first_from(const Postings *postings, int64_t term, int64_t start) {
    int64_t low = postings->starts[term], high = start ? postings->starts[term + 1] : low;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (postings->documents[middle] < start) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The scores of the documents from `start` up to `end`, and the best of them. What is no document is passed over. */
static void add_up(Question *of, int64_t start, int64_t end, int64_t *at, Best *best) {
    const Postings *postings = of->postings;
    for (int64_t i = 0; i < of->count; i++) at[i] = first_from(postings, of->terms[i], start);
    for (; start < end; start += CHUNK) {
        int64_t stop = start + CHUNK < end ? start + CHUNK : end;
        memset(of->scores + start, 0, sizeof(float) * (size_t)(stop - start));
        for (int64_t i = 0; i < of->count; i++) {
            int64_t next = at[i], last = postings->starts[of->terms[i] + 1];
            for (; next < last && postings->documents[next] < stop; next++)
                if (postings->documents[next] >= 0) of->scores[postings->documents[next]] += postings->values[next];
            at[i] = next;
        }
        if (of->depth) take(best, of->scores, of->passed, start, stop, of->documents);
    }
    cut(best);
}

/* Part i: the i-th half of the documents, which begins where a chunk does. */
static void add_up_half(void *question, int first, int stop, int thread) {
    Question *of = question;
    int64_t middle = (of->documents / CHUNK + 1) / 2 * CHUNK;
    if (middle > of->documents) middle = of->documents;
    (void)thread;
    for (int i = first; i < stop; i++)
        add_up(of, i ? middle : 0, i ? of->documents : middle, of->at + i * of->count, of->halves + i);
}

/* The sum of what the terms give, and of it the `depth` best above zero, as `top`: how many, or -1 without memory. */
static int64_t sum_of(int together, Question *of, int64_t *found) {
    int64_t count = -1;
    of->at = malloc(sizeof(int64_t) * (size_t)(2 * of->count + 1));
    int failed = !of->at;
    for (int i = 0; i < 1 + together; i++) failed |= begin(of->halves + i, of->depth, of->documents, 0.0f);
    if (!failed && together) {
        share(together, add_up_half, of, 2, 1);
        join(of->halves, of->halves + 1);
    } else if (!failed) {
        add_up(of, 0, of->documents, of->at, of->halves);
    }
    if (!failed) count = collect(of->halves, found);
    for (int i = 0; i < 1 + together; i++) free(of->halves[i].scores);
    free(of->at);
    return count;
}

/* For each of `count` questions scores (count, documents) by its terms, terms[starts[i]:starts[i + 1]], and the best of
 * those that passed[i]: found (count, depth), of which counts[i] are filled; `depth` 0 finds none. Returns 0, or 1 without
 * memory. */
int sum(const Postings *postings, const int64_t *terms, const int64_t *starts, int64_t count, float *scores,
        const uint8_t *const *passed, int64_t documents, int64_t depth, int64_t *found, int64_t *counts) {
    int together = enter(count == 1), failed = 0;
    for (int64_t i = 0; i < count && !failed; i++) {
        Question one = {.postings = postings, .terms = terms + starts[i], .count = starts[i + 1] - starts[i],
                        .documents = documents, .depth = depth, .passed = passed[i], .scores = scores + i * documents};
        counts[i] = sum_of(together, &one, found + i * depth);
        failed = counts[i] < 0;
    }
    leave(together);
    return failed;
}
