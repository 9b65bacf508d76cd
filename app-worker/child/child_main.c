/* A handler process: plain blocking code. It loads the app, runs one request after the
 * other, and communicates through its socket alone.
 *
 * Whatever the app does to this process, the supervisor answers the request; so no error
 * is recovered from here. When the socket is closed, the supervisor has exited, and the
 * whole process group is killed: processes that a handler has started must not remain. */
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

enum { MAX_STORED_ANSWERS = 16, RETAINED_HEAP_BYTES = 16 * 1024 * 1024 };

/* The answers to a group of calls: the handler may use them until it returns. */
struct received_result {
    struct received_result *next;
    struct buffer frame;
    struct ipc_call_result result;
};

/* The streamed answer of the running request. */
struct stream {
    uint32_t generation;
    bool has_begun;
    bool is_stopped;        /* the supervisor does not need the rest */
    uint32_t sent_bytes;    /* of the body, modulo 2^32 */
    uint32_t allowed_bytes; /* the same, that may be sent in all */
};

struct process {
    struct ipc_socket socket;
    struct request_runtimes runtimes;
    unsigned stored_answers; /* in socket.out and in the ring: not sent yet */
    struct task_ring *ring;
    struct ipc_scratch setup_scratch;
    struct ipc_setup setup;
    crew_host *host;
    struct buffer run_frame; /* the running request, when more was read after it */
    struct received_result *results;
    struct stream stream;
};

/* Read by the handler, written by the signal handler. */
static volatile sig_atomic_t is_stop_requested;
static volatile sig_atomic_t is_running;
static pid_t supervisor_pid;

/* ---- the signal to stop ---- */

/* Signals of other processes are ignored: a service manager that signals all processes of
 * a group must not end requests that are being finished. Async-signal-safe: backtrace()
 * has been called before, so that it does not load its library now. */
static void on_stop(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    if (info->si_pid != supervisor_pid || !is_running)
        return;
    int error = errno;
    is_stop_requested = 1;
    if (info->si_value.sival_int == IPC_STOP_UNWANTED)
        return;
    static const char head[] = "app-worker: asked to stop, backtrace:\n";
    void *frames[64];
    int depth = backtrace(frames, sizeof frames / sizeof *frames);
    if (write(STDERR_FILENO, head, sizeof head - 1) > 0)
        backtrace_symbols_fd(frames, depth, STDERR_FILENO);
    errno = error;
}

