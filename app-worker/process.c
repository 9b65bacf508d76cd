/* A handler process: plain blocking code. It loads the app, runs one request after the
 * other, and reaches the outside through its socket alone.
 *
 * Whatever the app does to this process, the supervisor answers for it; so nothing here
 * tries to survive. When the socket ends, the supervisor is gone, and the whole process
 * group goes with it: what a handler has started must not stay behind.
 */
#include "process.h"

#include "base/xalloc.h"
#include "channel.h"
#include "claims.h"
#include "group_frames.h"
#include "pace.h"
#include "publish_frames.h"
#include "spawn.h"
#include "stream_frames.h"
#include "wire/limits.h"
#include <crew/host.h>
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KEPT_MOST = 16, KEPT_FREE_BYTES = 16 * 1024 * 1024 };

struct kept {
    struct kept *next;
    struct buffer frame;
    struct called_frame called;
};

/* The answer of the running request, as far as it has left. */
struct outflow {
    uint32_t ticket;
    bool begun;
    bool stopped;     /* the supervisor wants no more of it */
    uint32_t sent;    /* bytes of body, modulo 2^32 */
    uint32_t allowed; /* the same, that may be sent in all */
};

struct process {
    struct channel channel;
    struct pace pace;
    unsigned answers_kept; /* written, but not yet sent */
    struct claims *claims;
    struct frame_parts setup_parts;
    struct frame_setup setup;
    crew_host *host;
    struct buffer run_frame; /* the running request, once a call has been made */
    struct kept *kept;
    struct outflow outflow;
};

/* Read by the handler, written by the signal handler. */
static volatile sig_atomic_t told_to_stop;
static volatile sig_atomic_t is_running;
static pid_t supervisor_pid;

/* ---- told to stop ---- */

/* Only the supervisor's word counts: a service manager that signals all processes of a
 * group must not end requests that are being finished. Writes only; backtrace() has been
 * called before, so that it does not load its library now. */
static void on_stop(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    if (info->si_pid != supervisor_pid || !is_running)
        return;
    int error = errno;
    told_to_stop = 1;
    if (info->si_value.sival_int == SPAWN_STOP_UNWANTED)
        return;
    static const char head[] = "app-worker: told to stop, this is what runs:\n";
    void *frames[64];
    int depth = backtrace(frames, sizeof frames / sizeof *frames);
    if (write(STDERR_FILENO, head, sizeof head - 1) > 0)
        backtrace_symbols_fd(frames, depth, STDERR_FILENO);
    errno = error;
}

