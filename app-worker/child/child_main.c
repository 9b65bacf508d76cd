/* A handler process: plain blocking code. It loads the app, runs one request after the
 * other, and reaches the outside through its socket alone.
 *
 * Whatever the app does to this process, the supervisor answers for it; so nothing here
 * tries to survive. When the socket ends, the supervisor is gone, and the whole process
 * group goes with it: what a handler has started must not stay behind.
 */
#include "child_main.h"

#include "app-worker/ipc/ipc_protocol.h"
#include "app-worker/ipc/ipc_socket.h"
#include "app-worker/ipc/task_ring.h"
#include "base/xalloc.h"
#include "request_runtimes.h"
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
    struct ipc_call_result called;
};

/* The answer of the running request, as far as it has left. */
struct outflow {
    uint32_t generation;
    bool begun;
    bool stopped;     /* the supervisor wants no more of it */
    uint32_t sent;    /* bytes of body, modulo 2^32 */
    uint32_t allowed; /* the same, that may be sent in all */
};

struct process {
    struct ipc_socket socket;
    struct request_runtimes runtimes;
    unsigned answers_kept; /* written, but not yet sent */
    struct task_ring *ring;
    struct ipc_scratch setup_parts;
    struct ipc_setup setup;
    crew_host *host;
    struct buffer run_frame; /* the running request, once a call has been made */
    struct kept *kept;
    struct outflow outflow;
};

/* Read by the child, written by the signal handler. */
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
    if (info->si_value.sival_int == IPC_STOP_UNWANTED)
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
    while ((got = ipc_socket_next(&process->socket, item)) == 0)
        if (ipc_socket_read(&process->socket) <= 0)
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
    if (ipc_socket_flush(&process->socket) != 1)
        leave_with_group();
    task_ring_clear(process->ring);
    process->answers_kept = 0;
}

/* ---- the port: how handlers reach the outside ---- */

static void port_log(void *arg, enum crew_log_level level, const char *request_id,
                     const char *text) {
    struct process *process = arg;
    ipc_put_log(&process->socket.out, level, request_id, text);
    send_frames(process);
}

static bool port_stopping(void *arg) {
    (void)arg;
    return told_to_stop != 0;
}

/* The request's own frame must outlive the reading of the call's answer. */
static void keep_run_frame(struct process *process) {
    if (process->run_frame.data == NULL)
        ipc_socket_detach(&process->socket, &process->run_frame);
}

static void take_credit(struct process *process, const struct wire_item *item) {
    struct outflow *out = &process->outflow;
    struct ipc_credit credit;
    if (!ipc_get_credit(item, &credit))
        leave_with_group();
    if (credit.generation != out->generation)
        return; /* of an earlier one */
    out->allowed = credit.allowed_bytes;
    out->stopped = credit.stop;
}

/* The next frame for the handler that runs. Requests that were given ahead are taken back
 * as soon as it waits for something, and credit for its stream may come meanwhile. */
static void read_frame_of_kind(struct process *process, enum ipc_kind kind,
                               struct wire_item *item) {
    do {
        read_frame(process, item);
        if (item->kind == IPC_CREDIT)
            take_credit(process, item);
    } while (item->kind != kind && (item->kind == IPC_RUN || item->kind == IPC_CREDIT));
}

/* What came of the calls, kept until the handler has returned. */
static const struct ipc_call_result *wait_for_called(struct process *process) {
    struct wire_item item;
    struct kept *kept = xcalloc(1, sizeof *kept);
    kept->next = process->kept;
    process->kept = kept;
    read_frame_of_kind(process, IPC_CALL_RESULT, &item);
    ipc_socket_detach(&process->socket, &kept->frame);
    if (!ipc_get_call_result(&item, &kept->called))
        leave_with_group();
    return &kept->called;
}

static int port_group(void *arg, const struct crew_group *group,
                      const struct crew_answer *answers[]) {
    struct process *process = arg;
    if (!ipc_call_fits(group))
        return CREW_ETOOLARGE;
    ipc_put_call(&process->socket.out, group);
    if (process->socket.out.failed) {
        buffer_fini(&process->socket.out);
        return CREW_ENOMEM;
    }
    send_frames(process);
    keep_run_frame(process);
    const struct ipc_call_result *called = wait_for_called(process);
    for (size_t i = 0; i < called->count; i++)
        answers[i] = &called->answers[i];
    return called->error;
}

static int port_publish(void *arg, const struct crew_publication *publication) {
    struct process *process = arg;
    struct buffer *out = &process->socket.out;
    size_t before = out->len;
    struct wire_item item;
    int error;
    ipc_put_publish(out, publication);
    if (taken_back(out, before))
        return CREW_ENOMEM;
    send_frames(process);
    keep_run_frame(process);
    read_frame_of_kind(process, IPC_PUBLISH_RESULT, &item);
    if (!ipc_get_publish_result(&item, &error))
        leave_with_group();
    return error;
}

