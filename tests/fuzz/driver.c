/* A fuzzing driver for compilers without libFuzzer. The target is a
 * LLVMFuzzerTestOneInput, so the same file works with clang's -fsanitize=fuzzer.
 *
 *     TARGET [--seconds N] [--seed N] [--max-bytes N] CORPUS|FILE ...
 *
 * Runs an empty input at a null pointer, as libFuzzer does first, then every file of the
 * corpus, then mutations of them until the time is over (a fifth of it with
 * CREW_TEST_FAST in the environment, twelve times with CREW_TEST_LONG). The seed is
 * printed. An input for which the program is ended by a sanitizer or an assertion, or
 * that takes more than ten seconds, is written to TARGET.input; `TARGET TARGET.input`
 * reproduces it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MAX_INPUTS 4096

struct input {
    uint8_t *data;
    size_t bytes;
};

static struct input corpus[MAX_INPUTS];
static size_t corpus_count;
static size_t max_bytes = 4096;
static uint64_t seed;
static char failed_path[4096];
static struct input running;
static volatile sig_atomic_t runs_seen, runs_done;

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

/* ---- random numbers (xorshift64*), the same for the same seed ---- */

static uint64_t random_u64(void) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t limit) {
    return limit > 0 ? (size_t)(random_u64() >> 16) % limit : 0;
}

/* ---- the corpus ---- */

static void add_input(const uint8_t *data, size_t bytes) {
    /* If the corpus is full a new input replaces a random one. */
    size_t at = corpus_count < MAX_INPUTS ? corpus_count++ : below(MAX_INPUTS);
    free(corpus[at].data);
    corpus[at].data = malloc(bytes + 1);
    corpus[at].bytes = bytes;
    if (corpus[at].data == NULL)
        fail("malloc");
    memcpy(corpus[at].data, data, bytes);
}

static void load_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail(path);
    uint8_t *data = malloc(max_bytes);
    if (data == NULL)
        fail("malloc");
    add_input(data, fread(data, 1, max_bytes, file));
    free(data);
    fclose(file);
}

static void load(const char *path) {
    char inside[4096];
    DIR *folder = opendir(path);
    if (folder == NULL) {
        load_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
            load_file(inside);
        }
    }
    closedir(folder);
}

/* ---- mutations: each works on DATA in place and returns the new length ---- */

static size_t flip_bit(uint8_t *data, size_t bytes) {
    if (bytes > 0)
        data[below(bytes)] ^= (uint8_t)(1u << below(8));
    return bytes;
}

static size_t set_byte(uint8_t *data, size_t bytes) {
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, '%', '/', '\r', '\n'};
    if (bytes > 0) {
        bool edge = below(2) == 0;
        data[below(bytes)] = edge ? edges[below(sizeof edges)] : (uint8_t)random_u64();
    }
    return bytes;
}

/* A number in network order near a limit of its type, as in length fields. */
static size_t set_number(uint8_t *data, size_t bytes) {
    size_t width = below(2) == 0 ? 2 : 4;
    if (bytes < width)
        return bytes;
    uint32_t number =
        below(2) == 0 ? (uint32_t)below(300) : UINT32_MAX - (uint32_t)below(4);
    uint8_t *to = data + below(bytes - width + 1);
    for (size_t i = 0; i < width; i++)
        to[i] = (uint8_t)(number >> (8 * (width - 1 - i)));
    return bytes;
}

static size_t cut_out(uint8_t *data, size_t bytes) {
    size_t from = below(bytes), piece = below(bytes - from + 1);
    memmove(data + from, data + from + piece, bytes - from - piece);
    return bytes - piece;
}

static size_t repeat_piece(uint8_t *data, size_t bytes) {
    size_t from = below(bytes), piece = below(bytes - from + 1);
    if (piece > max_bytes - bytes)
        return bytes;
    memmove(data + from + piece, data + from, bytes - from);
    return bytes + piece;
}

