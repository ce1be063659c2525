/* Reciprocal rank fusion, to the bit as mlops/retrieval/fusion.py has it: there stands what the numbers mean. */
#include "steps.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 4 /* of 8 bits */

typedef struct { /* what is ranked, and room for its ranks */
    int64_t documents, depth;
    uint64_t *keys, *others;
} Room;

/* ranks[d] from 1 for the `depth` highest scores above `floor`, of equal ones the first document first; else 0. A key is
 * the score, upside down as an integer, and the document; sorted by its digits, the lowest first. */
static void rank(const float *scores, float floor, Room room, int32_t *ranks) {
    uint32_t starts[DIGITS][256] = {0};
    int64_t count = 0;
    memset(ranks, 0, sizeof(int32_t) * (size_t)room.documents);
    for (int64_t i = 0; i < room.documents; i++) {
        if (!(scores[i] > floor)) continue;
        float falling = 0.0f - scores[i]; /* of 0 and -0 neither is higher */
        uint32_t bits;
        memcpy(&bits, &falling, sizeof bits);
        bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
        room.keys[count++] = (uint64_t)bits << 32 | (uint64_t)i;
        for (int digit = 0; digit < DIGITS; digit++) starts[digit][bits >> 8 * digit & 255]++;
    }
    for (int digit = 0; digit < DIGITS; digit++) {
        uint32_t next = 0;
        for (int value = 0; value < 256; value++) {
            uint32_t here = starts[digit][value];
            starts[digit][value] = next;
            next += here;
        }
        for (int64_t i = 0; i < count; i++)
            room.others[starts[digit][room.keys[i] >> (32 + 8 * digit) & 255]++] = room.keys[i];
        uint64_t *sorted = room.others;
        room.others = room.keys;
        room.keys = sorted;
    }
    for (int64_t i = 0; i < count && i < room.depth; i++) ranks[(uint32_t)room.keys[i]] = (int32_t)i + 1;
}

typedef struct {
    double score;
    int64_t document;
} Found;

static int by_score(const void *left, const void *right) {
    const Found *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->document < b->document ? -1 : a->document > b->document;
}

typedef struct {
    int64_t documents, count;
    const double *const *shares; /* (count, depth + 1): what each rank of each ranking adds */
    const int32_t *ranks;        /* (count, documents) */
    const float *bonus;          /* (documents), NULL where there is none */
    const int32_t *bonus_ranks;
    double best;
} Ranked;

/* Those that any ranking found and whose total is not below `least`. */
static int64_t collect(const Ranked *ranked, double least, Found *near) {
    int64_t kept = 0;
    for (int64_t i = 0; i < ranked->documents; i++) {
        double total = ranked->bonus ? (double)ranked->bonus[i] / ranked->best : 0.0;
        int found = ranked->bonus && ranked->bonus_ranks[i];
        for (int64_t r = 0; r < ranked->count; r++) {
            int32_t place = ranked->ranks[r * ranked->documents + i];
            found |= place != 0;
            total += ranked->shares[r][place];
        }
        if (found && total >= least) near[kept++] = (Found){total, i};
    }
    return kept;
}

/* `count` rankings of `documents`: scores[r] (documents), floors[r], shares[r] (depth + 1). `bonus` adds bonus / best. The
 * best `k` go to `found` and `totals`; `ranks` and `portions` (rankings, k) say what each ranking gave them, the bonus
 * first. Returns how many, or -1 without memory. */
int64_t fuse(int64_t documents, int64_t count, const float *const *scores, const float *floors, const double *const *shares,
             const float *bonus, double best, int64_t depth, int64_t k, int64_t *found, double *totals, int64_t *ranks,
             double *portions) {
    size_t size = (size_t)documents;
    Found *near = malloc(size * (sizeof(Found) + 2 * sizeof(uint64_t) + (size_t)(count + 1) * sizeof(int32_t)) + 1);
    if (!near) return -1;
    uint64_t *keys = (uint64_t *)(near + size);
    Room room = {documents, depth, keys, keys + size};
    int32_t *every = (int32_t *)(keys + 2 * size), *bonus_ranks = every + (size_t)count * size;
    double least = 0.0; /* whatever is among the first k of a ranking has at least this */
    for (int64_t r = 0; r < count; r++) {
        rank(scores[r], floors[r], room, every + r * documents);
        double added = shares[r][k < depth ? k : depth];
        if (added > least) least = added;
    }
    if (bonus) rank(bonus, 0.0f, room, bonus_ranks);
    Ranked ranked = {documents, count, shares, every, bonus, bonus_ranks, best};
    int64_t kept = collect(&ranked, least, near), before = bonus != NULL;
    if (kept < k) kept = collect(&ranked, -INFINITY, near);
    qsort(near, (size_t)kept, sizeof(Found), by_score);
    if (kept > k) kept = k;
    for (int64_t i = 0; i < kept; i++) {
        int64_t document = found[i] = near[i].document;
        totals[i] = near[i].score;
        if (bonus) ranks[i] = bonus[document] > 0, portions[i] = (double)bonus[document] / best;
        for (int64_t r = 0; r < count; r++) {
            int32_t place = every[r * documents + document];
            ranks[(before + r) * k + i] = place;
            portions[(before + r) * k + i] = shares[r][place];
        }
    }
    free(near);
    return kept;
}
