/* The supervisor: one loop for the worker's tasks, the handler processes and the signals.
 * It never loads the app.
 *
 * Signals: SIGTERM, SIGQUIT              stop consuming, finish the tasks in hand, exit
 *          SIGINT, or a second of those  exit now
 *          SIGHUP                        new handler processes with the app as it is now
 *
 * With --reload a change of the app does what SIGHUP does, and tasks that arrive after it
 * are held until that is done. */
#include "supervisor.h"

#include "daemon/log.h"
#include "daemon/log_event.h"
#include "daemon/notify.h"
#include "file_watcher.h"
#include "process_pool.h"
#include "reload.h"
#include <crew/worker.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    GZIP_ABOVE_BYTES = 32 * 1024,
    SETTLE_MS = 10 * 1000,
    EXIT_NOW_MS = 2 * 1000,
    CHECK_APP_MS = 50,
    MAX_HOLD_MS = 10 * 1000
};

enum phase {
    PHASE_STARTING, /* the first handler process is awaited */
    PHASE_SERVING,  /* tasks are consumed; a signal ends it */
    PHASE_DRAINING, /* no task is consumed; the exit of the last process is awaited */
    PHASE_ABORTING, /* tasks were given up; the same, with a time limit */
    PHASE_SETTLING, /* no process is left; the confirms of the last answers are awaited,
                       with a time limit */
    PHASE_COUNT
};

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_STARTING] = "starting",       [PHASE_SERVING] = "serving",
    [PHASE_DRAINING] = "stopping",       [PHASE_ABORTING] = "stopping now",
    [PHASE_SETTLING] = "settling tasks",
};

static const int signals[] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGCHLD};
enum { SIGNAL_COUNT = sizeof signals / sizeof *signals };

struct supervisor {
    enum phase phase;
    int status;
    bool is_announced; /* to the service manager: tasks are consumed */
    const struct settings *settings;
    uv_loop_t loop;
    crew_worker *worker;
    struct process_pool *pool;
    struct reload reload;
    struct file_watcher watcher; /* --reload */
    uv_poll_t worker_poll;
    uv_prepare_t worker_flush; /* before the loop waits: answers are sent together */
    uv_timer_t exit_timer;     /* ABORTING, SETTLING */
    uv_timer_t app_timer;      /* --reload: SERVING */
    uv_signal_t signals[SIGNAL_COUNT];
};

static void enter(struct supervisor *supervisor, enum phase phase) {
    log_debug("%s", phase_names[phase]);
    supervisor->phase = phase;
}

/* ---- the end ---- */

static void on_exit_timer(uv_timer_t *timer) {
    struct supervisor *supervisor = timer->data;
    size_t held = crew_worker_held(supervisor->worker);
    if (held > 0)
        log_warning("exiting with %zu tasks that could not be settled", held);
    uv_stop(&supervisor->loop);
}

static void stop_when_settled(struct supervisor *supervisor) {
    if (supervisor->phase == PHASE_SETTLING && crew_worker_held(supervisor->worker) == 0)
        uv_stop(&supervisor->loop);
}

static void on_empty(void *arg) {
    struct supervisor *supervisor = arg;
    if (supervisor->phase == PHASE_DRAINING)
        uv_timer_start(&supervisor->exit_timer, on_exit_timer, SETTLE_MS, 0);
    enter(supervisor, PHASE_SETTLING);
    stop_when_settled(supervisor);
}

static void drain(struct supervisor *supervisor) {
    log_info("stopping: finishing the tasks in hand");
    notify("STOPPING=1");
    enter(supervisor, PHASE_DRAINING);
    reload_cancel(&supervisor->reload);
    crew_worker_serve(supervisor->worker, NULL, 0);
    process_pool_hold(supervisor->pool, false);
    process_pool_drain(supervisor->pool);
}

static void stop_now(struct supervisor *supervisor) {
    notify("STOPPING=1");
    uv_timer_start(&supervisor->exit_timer, on_exit_timer, EXIT_NOW_MS, 0);
    if (supervisor->phase == PHASE_SETTLING)
        return;
    enter(supervisor, PHASE_ABORTING);
    crew_worker_serve(supervisor->worker, NULL, 0);
    process_pool_close(supervisor->pool);
}

/* ---- reload ---- */

static void begin_reload(struct supervisor *supervisor) {
    notify("RELOADING=1");
    file_watcher_reset(&supervisor->watcher);
    reload_begin(&supervisor->reload);
    if (!reload_is_running(&supervisor->reload))
        notify("READY=1");
}

