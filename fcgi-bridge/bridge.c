#include "bridge.h"

#include "acceptor.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "fcgi-bridge/fcgi/connection.h"
#include "fcgi-bridge/fcgi/load.h"
#include "fcgi-bridge/http/request.h"
#include "fcgi-bridge/http/task_call.h"
#include "fcgi-bridge/pubsub/publish.h"
#include "fcgi-bridge/pubsub/subscribe.h"
#include "reload.h"
#include <assert.h>
#include <signal.h>
#include <uv.h>

/* A bridge that takes over accepts nothing until its client is connected, so that no
 * request fails. If the broker is not available it takes over after this time. */
#define START_TIMEOUT_MS 5000

enum bridge_state {
    BRIDGE_STARTING, /* takes over from another bridge; until the client is connected or
                        the start timeout */
    BRIDGE_RUNNING,  /* until a signal */
    BRIDGE_STOPPING, /* requests in progress are completed; until there are none, or the
                        stop timeout */
    BRIDGE_STOPPED   /* the loop ends, handles are being closed */
};

struct bridge {
    enum bridge_state state;
    const struct settings *settings;
    struct listener *listener;
    crew_client *client;
    uv_loop_t loop;
    uv_timer_t timer; /* start timeout, later stop timeout */
    uv_signal_t signals[4];
    uv_poll_t client_poll;
    uv_prepare_t prepare; /* runs before the loop waits */
    struct load load;
    struct requests requests;
    struct subscribers *subscribers;
    struct connections *connections;
    struct acceptor acceptor;
    struct reload reload;
};

/* ---- from start to stop ---- */

static void start_accepting(struct bridge *bridge) {
    bridge->state = BRIDGE_RUNNING;
    uv_timer_stop(&bridge->timer);
    acceptor_open(&bridge->acceptor);
    notify("READY=1");
    reload_report_ready(&bridge->reload);
    log_info("ready");
}

static void stop_loop(struct bridge *bridge) {
    if (bridge->state == BRIDGE_STOPPED)
        return;
    if (load_inflight(&bridge->load) > 0)
        log_warning("stopped with %u requests unanswered", load_inflight(&bridge->load));
    bridge->state = BRIDGE_STOPPED;
    uv_stop(&bridge->loop);
}

static void on_stop_timeout(uv_timer_t *timer) {
    stop_loop(timer->data);
}

/* Accept nothing more, complete what was begun, then end. HANDED_OVER: the listening
 * socket belongs to another bridge. */
static void stop_gracefully(struct bridge *bridge, bool handed_over) {
    assert(bridge->state < BRIDGE_STOPPING);
    bridge->state = BRIDGE_STOPPING;
    notify("STOPPING=1");
    log_info("stopping: %u requests in progress", load_inflight(&bridge->load));
    reload_cancel(&bridge->reload);
    acceptor_close(&bridge->acceptor);
    listener_close(bridge->listener, handed_over);
    connections_stop(bridge->connections);
    subscribers_stop(bridge->subscribers);
    uv_timer_start(&bridge->timer, on_stop_timeout, bridge->settings->stop_timeout_ms, 0);
}

/* Publications may be in flight without a connection. */
static bool is_done(const struct bridge *bridge) {
    return connections_count(bridge->connections) == 0 &&
           load_inflight(&bridge->load) == 0;
}

/* ---- events ---- */

static void on_client(uv_poll_t *poll, int status, int events) {
    struct bridge *bridge = poll->data;
    (void)status;
    (void)events;
    crew_client_dispatch(bridge->client);
    if (bridge->state == BRIDGE_STARTING && crew_client_ready(bridge->client))
        start_accepting(bridge);
}

/* Before the loop waits: send the calls that were collected. */
static void on_prepare(uv_prepare_t *prepare) {
    struct bridge *bridge = prepare->data;
    crew_client_flush(bridge->client);
    subscribers_flush(bridge->subscribers);
    if (bridge->state == BRIDGE_STOPPING && is_done(bridge))
        stop_loop(bridge);
}

static void on_start_timeout(uv_timer_t *timer) {
    start_accepting(timer->data);
}

static void on_accept(void *arg, int fd) {
    struct bridge *bridge = arg;
    connection_open(bridge->connections, fd);
}

static void on_connection_closed(void *arg) {
    struct bridge *bridge = arg;
    if (bridge->state != BRIDGE_STOPPED)
        acceptor_resume(&bridge->acceptor);
}

static void on_taken_over(void *arg) {
    stop_gracefully(arg, true);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct bridge *bridge = handle->data;
    if (number == SIGHUP) {
        if (bridge->state == BRIDGE_RUNNING)
            reload_begin(&bridge->reload);
    } else if (number == SIGINT || bridge->state >= BRIDGE_STOPPING) {
        stop_loop(bridge);
    } else {
        stop_gracefully(bridge, false);
    }
}