static void install_stop_handler(void) {
    void *frame;
    backtrace(&frame, 1);
    supervisor_pid = getppid();
    struct sigaction action = {.sa_sigaction = on_stop,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
}

/* ---- the socket ---- */

_Noreturn static void kill_own_group(void) {
    kill(0, SIGKILL);
    _exit(EXIT_FAILURE);
}

static void read_frame(struct process *process, struct wire_item *item) {
    int got;
    while ((got = ipc_socket_next(&process->socket, item)) == 0)
        if (ipc_socket_read(&process->socket) <= 0)
            kill_own_group();
    if (got < 0)
        kill_own_group();
}

/* Remove the last frame if memory was out for it; the BYTES before it are complete. True:
 * it was removed. */
static bool remove_failed_frame(struct buffer *out, size_t bytes) {
    if (!out->failed)
        return false;
    out->failed = false;
    out->len = bytes;
    return true;
}

static void send_frames(struct process *process) {
    if (ipc_socket_flush(&process->socket) != 1)
        kill_own_group();
    task_ring_clear(process->ring);
    process->stored_answers = 0;
}

/* ---- the port: calls, publications, log lines of handlers ---- */

static void port_log(void *arg, enum crew_log_level level, const char *request_id,
                     const char *text) {
    struct process *process = arg;
    ipc_put_log(&process->socket.out, level, request_id, text);
    send_frames(process);
}

static bool port_stopping(void *arg) {
    (void)arg;
    return is_stop_requested != 0;
}

/* The frame of the running request must stay valid when more is read. */
static void detach_run_frame(struct process *process) {
    if (process->run_frame.data == NULL)
        ipc_socket_detach(&process->socket, &process->run_frame);
}

static void take_credit(struct process *process, const struct wire_item *item) {
    struct stream *stream = &process->stream;
    struct ipc_credit credit;
    if (!ipc_get_credit(item, &credit))
        kill_own_group();
    if (credit.generation != stream->generation)
        return; /* of an earlier request */
    stream->allowed_bytes = credit.allowed_bytes;
    stream->is_stopped = credit.stop;
}

/* The next frame for the handler that runs. Pipelined requests are dropped: the
 * supervisor revokes them before the handler waits. Credit for its stream may arrive
 * meanwhile. */
static void read_frame_of_kind(struct process *process, enum ipc_kind kind,
                               struct wire_item *item) {
    do {
        read_frame(process, item);
        if (item->kind == IPC_CREDIT)
            take_credit(process, item);
    } while (item->kind != kind && (item->kind == IPC_RUN || item->kind == IPC_CREDIT));
}

static const struct ipc_call_result *wait_for_result(struct process *process) {
    struct wire_item item;
    struct received_result *received = xcalloc(1, sizeof *received);
    received->next = process->results;
    process->results = received;
    read_frame_of_kind(process, IPC_CALL_RESULT, &item);
    ipc_socket_detach(&process->socket, &received->frame);
    if (!ipc_get_call_result(&item, &received->result))
        kill_own_group();
    return &received->result;
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
    detach_run_frame(process);
    const struct ipc_call_result *result = wait_for_result(process);
    for (size_t i = 0; i < result->count; i++)
        answers[i] = &result->answers[i];
    return result->error;
}

static int port_publish(void *arg, const struct crew_publication *publication) {
    struct process *process = arg;
    struct buffer *out = &process->socket.out;
    size_t before = out->len;
    struct wire_item item;
    int error;
    ipc_put_publish(out, publication);
    if (remove_failed_frame(out, before))
        return CREW_ENOMEM;
    send_frames(process);
    detach_run_frame(process);
    read_frame_of_kind(process, IPC_PUBLISH_RESULT, &item);
    if (!ipc_get_publish_result(&item, &error))
        kill_own_group();
    return error;
}

/* ---- streaming ---- */

static void wait_for_credit(struct process *process) {
    struct wire_item item;
    detach_run_frame(process);
    read_frame_of_kind(process, IPC_CREDIT, &item);
    if (item.kind != IPC_CREDIT)
        kill_own_group();
}

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static void send_body(struct process *process, const uint8_t *data, size_t bytes) {
    struct stream *stream = &process->stream;
    while (bytes > 0 && !stream->is_stopped && !is_stop_requested) {
        size_t part =
            smallest(bytes, CREW_CHUNK_BYTES, stream->allowed_bytes - stream->sent_bytes);
        if (part == 0) {
            wait_for_credit(process);
            continue;
        }
        ipc_put_chunk(&process->socket.out, data, part, stream->generation);
        send_frames(process);
        stream->sent_bytes += (uint32_t)part;
        data += part;
        bytes -= part;
    }
}

static int port_flush(void *arg, const struct crew_answer *head, const void *data,
                      size_t bytes) {
    struct process *process = arg;
    struct stream *stream = &process->stream;
    if (head != NULL) {
        ipc_put_head(&process->socket.out, head, stream->generation);
        send_frames(process);
        stream->has_begun = true;
    }
    send_body(process, data, bytes);
    return is_stop_requested || stream->is_stopped ? CREW_ECANCELLED : CREW_OK;
}

/* ---- running ---- */

static void free_run(struct process *process) {
    buffer_fini(&process->run_frame);
    while (process->results != NULL) {
        struct received_result *received = process->results;
        process->results = received->next;
        buffer_fini(&received->frame);
        ipc_call_result_fini(&received->result);
        free(received);
    }
}

static void put_error(struct process *process, int error, uint32_t generation) {
    struct crew_answer outcome = {.error = error, .status = crew_error_status(error)};
    ipc_put_answer(&process->socket.out, &outcome, generation);
}

static void put_answer(struct process *process, const struct crew_answer *answer,
                       uint32_t generation) {
    struct buffer *out = &process->socket.out;
    size_t before = out->len;
    if (!ipc_pairs_fit(answer->pairs, answer->pair_count)) {
        put_error(process, CREW_EBADRESPONSE, generation);
        return;
    }
    ipc_put_answer(out, answer, generation);
    if (remove_failed_frame(out, before))
        put_error(process, CREW_EFAILED, generation);
}

/* Send several answers in one write: they are stored while requests follow that are known
 * to be short. The supervisor can read them in the ring meanwhile. */
static void store_or_send(struct process *process, size_t from) {
    const struct buffer *out = &process->socket.out;
    process->stored_answers++;
    if (out->failed || process->stored_answers >= MAX_STORED_ANSWERS ||
        !task_ring_store(process->ring, out->data + from, out->len - from))
        send_frames(process);
}

static void send_stored(struct process *process) {
    if (process->stored_answers > 0)
        send_frames(process);
}

static void run(struct process *process, struct ipc_scratch *scratch,
                const struct wire_item *item) {
    struct crew_task_view task;
    struct crew_answer answer;
    struct ipc_run_terms terms;
    if (!ipc_get_run(item, scratch, &task, &terms)) {
        put_error(process, CREW_EFAILED, item->sequence);
        send_frames(process);
        return;
    }
    if (!task_ring_claim(process->ring, terms.slot, terms.generation))
        return; /* the supervisor has revoked it */
    uint64_t key = request_runtimes_key(&task);
    if (!request_runtimes_is_short(&process->runtimes, key))
        send_stored(process);
    process->stream = (struct stream){.generation = terms.generation,
                                      .allowed_bytes = CREW_WINDOW_BYTES};
    is_stop_requested = 0;
    is_running = 1;
    crew_host_run(process->host, &task, terms.left_ms, &answer);
    is_running = 0;
    request_runtimes_note(&process->runtimes, key,
                          process->stream.has_begun ? UINT64_MAX : answer.run_us);
    size_t from = process->socket.out.len;
    put_answer(process, &answer, terms.generation);
    if (process->stream.has_begun)
        send_frames(process);
    else
        store_or_send(process, from);
    free_run(process);
}

static void serve(struct process *process) {
    struct ipc_scratch scratch = {0};
    struct wire_item item;
    for (;;) {
        if (!ipc_socket_has_next(&process->socket))
            send_stored(process);
        read_frame(process, &item);
        if (item.kind == IPC_QUIT)
            break;
        if (item.kind == IPC_RUN)
            run(process, &scratch, &item);
    }
    ipc_scratch_fini(&scratch);
}

/* ---- start ---- */

/* The heap is not trimmed after a large request: to get the memory again from the system,
 * page by page, takes longer than all else that is done with its bytes. */
static void retain_heap(void) {
    mallopt(M_MMAP_THRESHOLD, RETAINED_HEAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, RETAINED_HEAP_BYTES);
}

static void limit_memory(size_t bytes) {
    if (bytes == 0)
        return;
    const struct rlimit limit = {bytes, bytes};
    setrlimit(RLIMIT_DATA, &limit);
}

/* The service manager's variables are for the supervisor alone. */
static void unset_service_manager(void) {
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
                                        "WATCHDOG_PID",  "LISTEN_FDS",
                                        "LISTEN_PID",    "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* In an error text for people the app has its own name, not that of its snapshot. */
static void replace_snapshot_name(const struct ipc_setup *setup, const char *why,
                                  char *text, size_t text_bytes) {
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
        replace_snapshot_name(setup, why, text, sizeof text);
        ipc_put_load_error(&process->socket.out, text);
    }
    send_frames(process);
    return error;
}

int child_main(void) {
    static struct process process;
    struct wire_item item;
    prctl(PR_SET_NAME, "crew-handler"); /* so that `pkill app-worker` means supervisors */
    install_stop_handler();
    unset_service_manager();
    retain_heap();
    ipc_socket_init(&process.socket, IPC_SOCKET_FD, SIZE_MAX);
    process.ring = task_ring_map(IPC_RING_FD);
    if (process.ring == NULL)
        return EXIT_FAILURE;
    read_frame(&process, &item);
    if (!ipc_get_setup(&item, &process.setup_scratch, &process.setup))
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
    ipc_scratch_fini(&process.setup_scratch);
    return error == CREW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