/* Tasks that arrive after a change are held for the new app, for a limited time, as its
 * processes may not become ready. */
static void check_app(struct supervisor *supervisor) {
    if (!supervisor->settings->reload || supervisor->phase != PHASE_SERVING)
        return;
    enum file_change change = file_watcher_check(&supervisor->watcher);
    if (change == FILE_CHANGED) {
        log_info("%s has changed", supervisor->settings->app_argv[0]);
        begin_reload(supervisor);
    }
    bool is_awaited = change == FILE_CHANGING || reload_is_running(&supervisor->reload);
    process_pool_hold(supervisor->pool,
                      is_awaited &&
                          file_watcher_changed_within(&supervisor->watcher, MAX_HOLD_MS));
}

static void on_app_timer(uv_timer_t *timer) {
    check_app(timer->data);
}

/* ---- the worker ---- */

static void on_task(void *arg, crew_task *task) {
    struct supervisor *supervisor = arg;
    check_app(supervisor);
    process_pool_add(supervisor->pool, task);
}

static void on_queue(void *arg, const char *task, uint32_t messages, uint32_t consumers) {
    struct supervisor *supervisor = arg;
    process_pool_queue_inspected(supervisor->pool, task, messages, consumers);
}

static void on_credit(void *arg, crew_task *task, uint32_t allowed_bytes) {
    struct supervisor *supervisor = arg;
    process_pool_credit(supervisor->pool, task, allowed_bytes);
}

static void on_unread(void *arg, crew_task *task) {
    struct supervisor *supervisor = arg;
    process_pool_unread(supervisor->pool, task);
}

static void announce_ready(struct supervisor *supervisor) {
    if (supervisor->is_announced || supervisor->phase != PHASE_SERVING ||
        !crew_worker_ready(supervisor->worker))
        return;
    supervisor->is_announced = true;
    log_info("tasks are being consumed");
    notify("READY=1");
}

static void on_worker(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct supervisor *supervisor = poll->data;
    crew_worker_dispatch(supervisor->worker);
    announce_ready(supervisor);
    stop_when_settled(supervisor);
}

static void before_waiting(uv_prepare_t *prepare) {
    struct supervisor *supervisor = prepare->data;
    process_pool_flush(supervisor->pool);
    crew_worker_flush(supervisor->worker);
}

static void serve_tasks(struct supervisor *supervisor) {
    char names[512];
    const struct task_names *tasks = process_pool_tasks(supervisor->pool);
    int error = crew_worker_serve(supervisor->worker, (const char *const *)tasks->names,
                                  tasks->count);
    task_names_describe(tasks, names, sizeof names);
    if (error != CREW_OK)
        log_error("cannot serve tasks %s: %s", names, crew_strerror(error));
    else
        log_info("worker %s serves tasks %s with %u processes",
                 crew_worker_uuid(supervisor->worker), names,
                 supervisor->settings->processes);
}

/* ---- the pool ---- */

static void on_pool_ready(void *arg) {
    struct supervisor *supervisor = arg;
    enter(supervisor, PHASE_SERVING);
    serve_tasks(supervisor);
    if (supervisor->settings->reload)
        uv_timer_start(&supervisor->app_timer, on_app_timer, CHECK_APP_MS, CHECK_APP_MS);
}

static void on_unusable(void *arg, const char *why) {
    struct supervisor *supervisor = arg;
    log_error("%s", why);
    supervisor->status = EXIT_FAILURE;
    stop_now(supervisor);
}

static void on_changed(void *arg) {
    struct supervisor *supervisor = arg;
    if (supervisor->phase != PHASE_SERVING || reload_is_running(&supervisor->reload))
        return;
    log_warning("the app has other tasks than before");
    begin_reload(supervisor);
}

static void on_candidate(void *arg, const char *why) {
    struct supervisor *supervisor = arg;
    if (reload_candidate(&supervisor->reload, why)) {
        log_info("reloaded: the new handler processes are active");
        serve_tasks(supervisor);
    }
    if (!reload_is_running(&supervisor->reload))
        notify("READY=1");
    check_app(supervisor);
}

/* ---- signals ---- */

static void on_hangup(struct supervisor *supervisor) {
    if (supervisor->phase == PHASE_SERVING)
        begin_reload(supervisor);
    else
        log_warning("no reload while %s", phase_names[supervisor->phase]);
}

