/* Questions from their tokens to what is found, in one call: between two calls another thread may take the interpreter,
 * and mostly does. */
#define _GNU_SOURCE
#include "steps.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GIVEN 2 /* rankings that are given: by Spanish words, and of a pantry the share that a recipe has */
#define PANTRY 1
#define RANKINGS (2 + GIVEN) /* by meaning and by words before them */

typedef struct { /* what is looked at, and how many are looked for; see `nearest` */
    const Model *model;
    const Index *index;
    const Postings *postings;
    const uint16_t *vectors; /* float16 (documents, dimension) */
    int64_t dimension, documents, wanted, likely, depth;
} Holdings;

typedef struct { /* a question besides its tokens and terms */
    const uint8_t *passed;           /* NULL: all */
    const float *given[GIVEN];       /* (documents), NULL what it has not */
    const int64_t *leading[GIVEN];   /* the best of these, ascending */
    int64_t leading_counts[GIVEN];
    const double *shares;            /* (depth + 1), of each ranking; the pantry's is its score / `best` */
    double best;
} Asked;

typedef struct { /* room for one question after the other, but for the nearest, which are found of all at once */
    int64_t *near, *near_counts; /* (questions, likely), (questions) */
    int64_t *read, *merged;      /* (depth), and what `documents` takes */
    float *words;                /* (documents) */
} Room;

typedef struct { /* what becomes of one question */
    int64_t *documents, count; /* ascending */
    float *scores;             /* (RANKINGS, room) */
    int64_t room;
} Sight;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* What is in one or the other, both ascending; without a branch on which. */
static int64_t merge(const int64_t *left, int64_t count, const int64_t *right, int64_t others, int64_t *out) {
    int64_t i = 0, j = 0, merged = 0;
    while (i < count && j < others) {
        int64_t one = left[i], other = right[j];
        out[merged++] = one < other ? one : other;
        i += one <= other;
        j += other <= one;
    }
    memcpy(out + merged, left + i, sizeof(int64_t) * (size_t)(count - i));
    memcpy(out + merged + count - i, right + j, sizeof(int64_t) * (size_t)(others - j));
    return merged + count - i + others - j;
}

static void add(Sight *sight, const int64_t *documents, int64_t count, int64_t *merged) {
    int64_t total = merge(sight->documents, sight->count, documents, count, merged);
    memcpy(sight->documents, merged, sizeof(int64_t) * (size_t)total);
    sight->count = total;
}

static void pick(const float *of_all, const Sight *sight, float *scores) {
    for (int64_t i = 0; i < sight->count; i++) scores[i] = of_all[sight->documents[i]];
}

/* The documents that question i is worth looking at, and their scores; returns 0, or 1 without memory. */
static int see(const Holdings *holdings, const Asked *asked, int64_t i, const float *vector, const int64_t *terms,
               const int64_t *term_starts, Room room, Sight *sight) {
    int64_t count;
    if (sum(holdings->postings, terms, term_starts + i, 1, room.words, &asked->passed, holdings->documents, holdings->depth, room.read, &count))
        return 1;
    sight->count = merge(room.near + i * holdings->likely, room.near_counts[i], room.read, count, sight->documents);
    for (int g = 0; g < GIVEN; g++)
        if (asked->given[g]) add(sight, asked->leading[g], asked->leading_counts[g], room.merged);
    int64_t every[2] = {0, sight->count};
    products(holdings->vectors, holdings->dimension, sight->documents, every, 1, vector, sight->scores);
    pick(room.words, sight, sight->scores + sight->room);
    for (int g = 0; g < GIVEN; g++)
        if (asked->given[g]) pick(asked->given[g], sight, sight->scores + (2 + g) * sight->room);
    return 0;
}