static void listen_for_stop(void) {
    void *frame;
    backtrace(&frame, 1);
    supervisor_pid = getppid();
    struct sigaction action = {.sa_sigaction = on_stop,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
}

/* ---- the socket ---- */

_Noreturn static void leave_with_group(void) {
    kill(0, SIGKILL);
    _exit(EXIT_FAILURE);
}

static void read_frame(struct process *process, struct wire_item *item) {
    int got;
    while ((got = channel_next(&process->channel, item)) == 0)
        if (channel_fill(&process->channel) <= 0)
            leave_with_group();
    if (got < 0)
        leave_with_group();
}

/* Whether memory was out for the last frame, which is taken out again then: the BYTES
 * before it are whole. */
static bool taken_back(struct buffer *out, size_t bytes) {
    if (!out->failed)
        return false;
    out->failed = false;
    out->len = bytes;
    return true;
}

static void send_frames(struct process *process) {
    if (channel_flush(&process->channel) != 1)
        leave_with_group();
    claims_sent(process->claims);
    process->answers_kept = 0;
}

/* ---- the port: how handlers reach the outside ---- */

static void port_log(void *arg, enum crew_log_level level, const char *request_id,
                     const char *text) {
    struct process *process = arg;
    frame_put_log(&process->channel.out, level, request_id, text);
    send_frames(process);
}

static bool port_stopping(void *arg) {
    (void)arg;
    return told_to_stop != 0;
}

/* The request's own frame must outlive the reading of the call's answer. */
static void keep_run_frame(struct process *process) {
    if (process->run_frame.data == NULL)
        channel_hold(&process->channel, &process->run_frame);
}

static void take_credit(struct process *process, const struct wire_item *item) {
    struct outflow *out = &process->outflow;
    struct frame_credit credit;
    if (!frame_get_credit(item, &credit))
        leave_with_group();
    if (credit.ticket != out->ticket)
        return; /* of an earlier one */
    out->allowed = credit.allowed_bytes;
    out->stopped = credit.stop;
}

/* The next frame for the handler that runs. Requests that were given ahead are taken back
 * as soon as it waits for something, and credit for its stream may come meanwhile. */
static void read_frame_of_kind(struct process *process, enum frame_kind kind,
                               struct wire_item *item) {
    do {
        read_frame(process, item);
        if (item->kind == FRAME_CREDIT)
            take_credit(process, item);
    } while (item->kind != kind &&
             (item->kind == FRAME_RUN || item->kind == FRAME_CREDIT));
}

/* What came of the calls, kept until the handler has returned. */
static const struct called_frame *wait_for_called(struct process *process) {
    struct wire_item item;
    struct kept *kept = xcalloc(1, sizeof *kept);
    kept->next = process->kept;
    process->kept = kept;
    read_frame_of_kind(process, FRAME_CALLED, &item);
    channel_hold(&process->channel, &kept->frame);
    if (!frame_get_called(&item, &kept->called))
        leave_with_group();
    return &kept->called;
}

static int port_group(void *arg, const struct crew_group *group,
                      const struct crew_answer *answers[]) {
    struct process *process = arg;
    if (!calls_frame_fits(group))
        return CREW_ETOOLARGE;
    frame_put_calls(&process->channel.out, group);
    if (process->channel.out.failed) {
        buffer_fini(&process->channel.out);
        return CREW_ENOMEM;
    }
    send_frames(process);
    keep_run_frame(process);
    const struct called_frame *called = wait_for_called(process);
    for (size_t i = 0; i < called->count; i++)
        answers[i] = &called->answers[i];
    return called->error;
}

static int port_publish(void *arg, const struct crew_publication *publication) {
    struct process *process = arg;
    struct buffer *out = &process->channel.out;
    size_t before = out->len;
    struct wire_item item;
    int error;
    frame_put_publish(out, publication);
    if (taken_back(out, before))
        return CREW_ENOMEM;
    send_frames(process);
    keep_run_frame(process);
    read_frame_of_kind(process, FRAME_PUBLISHED, &item);
    if (!frame_get_published(&item, &error))
        leave_with_group();
    return error;
}

/* ---- streaming ---- */

static void wait_for_credit(struct process *process) {
    struct wire_item item;
    keep_run_frame(process);
    read_frame_of_kind(process, FRAME_CREDIT, &item);
    if (item.kind != FRAME_CREDIT)
        leave_with_group();
}

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static void send_body(struct process *process, const uint8_t *data, size_t bytes) {
    struct outflow *out = &process->outflow;
    while (bytes > 0 && !out->stopped && !told_to_stop) {
        size_t part = smallest(bytes, CREW_CHUNK_BYTES, out->allowed - out->sent);
        if (part == 0) {
            wait_for_credit(process);
            continue;
        }
        frame_put_chunk(&process->channel.out, data, part, out->ticket);
        send_frames(process);
        out->sent += (uint32_t)part;
        data += part;
        bytes -= part;
    }
}

static int port_flush(void *arg, const struct crew_answer *head, const void *data,
                      size_t bytes) {
    struct process *process = arg;
    struct outflow *out = &process->outflow;
    if (head != NULL) {
        frame_put_head(&process->channel.out, head, out->ticket);
        send_frames(process);
        out->begun = true;
    }
    send_body(process, data, bytes);
    return told_to_stop || out->stopped ? CREW_ECANCELLED : CREW_OK;
}

/* ---- running ---- */

static void forget_run(struct process *process) {
    buffer_fini(&process->run_frame);
    while (process->kept != NULL) {
        struct kept *kept = process->kept;
        process->kept = kept->next;
        buffer_fini(&kept->frame);
        called_frame_fini(&kept->called);
        free(kept);
    }
}

static void put_outcome(struct process *process, int error, uint32_t ticket) {
    struct crew_answer outcome = {.error = error, .status = crew_error_status(error)};
    frame_put_answer(&process->channel.out, &outcome, ticket);
}

static void put_answer(struct process *process, const struct crew_answer *answer,
                       uint32_t ticket) {
    struct buffer *out = &process->channel.out;
    size_t before = out->len;
    if (!frame_pairs_fit(answer->pairs, answer->pair_count)) {
        put_outcome(process, CREW_EBADRESPONSE, ticket);
        return;
    }
    frame_put_answer(out, answer, ticket);
    if (taken_back(out, before))
        put_outcome(process, CREW_EFAILED, ticket);
}

/* An answer is kept for as long as requests follow that are known to be short; and the
 * supervisor can see it all the while. */
static void keep_or_send(struct process *process, size_t from) {
    const struct buffer *out = &process->channel.out;
    process->answers_kept++;
    if (out->failed || process->answers_kept >= KEPT_MOST ||
        !claims_keep(process->claims, out->data + from, out->len - from))
        send_frames(process);
}

static void send_kept(struct process *process) {
    if (process->answers_kept > 0)
        send_frames(process);
}

static void run(struct process *process, struct frame_parts *parts,
                const struct wire_item *item) {
    struct crew_task_view task;
    struct crew_answer answer;
    struct frame_terms terms;
    if (!frame_get_run(item, parts, &task, &terms)) {
        put_outcome(process, CREW_EFAILED, item->sequence);
        send_frames(process);
        return;
    }
    if (!claims_take(process->claims, terms.place, terms.ticket))
        return; /* the supervisor has taken it back */
    uint64_t key = pace_key(&task);
    if (!pace_is_short(&process->pace, key))
        send_kept(process);
    process->outflow =
        (struct outflow){.ticket = terms.ticket, .allowed = CREW_WINDOW_BYTES};
    told_to_stop = 0;
    is_running = 1;
    crew_host_run(process->host, &task, terms.left_ms, &answer);
    is_running = 0;
    pace_note(&process->pace, key, process->outflow.begun ? UINT64_MAX : answer.run_us);
    size_t from = process->channel.out.len;
    put_answer(process, &answer, terms.ticket);
    if (process->outflow.begun)
        send_frames(process);
    else
        keep_or_send(process, from);
    forget_run(process);
}

static void serve(struct process *process) {
    struct frame_parts parts = {0};
    struct wire_item item;
    for (;;) {
        if (!channel_has_next(&process->channel))
            send_kept(process);
        read_frame(process, &item);
        if (item.kind == FRAME_QUIT)
            break;
        if (item.kind == FRAME_RUN)
            run(process, &parts, &item);
    }
    frame_parts_fini(&parts);
}

/* ---- beginning ---- */

/* What a large request took is kept for the next one: to give memory back to the system
 * and to get it again, page by page, takes longer than all else that is done with its
 * bytes. */
static void keep_freed_memory(void) {
    mallopt(M_MMAP_THRESHOLD, KEPT_FREE_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES);
}

static void limit_memory(size_t bytes) {
    if (bytes == 0)
        return;
    const struct rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_DATA, &limit);
}