static void on_interrupt(struct supervisor *supervisor) {
    log_info("stopping now");
    stop_now(supervisor);
}

static void on_stop(struct supervisor *supervisor) {
    if (supervisor->phase <= PHASE_SERVING)
        drain(supervisor);
    else
        on_interrupt(supervisor);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct supervisor *supervisor = handle->data;
    switch (number) {
    case SIGCHLD:
        process_pool_reap(supervisor->pool);
        break;
    case SIGHUP:
        on_hangup(supervisor);
        break;
    case SIGINT:
        on_interrupt(supervisor);
        break;
    default:
        on_stop(supervisor);
        break;
    }
}

/* ---- life ---- */

static int make_worker(struct supervisor *supervisor) {
    const struct crew_worker_options options = {
        .name = "app-worker",
        .prefetch = supervisor->settings->max_prefetch,
        .gzip_above_bytes = GZIP_ABOVE_BYTES,
        .on_task = on_task,
        .task_arg = supervisor,
        .on_queue_info = on_queue,
        .on_credit = on_credit,
        .on_unread = on_unread,
        .on_event = log_event,
        .caller_driven_io = true,
    };
    int error =
        crew_worker_new(&supervisor->settings->broker, &options, &supervisor->worker);
    if (error != CREW_OK)
        log_error("cannot create the worker: %s", crew_strerror(error));
    else
        crew_worker_set_prefetch(supervisor->worker, supervisor->settings->prefetch);
    return error;
}

static int open_app(struct supervisor *supervisor) {
    const char *path = supervisor->settings->app_argv[0];
    file_watcher_init(&supervisor->watcher, path);
    int failed = reload_init(&supervisor->reload, supervisor->settings);
    if (failed)
        log_error("cannot copy %s: %s", path, strerror(errno));
    return failed;
}

static void make_pool(struct supervisor *supervisor) {
    const struct process_pool_listener listener = {
        .arg = supervisor,
        .ready = on_pool_ready,
        .unusable = on_unusable,
        .changed = on_changed,
        .candidate = on_candidate,
        .empty = on_empty,
    };
    supervisor->pool =
        process_pool_new(&supervisor->loop, supervisor->settings,
                         reload_app(&supervisor->reload), supervisor->worker, &listener);
    reload_set_pool(&supervisor->reload, supervisor->pool);
}

static void start_watching(struct supervisor *supervisor) {
    uv_loop_t *loop = &supervisor->loop;
    uv_timer_init(loop, &supervisor->exit_timer);
    uv_timer_init(loop, &supervisor->app_timer);
    supervisor->exit_timer.data = supervisor->app_timer.data = supervisor;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop, &supervisor->signals[i]);
        supervisor->signals[i].data = supervisor;
        uv_signal_start(&supervisor->signals[i], on_signal, signals[i]);
    }
    uv_poll_init(loop, &supervisor->worker_poll, crew_worker_fd(supervisor->worker));
    supervisor->worker_poll.data = supervisor;
    uv_poll_start(&supervisor->worker_poll, UV_READABLE, on_worker);
    uv_prepare_init(loop, &supervisor->worker_flush);
    supervisor->worker_flush.data = supervisor;
    uv_prepare_start(&supervisor->worker_flush, before_waiting);
}

static void stop_watching(struct supervisor *supervisor) {
    uv_close((uv_handle_t *)&supervisor->exit_timer, NULL);
    uv_close((uv_handle_t *)&supervisor->app_timer, NULL);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&supervisor->signals[i], NULL);
    uv_close((uv_handle_t *)&supervisor->worker_poll, NULL);
    uv_close((uv_handle_t *)&supervisor->worker_flush, NULL);
}

int supervisor_run(const struct settings *settings) {
    struct supervisor supervisor = {.settings = settings};
    if (make_worker(&supervisor) != CREW_OK)
        return EXIT_FAILURE;
    if (open_app(&supervisor) != 0) {
        crew_worker_free(supervisor.worker);
        return EXIT_FAILURE;
    }
    uv_loop_init(&supervisor.loop);
    start_watching(&supervisor);
    make_pool(&supervisor);
    uv_run(&supervisor.loop, UV_RUN_DEFAULT);

    process_pool_free(supervisor.pool);
    reload_fini(&supervisor.reload);
    stop_watching(&supervisor);
    crew_worker_free(supervisor.worker);
    uv_run(&supervisor.loop, UV_RUN_DEFAULT); /* the handles close */
    uv_loop_close(&supervisor.loop);
    return supervisor.status;
}