/* The best `k` of them; see `look`. Returns how many, or -1 without memory. */
static int64_t fuse_seen(const Holdings *holdings, const Asked *asked, const Sight *sight, int64_t k, int64_t *found) {
    const float *scores[RANKINGS], *by_row[RANKINGS], floors[RANKINGS] = {-INFINITY};
    const double *shares[RANKINGS];
    const float *bonus = asked->given[PANTRY] ? sight->scores + (2 + PANTRY) * sight->room : NULL;
    int64_t rankings = 0, rows = 0;
    if (bonus) by_row[rows++] = bonus;
    for (int r = 0; r < RANKINGS - 1; r++) {
        if (r >= 2 && !asked->given[r - 2]) continue;
        by_row[rows++] = scores[rankings] = sight->scores + r * sight->room;
        shares[rankings++] = asked->shares;
    }
    double *reals = (double *)found;
    int64_t *ranks = found + 2 * k;
    double *portions = reals + (2 + RANKINGS) * k, *raw = portions + RANKINGS * k;
    int64_t kept = fuse(sight->count, rankings, scores, floors, shares, bonus, asked->best, holdings->depth, k, found, reals + k,
                        ranks, portions);
    for (int64_t i = 0; i < kept; i++) {
        for (int64_t r = 0; r < rows; r++) raw[r * k + i] = (double)by_row[r][found[i]];
        found[i] = sight->documents[found[i]];
    }
    return kept;
}

static int make_room(const Holdings *holdings, int64_t count, int64_t room, Room *made) {
    size_t whole = (size_t)(count * holdings->likely + count + holdings->depth + room);
    made->near = malloc(sizeof(int64_t) * whole + sizeof(float) * (size_t)(holdings->documents + 1));
    if (!made->near) return 1;
    made->near_counts = made->near + count * holdings->likely;
    made->read = made->near_counts + count;
    made->merged = made->read + holdings->depth;
    made->words = (float *)(made->merged + room);
    return 0;
}

static int find_nearest(const Holdings *holdings, const Asked *asked, int64_t count, const float *vectors, Room room) {
    const uint8_t **passed = malloc(sizeof *passed * (size_t)(count + 1));
    if (!passed) return 1;
    for (int64_t i = 0; i < count; i++) passed[i] = asked[i].passed;
    int failed = nearest(holdings->index, vectors, passed, count, holdings->wanted, holdings->likely, holdings->depth, room.near, room.near_counts);
    free(passed);
    return failed;
}

/* For each of `count` questions, of tokens ids[starts[i]:starts[i + 1]] and terms[term_starts[i]:term_starts[i + 1]]: its
 * vector, (count, dimension); the documents that a ranking may rank, ascending, and their scores by each, (RANKINGS, room)
 * floats, of which those that it has are filled. room >= (2 + GIVEN) * depth. What becomes of the next question stands
 * `room` further on, or in the same place where `k` is not 0.
 *
 * Then its best `k` are found, (2 + 3 * RANKINGS, k) numbers of 8 bytes: documents and totals, and what the rankings gave
 * them, the pantry's first, only those that it has: ranks, shares and scores. counts[i] is how many of either there are.
 * `seconds` are what encoding, searching and fusing took. Returns 0, or 1 without memory. */
int look(const Holdings *holdings, const Asked *asked, int64_t count, const int32_t *ids, const int32_t *starts, const int64_t *terms,
         const int64_t *term_starts, float *vectors, int64_t *documents, float *scores, int64_t room, int64_t k, int64_t *found,
         int64_t *counts, double *seconds) {
    Room rooms;
    if (make_room(holdings, count, room, &rooms)) return 1;
    double begun = now();
    int failed = encode(holdings->model, ids, starts, (int)count, vectors);
    double encoded = now(), fusing = 0.0;
    failed = failed || find_nearest(holdings, asked, count, vectors, rooms);
    for (int64_t i = 0; i < count && !failed; i++) {
        int64_t place = k ? 0 : i;
        Sight sight = {documents + place * room, 0, scores + place * RANKINGS * room, room};
        failed = see(holdings, asked + i, i, vectors + i * holdings->dimension, terms, term_starts, rooms, &sight);
        counts[i] = sight.count;
        if (failed || !k) continue;
        double seen = now();
        counts[i] = fuse_seen(holdings, asked + i, &sight, k, found + i * (2 + 3 * RANKINGS) * k);
        failed = counts[i] < 0;
        fusing += now() - seen;
    }
    seconds[0] = encoded - begun;
    seconds[1] = now() - encoded - fusing;
    seconds[2] = fusing;
    free(rooms.near);
    return failed;
}