/* ---- streaming ---- */

static void wait_for_credit(struct process *process) {
    struct wire_item item;
    keep_run_frame(process);
    read_frame_of_kind(process, IPC_CREDIT, &item);
    if (item.kind != IPC_CREDIT)
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
        ipc_put_chunk(&process->socket.out, data, part, out->generation);
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
        ipc_put_head(&process->socket.out, head, out->generation);
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
        ipc_call_result_fini(&kept->called);
        free(kept);
    }
}

static void put_outcome(struct process *process, int error, uint32_t generation) {
    struct crew_answer outcome = {.error = error, .status = crew_error_status(error)};
    ipc_put_answer(&process->socket.out, &outcome, generation);
}

static void put_answer(struct process *process, const struct crew_answer *answer,
                       uint32_t generation) {
    struct buffer *out = &process->socket.out;
    size_t before = out->len;
    if (!ipc_pairs_fit(answer->pairs, answer->pair_count)) {
        put_outcome(process, CREW_EBADRESPONSE, generation);
        return;
    }
    ipc_put_answer(out, answer, generation);
    if (taken_back(out, before))
        put_outcome(process, CREW_EFAILED, generation);
}

/* An answer is kept for as long as requests follow that are known to be short; and the
 * supervisor can see it all the while. */
static void keep_or_send(struct process *process, size_t from) {
    const struct buffer *out = &process->socket.out;
    process->answers_kept++;
    if (out->failed || process->answers_kept >= KEPT_MOST ||
        !task_ring_store(process->ring, out->data + from, out->len - from))
        send_frames(process);
}

static void send_kept(struct process *process) {
    if (process->answers_kept > 0)
        send_frames(process);
}

static void run(struct process *process, struct ipc_scratch *parts,
                const struct wire_item *item) {
    struct crew_task_view task;
    struct crew_answer answer;
    struct ipc_run_terms terms;
    if (!ipc_get_run(item, parts, &task, &terms)) {
        put_outcome(process, CREW_EFAILED, item->sequence);
        send_frames(process);
        return;
    }
    if (!task_ring_claim(process->ring, terms.slot, terms.generation))
        return; /* the supervisor has taken it back */
    uint64_t key = request_runtimes_key(&task);
    if (!request_runtimes_is_short(&process->runtimes, key))
        send_kept(process);
    process->outflow =
        (struct outflow){.generation = terms.generation, .allowed = CREW_WINDOW_BYTES};
    told_to_stop = 0;
    is_running = 1;
    crew_host_run(process->host, &task, terms.left_ms, &answer);
    is_running = 0;
    request_runtimes_note(&process->runtimes, key,
                          process->outflow.begun ? UINT64_MAX : answer.run_us);
    size_t from = process->socket.out.len;
    put_answer(process, &answer, terms.generation);
    if (process->outflow.begun)
        send_frames(process);
    else
        keep_or_send(process, from);
    forget_run(process);
}

static void serve(struct process *process) {
    struct ipc_scratch parts = {0};
    struct wire_item item;
    for (;;) {
        if (!ipc_socket_has_next(&process->socket))
            send_kept(process);
        read_frame(process, &item);
        if (item.kind == IPC_QUIT)
            break;
        if (item.kind == IPC_RUN)
            run(process, &parts, &item);
    }
    ipc_scratch_fini(&parts);
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
static void name_the_app(const struct ipc_setup *setup, const char *why, char *text,
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
    const struct ipc_setup *setup = &process->setup;
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
        ipc_put_hello(&process->socket.out, tasks, count);
    } else {
        name_the_app(setup, why, text, sizeof text);
        ipc_put_load_error(&process->socket.out, text);
    }
    send_frames(process);
    return error;
}

int child_main(void) {
    static struct process process;
    struct wire_item item;
    prctl(PR_SET_NAME, "crew-handler"); /* so that `pkill app-worker` means supervisors */
    listen_for_stop();
    forget_service_manager();
    keep_freed_memory();
    ipc_socket_init(&process.socket, IPC_SOCKET_FD, SIZE_MAX);
    process.ring = task_ring_map(IPC_RING_FD);
    if (process.ring == NULL)
        return EXIT_FAILURE;
    read_frame(&process, &item);
    if (!ipc_get_setup(&item, &process.setup_parts, &process.setup))
        return EXIT_FAILURE;
    limit_memory(process.setup.max_memory_bytes);

    int error = load_app(&process);
    if (error == CREW_OK)
        serve(&process);
    crew_host_free(process.host);
    task_ring_free(process.ring);
    buffer_fini(&process.socket.in); /* the socket itself ends with the process */
    buffer_fini(&process.socket.out);
    free((void *)(uintptr_t)process.setup.argv);
    ipc_scratch_fini(&process.setup_parts);
    return error == CREW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
