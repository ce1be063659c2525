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

typedef struct { /* a question */
    const int32_t *tokens;
    int64_t token_count;
    const int64_t *terms;
    int64_t term_count;
    const uint8_t *passed;         /* NULL: all */
    const double *shares;          /* (depth + 1), of each ranking; the pantry's is its score / `best` */
    double best;
    const float *given[GIVEN];     /* (documents), NULL what it has not */
    const int64_t *leading[GIVEN]; /* the best of these, ascending */
    int64_t leading_counts[GIVEN];
} Asked;

typedef struct { /* room for all questions: what is found of all at once */
    int32_t *tokens, *starts;    /* one behind the other, (questions + 1) */
    const uint8_t **passed;      /* (questions) */
    float *vectors;              /* (questions, dimension) */
    int64_t *near, *near_counts; /* (questions, likely), (questions) */
    int64_t *read, *merged;      /* and for one after the other: (depth), (room) */
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
static int see(const Holdings *holdings, const Asked *asked, int64_t i, Room room, Sight *sight) {
    int64_t count, terms[2] = {0, asked->term_count};
    if (sum(holdings->postings, asked->terms, terms, 1, room.words, &asked->passed, holdings->documents, holdings->depth, room.read, &count))
        return 1;
    sight->count = merge(room.near + i * holdings->likely, room.near_counts[i], room.read, count, sight->documents);
    for (int g = 0; g < GIVEN; g++)
        if (asked->given[g]) add(sight, asked->leading[g], asked->leading_counts[g], room.merged);
    int64_t every[2] = {0, sight->count};
    products(holdings->vectors, holdings->dimension, sight->documents, every, 1, room.vectors + i * holdings->dimension, sight->scores);
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

/* All of it at `memory`; where that is NULL only how many bytes it takes. */
static size_t lay_out(const Holdings *holdings, const Asked *asked, int64_t count, int64_t room, char *memory, Room *laid) {
    int64_t tokens = 0;
    for (int64_t i = 0; i < count; i++) tokens += asked[i].token_count;
    uintptr_t next = (uintptr_t)memory;
#define PART(NAME, ITEMS) laid->NAME = (void *)next, next += rounded(sizeof *laid->NAME * (size_t)(ITEMS))
    PART(tokens, tokens);
    PART(starts, count + 1);
    PART(passed, count);
    PART(vectors, count * holdings->dimension);
    PART(near, count * holdings->likely);
    PART(near_counts, count);
    PART(read, holdings->depth);
    PART(merged, room);
    PART(words, holdings->documents);
#undef PART
    return (size_t)(next - (uintptr_t)memory);
}

/* The vectors of all questions, in the room for them; returns 0, or 1 without memory. */
static int encode_all(const Holdings *holdings, const Asked *asked, int64_t count, Room room) {
    room.starts[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(room.tokens + room.starts[i], asked[i].tokens, sizeof(int32_t) * (size_t)asked[i].token_count);
        room.starts[i + 1] = room.starts[i] + (int32_t)asked[i].token_count;
    }
    return encode(holdings->model, room.tokens, room.starts, (int)count, room.vectors);
}

static int find_nearest(const Holdings *holdings, const Asked *asked, int64_t count, Room room) {
    for (int64_t i = 0; i < count; i++) room.passed[i] = asked[i].passed;
    return nearest(holdings->index, room.vectors, room.passed, count, holdings->wanted, holdings->likely, holdings->depth,
                   room.near, room.near_counts);
}

/* For each of `count` questions what is `seen`: the documents that a ranking may rank, ascending, and their scores by each,
 * (RANKINGS, room) floats, of which those that it has are filled; of all its vectors, (count, dimension). What is seen of
 * the next question stands `room` further on.
 *
 * Where `k` is not 0 none of that is told, but the best `k`: `out` has (count, 2 + 3 * RANKINGS, k) numbers of 8 bytes,
 * documents and totals, and what the rankings gave them, the pantry's first, only those that it has: ranks, shares and
 * scores. Behind these, of either, come how many there are of each question, and the seconds that encoding, searching and
 * fusing took. Returns 0, or 1 without memory. */
int look(const Holdings *holdings, const Asked *asked, int64_t count, int64_t k, double *out, float *vectors, int64_t *documents,
         float *scores) {
    int64_t room = RANKINGS * holdings->depth, block = (2 + 3 * RANKINGS) * k;
    int64_t *counts = (int64_t *)(out + count * block);
    double *seconds = out + count * block + count, fusing = 0.0, begun = now();
    Room rooms;
    size_t bytes = lay_out(holdings, asked, count, room, NULL, &rooms);
    size_t own = k ? rounded((size_t)room * (sizeof(int64_t) + RANKINGS * sizeof(float))) : 0;
    char *memory = aligned_alloc(64, bytes + own);
    if (!memory) return 1;
    lay_out(holdings, asked, count, room, memory, &rooms);
    if (k) documents = (int64_t *)(memory + bytes), scores = (float *)(documents + room);
    int failed = encode_all(holdings, asked, count, rooms);
    if (vectors) memcpy(vectors, rooms.vectors, sizeof(float) * (size_t)(count * holdings->dimension));
    double encoded = now();
    failed = failed || find_nearest(holdings, asked, count, rooms);
    for (int64_t i = 0; i < count && !failed; i++) {
        int64_t place = k ? 0 : i;
        Sight sight = {documents + place * room, 0, scores + place * RANKINGS * room, room};
        failed = see(holdings, asked + i, i, rooms, &sight);
        counts[i] = sight.count;
        if (failed || !k) continue;
        double seen = now();
        counts[i] = fuse_seen(holdings, asked + i, &sight, k, (int64_t *)out + i * block);
        failed = counts[i] < 0;
        fusing += now() - seen;
    }
    seconds[0] = encoded - begun;
    seconds[1] = now() - encoded - fusing;
    seconds[2] = fusing;
    free(memory);
    return failed;
}