/* What the service manager said is for the supervisor alone. */
static void forget_service_manager(void) {
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
                                        "WATCHDOG_PID",  "LISTEN_FDS",
                                        "LISTEN_PID",    "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* Whoever reads why the app cannot be used knows nothing of a copy of it. */
static void name_the_app(const struct frame_setup *setup, const char *why, char *text,
                         size_t text_bytes) {
    const char *found;
    size_t used = 0;
    text[0] = '\0';
    while ((found = strstr(why, setup->app)) != NULL && used < text_bytes) {
        used += (size_t)snprintf(text + used, text_bytes - used, "%.*s%s",
                                 (int)(found - why), why, setup->argv[0]);
        why = found + strlen(setup->app);
    }
    if (used < text_bytes)
        snprintf(text + used, text_bytes - used, "%s", why);
}

static int load_app(struct process *process) {
    const struct frame_setup *setup = &process->setup;
    const struct crew_host_options options = {
        .path = setup->app,
        .argc = setup->argc,
        .argv = setup->argv,
        .route_task = setup->route_task,
        .uuid = setup->uuid,
        .node_uuid = setup->node_uuid,
        .max_response_bytes = setup->max_response_bytes,
        .port = {process, port_group, port_log, port_stopping, port_flush, port_publish},
    };
    char why[512];
    char text[512];
    int error = crew_host_new(&options, &process->host, why, sizeof why);
    if (error == CREW_OK) {
        size_t count;
        const char *const *tasks = crew_host_tasks(process->host, &count);
        frame_put_hello(&process->channel.out, tasks, count);
    } else {
        name_the_app(setup, why, text, sizeof text);
        frame_put_refusal(&process->channel.out, text);
    }
    send_frames(process);
    return error;
}

int process_main(void) {
    static struct process process;
    struct wire_item item;
    prctl(PR_SET_NAME, "crew-handler"); /* so that `pkill app-worker` means supervisors */
    listen_for_stop();
    forget_service_manager();
    keep_freed_memory();
    channel_init(&process.channel, SPAWN_SOCKET_FD, SIZE_MAX);
    process.claims = claims_map(SPAWN_CLAIMS_FD);
    if (process.claims == NULL)
        return EXIT_FAILURE;
    read_frame(&process, &item);
    if (!frame_get_setup(&item, &process.setup_parts, &process.setup))
        return EXIT_FAILURE;
    limit_memory(process.setup.max_memory_bytes);

    int error = load_app(&process);
    if (error == CREW_OK)
        serve(&process);
    crew_host_free(process.host);
    claims_free(process.claims);
    buffer_fini(&process.channel.in); /* the socket itself ends with the process */
    buffer_fini(&process.channel.out);
    free((void *)(uintptr_t)process.setup.argv);
    frame_parts_fini(&process.setup_parts);
    return error == CREW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
