/* The companion sleeps until a call begins, looks for parts until it ends, and a little longer, for the next step of the
 * same question comes soon. The caller never waits for it to begin: what it has not taken the caller does itself. */
#define _GNU_SOURCE
#include "companion.h"
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

/* Ticks of the processor's clock: some 50 microseconds, and some 3 milliseconds. */
#define SOON (1 << 17)
#define LATELY (1 << 23)
#define RESTS 32 /* of what the caller waited */

static atomic_int wanted, running, open; /* open: a call has the companion */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static unsigned rung; /* how often */

/* The work at hand. A ticket holds its number, how many parts it has and which is the next, so that whoever takes a part by
 * a ticket that is still the same has read the work that it belongs to. */
static struct {
    _Alignas(64) _Atomic uint64_t ticket;
    _Atomic(Work *) work;
    _Atomic(void *) context;
    atomic_int grain;
    _Alignas(64) atomic_int done;
} at_hand;

static uint64_t ticket_of(uint64_t number, int parts, int next) { return number << 32 | (uint64_t)parts << 16 | (uint64_t)next; }

/* Until when the companion is left alone: the caller had to wait, for others use the processors. It is for RESTS times as
 * long, so that waiting is never more than a small part of the time. */
static _Atomic uint64_t resting;

static int rests(void) { return __rdtsc() < atomic_load_explicit(&resting, memory_order_relaxed); }

/* Take some parts of the work at hand and do them; 0 where none is left. */
static int do_some(int thread) {
    uint64_t ticket = atomic_load_explicit(&at_hand.ticket, memory_order_acquire);
    for (;;) {
        int next = ticket & 0xffff, parts = ticket >> 16 & 0xffff;
        if (next == parts) return 0;
        Work *work = atomic_load_explicit(&at_hand.work, memory_order_relaxed);
        void *context = atomic_load_explicit(&at_hand.context, memory_order_relaxed);
        int stop = next + atomic_load_explicit(&at_hand.grain, memory_order_relaxed);
        if (stop > parts) stop = parts;
        if (!atomic_compare_exchange_weak(&at_hand.ticket, &ticket, ticket_of(ticket >> 32, parts, stop))) continue;
        work(context, next, stop, thread);
        atomic_fetch_add_explicit(&at_hand.done, stop - next, memory_order_release);
        return 1;
    }
}

/* Others may want this core, where it has been in vain for so long. */
static void wait_a_moment(uint64_t since) {
    if (__rdtsc() - since > SOON) sched_yield();
    else _mm_pause();
}

void share(int together, Work *work, void *context, int parts, int grain) {
    if (!together || rests()) {
        work(context, 0, parts, 0);
        return;
    }
    atomic_store_explicit(&at_hand.work, work, memory_order_relaxed);
    atomic_store_explicit(&at_hand.context, context, memory_order_relaxed);
    atomic_store_explicit(&at_hand.grain, grain, memory_order_relaxed);
    atomic_store_explicit(&at_hand.done, 0, memory_order_relaxed);
    uint64_t number = (atomic_load_explicit(&at_hand.ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store_explicit(&at_hand.ticket, ticket_of(number, parts, 0), memory_order_release);
    while (do_some(0)) {}
    uint64_t since = __rdtsc();
    while (atomic_load_explicit(&at_hand.done, memory_order_acquire) < parts) wait_a_moment(since);
    uint64_t now = __rdtsc(), waited = now - since;
    if (waited > SOON) atomic_store_explicit(&resting, now + RESTS * waited, memory_order_relaxed);
}

static void *accompany(void *nothing) {
    for (unsigned heard = 0;;) {
        pthread_mutex_lock(&lock);
        while (rung == heard) pthread_cond_wait(&bell, &lock);
        heard = rung;
        pthread_mutex_unlock(&lock);
        uint64_t since = __rdtsc();
        for (;;) {
            if (do_some(1)) since = __rdtsc();
            else if (atomic_load(&open)) wait_a_moment(since);
            else if (__rdtsc() - since < SOON) _mm_pause();
            else break;
        }
    }
    return nothing;
}

/* In a child of a process threads are no more, nor is the work that one of them may have had at hand. */
static void forget(void) {
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    bell = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    wanted = running = open = 0;
    at_hand.ticket = 0;
}

/* From now on, and from the thread that calls, whose priority it inherits; returns 0, or 1 where there is no thread. */
int call_companion(void) {
    static atomic_int forgetting;
    if (atomic_exchange(&wanted, 1)) return 0;
    if (!atomic_exchange(&forgetting, 1)) pthread_atfork(NULL, NULL, forget);
    rung = 0;
    pthread_t thread;
    sigset_t all, before; /* signals are for the threads of the interpreter */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, accompany, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) wanted = 0;
    else pthread_setname_np(thread, "companion"), pthread_detach(thread);
    return failed != 0;
}

/* Whether no other thread made a call lately: one that did is between two calls now, and has the other core. */
static int alone(void) {
    static _Thread_local char own;
    static _Atomic(char *) last;
    static _Atomic uint64_t changed;
    if (atomic_exchange(&last, &own) != &own) atomic_store(&changed, __rdtsc());
    return __rdtsc() - atomic_load(&changed) > LATELY;
}

int enter(int asks) {
    int only = (atomic_fetch_add(&running, 1) == 0) & alone();
    if (!asks || !only || !atomic_load(&wanted) || rests()) return 0;
    atomic_store(&open, 1);
    pthread_mutex_lock(&lock);
    rung++;
    pthread_cond_signal(&bell);
    pthread_mutex_unlock(&lock);
    return 1;
}

void leave(int together) {
    if (together) atomic_store(&open, 0);
    atomic_fetch_sub(&running, 1);
}