static size_t mix_in(uint8_t *data, size_t bytes) {
    const struct input *other = &corpus[below(corpus_count)];
    size_t from = below(other->bytes), at = below(bytes + 1);
    size_t piece = below(other->bytes - from + 1);
    if (piece > max_bytes - at)
        piece = max_bytes - at;
    memcpy(data + at, other->data + from, piece);
    return at + piece > bytes ? at + piece : bytes;
}

static size_t mutate(uint8_t *data, size_t bytes) {
    static size_t (*const ways[])(uint8_t *, size_t) = {
        flip_bit, set_byte, set_number, cut_out, repeat_piece, mix_in};
    for (size_t steps = 1 + below(8); steps > 0; steps--)
        bytes = ways[below(sizeof ways / sizeof ways[0])](data, bytes);
    return bytes;
}

/* ---- running ---- */

static void keep_input(void) {
    int fd = open(failed_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, running.data, running.bytes) >= 0)
        close(fd);
}

static void on_abort(int signal_number) {
    (void)signal_number;
    keep_input();
}

/* Called every ten seconds: the run must not be the same as the last time. */
static void on_alarm(int signal_number) {
    (void)signal_number;
    if (runs_seen == runs_done) {
        static const char text[] = "an input takes more than ten seconds\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
        abort();
    }
    runs_seen = runs_done;
    alarm(10);
}

static void watch_for_failure(const char *target) {
    snprintf(failed_path, sizeof failed_path, "%s.input", target);
    __sanitizer_set_death_callback(keep_input);
    signal(SIGABRT, on_abort);
    signal(SIGALRM, on_alarm);
    runs_seen = -1;
    alarm(10);
}

static void run(const uint8_t *data, size_t bytes) {
    /* A block of exactly this size, so that a read beyond the end is detected. */
    running.data = malloc(bytes > 0 ? bytes : 1);
    running.bytes = bytes;
    if (running.data == NULL)
        fail("malloc");
    memcpy(running.data, data, bytes);
    LLVMFuzzerTestOneInput(running.data, bytes);
    free(running.data);
    runs_done = (runs_done + 1) & 0xffffff;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned long run_mutations(double seconds) {
    unsigned long runs = 0;
    uint8_t *data = malloc(max_bytes);
    if (data == NULL)
        fail("malloc");
    for (double end = now_s() + seconds; now_s() < end; runs++) {
        const struct input *from = &corpus[below(corpus_count)];
        memcpy(data, from->data, from->bytes);
        run(data, mutate(data, from->bytes));
    }
    free(data);
    return runs;
}

static void take_option(const char *name, const char *value) {
    if (strcmp(name, "--seed") == 0) {
        seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--max-bytes") == 0) {
        max_bytes = strtoul(value, NULL, 10);
    } else {
        fprintf(stderr, "unknown option %s\n", name);
        exit(2);
    }
}

int main(int argc, char **argv) {
    double seconds = 0;
    int at = 1;
    seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2)
        if (strcmp(argv[at], "--seconds") == 0)
            seconds = strtod(argv[at + 1], NULL);
        else
            take_option(argv[at], argv[at + 1]);
    seed = seed != 0 ? seed : 1; /* xorshift does not work with 0 */
    if (getenv("CREW_TEST_LONG") != NULL)
        seconds *= 12;
    else if (getenv("CREW_TEST_FAST") != NULL)
        seconds /= 5;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    for (; at < argc; at++)
        load(argv[at]);
    if (corpus_count == 0)
        add_input((const uint8_t *)"", 0);
    watch_for_failure(argv[0]);
    LLVMFuzzerTestOneInput(NULL, 0);
    for (size_t i = 0; i < corpus_count; i++)
        run(corpus[i].data, corpus[i].bytes);
    printf("%zu inputs, %lu mutations\n", corpus_count, run_mutations(seconds));
    for (size_t i = 0; i < corpus_count; i++)
        free(corpus[i].data);
    return 0;
}
