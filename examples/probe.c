/* probe.so - routes for measurements and for provoking failures.
 *
 * An app's routes are served through one task, so one queue and one location of the web
 * server are enough:
 *
 *     app-worker --task probe build/examples/probe.so
 *
 * Never make it accessible to others: it writes to files that the request names, and
 * crashes and hangs on request.
 */
#include <crew/app.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---- plain answers ---- */

static int hello(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, "Hello, world\n");
}

/* Send body, content type and method back. */
static int echo(crew_request *request, crew_response *response) {
    size_t bytes;
    const void *body = crew_request_body(request, &bytes);
    const char *type = crew_request_content_type(request);
    if (*type != '\0')
        crew_response_header(response, "Content-Type", type);
    crew_response_header(response, "X-Method", crew_request_method(request));
    return crew_response_write(response, body, bytes);
}

static int by_name(const void *a, const void *b) {
    const struct crew_pair *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* All CGI parameters, sorted, one NAME=value per line. */
static int env(crew_request *request, crew_response *response) {
    size_t count;
    const struct crew_pair *params = crew_request_params(request, &count);
    struct crew_pair *sorted = calloc(count + 1, sizeof *sorted);
    if (sorted == NULL)
        return ENOMEM;
    for (size_t i = 0; i < count; i++)
        sorted[i] = params[i];
    qsort(sorted, count, sizeof *sorted, by_name);

    crew_response_header(response, "Content-Type", "text/plain");
    for (size_t i = 0; i < count; i++) {
        crew_response_write(response, sorted[i].name, sorted[i].name_bytes);
        crew_response_write(response, "=", 1);
        crew_response_write(response, sorted[i].value, sorted[i].value_bytes);
        crew_response_write(response, "\n", 1);
    }
    free(sorted);
    return 0;
}

/* ---- answers that the request chooses ---- */

/* ?code=N. An invalid status makes the response invalid: 502 bad-response. */
static int status(crew_request *request, crew_response *response) {
    long code = crew_request_query_number(request, "code", INT_MIN, INT_MAX, 0);
    crew_response_status(response, (int)code);
    return crew_response_printf(response, "%ld\n", code);
}

/* ?name=X&value=Y. An invalid field makes the response invalid. */
static int header(crew_request *request, crew_response *response) {
    const char *name = crew_request_query_value(request, "name");
    const char *value = crew_request_query_value(request, "value");
    if (name == NULL || value == NULL) {
        crew_response_status(response, 400);
        return crew_response_text(response, "name= and value=, please\n");
    }
    crew_response_header(response, name, value);
    return crew_response_text(response, "ok\n");
}

/* ?n=N: N bytes. More than app-worker's --max-response: 502 bad-response. */
static int bytes(crew_request *request, crew_response *response) {
    static char block[64 * 1024];
    memset(block, 'x', sizeof block);
    long left = crew_request_query_number(request, "n", 0, LONG_MAX, 0);
    int error = 0;
    while (left > 0 && error == 0) {
        size_t part = left < (long)sizeof block ? (size_t)left : sizeof block;
        error = crew_response_write(response, block, part);
        left -= (long)part;
    }
    return error;
}

/* ---- taking time ---- */

/* Sleep until told to stop. A handler that takes long checks this regularly. */
static void nap(const crew_request *request, long ms) {
    while (ms > 0 && !crew_request_stopping(request)) {
        long part_ms = ms < 20 ? ms : 20;
        struct timespec part = {.tv_nsec = part_ms * 1000000};
        nanosleep(&part, NULL);
        ms -= part_ms;
    }
}

/* ?ms=N */
static int sleep_ms(crew_request *request, crew_response *response) {
    long ms = crew_request_query_number(request, "ms", 0, INT_MAX, 0);
    nap(request, ms);
    return crew_response_printf(response, "slept %ld ms\n", ms);
}

/* ?n=N&chunk=N&ms=N: N bytes, flushed in chunks, with a pause of MS after each. */
static int stream(crew_request *request, crew_response *response) {
    static char block[64 * 1024];
    long left = crew_request_query_number(request, "n", 0, LONG_MAX, 0);
    long chunk =
        crew_request_query_number(request, "chunk", 1, sizeof block, sizeof block);
    long ms = crew_request_query_number(request, "ms", 0, INT_MAX, 0);
    memset(block, 'x', sizeof block);
    crew_response_header(response, "Content-Type", "application/octet-stream");
    int error = crew_response_flush(response);
    while (left > 0 && error == 0) {
        long part = left < chunk ? left : chunk;
        crew_response_write(response, block, (size_t)part);
        error = crew_response_flush(response);
        left -= part;
        nap(request, ms);
    }
    return error;
}

static int append_line(const char *file, const char *line, size_t line_bytes) {
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, line, line_bytes);
    int error = written == (ssize_t)line_bytes ? 0 : EIO;
    close(fd);
    return error;
}