/* ---- initialization ---- */

static int init_signals(struct bridge *bridge) {
    static const int numbers[] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP};
    int error = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && error == 0; i++) {
        error = uv_signal_init(&bridge->loop, &bridge->signals[i]);
        bridge->signals[i].data = bridge;
        if (error == 0)
            error = uv_signal_start(&bridge->signals[i], on_signal, numbers[i]);
    }
    return error;
}

static int init_client(struct bridge *bridge) {
    uv_prepare_init(&bridge->loop, &bridge->prepare);
    bridge->prepare.data = bridge;
    uv_prepare_start(&bridge->prepare, on_prepare);
    int error =
        uv_poll_init(&bridge->loop, &bridge->client_poll, crew_client_fd(bridge->client));
    bridge->client_poll.data = bridge;
    return error != 0 ? error
                      : uv_poll_start(&bridge->client_poll, UV_READABLE, on_client);
}

static int init_subscribers(struct bridge *bridge, const struct crew_broker *broker) {
    const struct settings *settings = bridge->settings;
    const struct subscribers_options options = {.loop = &bridge->loop,
                                                .broker = broker,
                                                .history_bytes = settings->history_bytes,
                                                .history_s =
                                                    settings->history_age_ms / 1000,
                                                .max_waiting = settings->max_parked};
    return subscribers_new(&options, &bridge->subscribers);
}

static void init_requests(struct bridge *bridge) {
    const struct settings *settings = bridge->settings;
    bridge->load = (struct load){.max_inflight = settings->max_inflight,
                                 .max_buffered_bytes = settings->max_buffered_bytes};
    bridge->requests = (struct requests){
        .defaults = {.task = settings->task, .expiration_ms = settings->expiration_ms},
        .load = &bridge->load,
        .client = bridge->client,
        .backends = {[PURPOSE_CALL] = {&task_call_backend, NULL},
                     [PURPOSE_PUBLISH] = {&publish_backend, NULL},
                     [PURPOSE_SUBSCRIBE] = {&subscribe_backend, bridge->subscribers}}};
}

static int init_connections(struct bridge *bridge) {
    const struct settings *settings = bridge->settings;
    const struct connections_options options = {
        .loop = &bridge->loop,
        .load = &bridge->load,
        .max_body_bytes = settings->max_body_bytes,
        .max_connections = settings->max_inflight + settings->max_parked,
        .request_ops = &request_ops,
        .request_arg = &bridge->requests,
        .on_closed = on_connection_closed,
        .arg = bridge};
    return connections_new(&options, &bridge->connections);
}

static int init_listener(struct bridge *bridge, const struct bridge_options *options) {
    const struct reload_options reload = {.command = options->command,
                                          .listen_fd = options->listener->fd,
                                          .ready_fd = options->ready_fd,
                                          .on_taken_over = on_taken_over,
                                          .arg = bridge};
    int error = acceptor_init(&bridge->acceptor, &bridge->loop, options->listener->fd,
                              on_accept, bridge);
    return error != 0 ? error : reload_init(&bridge->reload, &bridge->loop, &reload);
}

static int init_modules(struct bridge *bridge, const struct bridge_options *options) {
    uv_timer_init(&bridge->loop, &bridge->timer);
    bridge->timer.data = bridge;
    int error = init_subscribers(bridge, options->broker);
    if (error == 0) {
        init_requests(bridge);
        error = init_connections(bridge);
    }
    if (error == 0)
        error = init_listener(bridge, options);
    if (error == 0)
        error = init_client(bridge);
    if (error == 0)
        error = init_signals(bridge);
    return error;
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Also after an initialization that failed. */
static void close_all(struct bridge *bridge) {
    bridge->state = BRIDGE_STOPPED;
    reload_cancel(&bridge->reload);
    if (bridge->connections != NULL)
        connections_close(bridge->connections);
    uv_walk(&bridge->loop, close_handle, NULL);
    uv_run(&bridge->loop, UV_RUN_DEFAULT);
    connections_free(bridge->connections);
    subscribers_free(bridge->subscribers);
    int error = uv_loop_close(&bridge->loop);
    assert(error == 0);
    (void)error;
}

int bridge_run(const struct bridge_options *options) {
    struct bridge bridge = {.settings = options->settings,
                            .listener = options->listener,
                            .client = options->client};
    int error = uv_loop_init(&bridge.loop);
    if (error != 0)
        return error;
    error = init_modules(&bridge, options);
    if (error == 0) {
        if (reload_has_previous(&bridge.reload))
            uv_timer_start(&bridge.timer, on_start_timeout, START_TIMEOUT_MS, 0);
        else
            start_accepting(&bridge);
        uv_run(&bridge.loop, UV_RUN_DEFAULT);
    }
    close_all(&bridge);
    return error;
}
