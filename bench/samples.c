#include "samples.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

enum { FIRST_ROOM = 65536 };

uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void random_bytes(void *bytes, size_t count) {
    char *at = bytes;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0)
            abort();
        at += got;
        count -= (size_t)got;
    }
}

static uint64_t timeval_us(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static uint64_t cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return timeval_us(used.ru_utime) + timeval_us(used.ru_stime);
}

void samples_begin(struct samples *samples) {
    *samples = (struct samples){.begin_us = now_us(), .begin_cpu_us = cpu_us()};
}

void samples_add(struct samples *samples, uint64_t begun_us) {
    if (samples->count == samples->room) {
        samples->room = samples->room > 0 ? 2 * samples->room : FIRST_ROOM;
        samples->latency_us =
            realloc(samples->latency_us, samples->room * sizeof *samples->latency_us);
        if (samples->latency_us == NULL)
            abort();
    }
    samples->latency_us[samples->count++] = now_us() - begun_us;
}

/* As they are printed, in thousandths of all samples. */
static const struct {
    const char *name;
    size_t thousandths;
} percentiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p99.9", 999}};

static int by_size(const void *a, const void *b) {
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

void samples_print(struct samples *samples, size_t calls) {
    double seconds = (double)(now_us() - samples->begin_us) / 1e6;
    double cpu = (double)(cpu_us() - samples->begin_cpu_us);
    size_t count = samples->count;
    if (count == 0) {
        fprintf(stderr, "not a single answer\n");
        exit(1);
    }
    qsort(samples->latency_us, count, sizeof *samples->latency_us, by_size);
    double all = (double)count * (double)calls;
    printf("calls=%.0f rate=%.1f cpu_us=%.2f", all, all / seconds, cpu / all);
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
        printf(" %s=%" PRIu64, percentiles[i].name,
               samples->latency_us[count * percentiles[i].thousandths / 1000]);
    printf(" longest=%" PRIu64 "\n", samples->latency_us[count - 1]);
    free(samples->latency_us);
}