/* ?file=F&id=I&ms=N: append the id as a line, then sleep. The line is written by one
 * write(2) to a file opened with O_APPEND, so there is one complete line for each run of
 * the handler. */
static int append(crew_request *request, crew_response *response) {
    const char *file = crew_request_query_value(request, "file");
    const char *id = crew_request_query_value(request, "id");
    if (file == NULL || id == NULL) {
        crew_response_status(response, 400);
        return crew_response_text(response, "file= and id=, please\n");
    }
    crew_response_printf(response, "%s\n", id);

    char line[1024];
    size_t id_bytes = strlen(id);
    if (id_bytes >= sizeof line)
        return ENAMETOOLONG;
    memcpy(line, id, id_bytes);
    line[id_bytes] = '\n';
    int error = append_line(file, line, id_bytes + 1);
    if (error != 0) {
        crew_request_log(request, CREW_LOG_ERROR, "%s: %s", file, strerror(error));
        return error;
    }
    nap(request, crew_request_query_number(request, "ms", 0, INT_MAX, 0));
    return 0;
}

/* ---- breaking ---- */

static void crash_segv(void) {
    volatile uintptr_t nowhere = 64; /* not null, which sanitizers detect */
    *(volatile int *)nowhere = 1;
}

static void crash_exit(void) {
    exit(0);
}

static void crash_loop(void) {
    volatile bool waiting = true;
    while (waiting)
        ;
}

/* Ignore the signal to stop. */
static void crash_deaf(void) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &ignore, NULL);
    crash_loop();
}

/* Close all descriptors, including the socket to the supervisor, and go on. */
static void crash_closefds(void) {
    close_range(0, ~0U, 0);
    for (;;)
        pause();
}

/* If the system runs out of memory first, the OOM killer is to select this process. */
static void offer_to_oom_killer(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1000", 4) != 4)
        abort();
    close(fd);
}

/* Allocate memory up to a limit, so that only this process runs out of it. */
static void crash_oom(void) {
    offer_to_oom_killer();
    const rlim_t most_bytes = 1024UL * 1024 * 1024;
    const size_t block_bytes = 1024UL * 1024;
    struct rlimit limit;
    getrlimit(RLIMIT_DATA, &limit);
    if (limit.rlim_cur > most_bytes)
        limit.rlim_cur = most_bytes;
    if (setrlimit(RLIMIT_DATA, &limit) != 0)
        abort();

    char *volatile block;
    while ((block = malloc(block_bytes)) != NULL)
        memset(block, 'x', block_bytes);
    abort(); /* as a program that is out of memory */
}

static const struct {
    const char *name;
    void (*crash)(void);
} ways[] = {
    {"segv", crash_segv}, {"abort", abort},     {"exit", crash_exit},
    {"loop", crash_loop}, {"deaf", crash_deaf}, {"closefds", crash_closefds},
    {"oom", crash_oom},
};

/* ?how=segv|abort|exit|loop|deaf|closefds|oom */
static int crash(crew_request *request, crew_response *response) {
    const char *how = crew_request_query_value(request, "how");
    for (size_t i = 0; how != NULL && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(how, ways[i].name) == 0)
            ways[i].crash();
    crew_response_status(response, 400);
    return crew_response_text(response, "how=segv|abort|exit|loop|deaf|closefds|oom\n");
}

/* ---- the app ---- */

CREW_APP(app) {
    static const struct {
        const char *path;
        crew_handler *handler;
    } routes[] = {
        {"/hello", hello}, {"/echo", echo},     {"/env", env},       {"/sleep", sleep_ms},
        {"/bytes", bytes}, {"/status", status}, {"/header", header}, {"/append", append},
        {"/crash", crash}, {"/stream", stream},
    };
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        crew_app_route(app, "*", routes[i].path, routes[i].handler);
    return 0;
}
