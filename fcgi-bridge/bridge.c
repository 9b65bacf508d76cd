#include "bridge.h"

#include "daemon/log.h"
#include "daemon/notify.h"
#include <assert.h>
#include <signal.h>

/* A bridge that takes over accepts nothing before its client is connected, so that nobody
 * notices. A broker that is away would make it wait for ever. */
#define CLIENT_READY_WITHIN_MS 5000

bool bridge_full(const struct bridge *bridge) {
    return bridge->buffered_bytes > bridge->settings->max_buffered_bytes;
}

/* ---- from start to end ---- */

static void run_now(struct bridge *bridge) {
    bridge->state = BRIDGE_RUNNING;
    uv_timer_stop(&bridge->timer);
    acceptor_open(bridge);
    notify("READY=1");
    reload_tell_ready(bridge);
    log_info("ready");
}

static void leave(struct bridge *bridge) {
    if (bridge->state == BRIDGE_LEFT)
        return;
    if (bridge->inflight > 0)
        log_warning("leaving with %u requests unanswered", bridge->inflight);
    bridge->state = BRIDGE_LEFT;
    uv_stop(&bridge->loop);
}

static void on_stop_timeout(uv_timer_t *timer) {
    leave(timer->data);
}

void bridge_stop(struct bridge *bridge, bool handed_over) {
    assert(bridge->state < BRIDGE_STOPPING);
    bridge->state = BRIDGE_STOPPING;
    notify("STOPPING=1");
    log_info("stopping: %u requests in hand", bridge->inflight);
    reload_give_up(bridge);
    acceptor_close(bridge);
    listener_close(bridge->listener, handed_over);
    connections_stop(bridge);
    subscribers_stop(bridge);
    uv_timer_start(&bridge->timer, on_stop_timeout, bridge->settings->stop_timeout_ms, 0);
    bridge_leave_when_done(bridge);
}

/* What nobody waits for may be in flight: a publication goes on. */
void bridge_leave_when_done(struct bridge *bridge) {
    if (bridge->state == BRIDGE_STOPPING && bridge->connections.count == 0 &&
        bridge->inflight == 0)
        leave(bridge);
}

void bridge_connection_gone(struct bridge *bridge) {
    acceptor_resume(bridge);
    bridge_leave_when_done(bridge);
}

/* ---- events ---- */

static void on_client(uv_poll_t *poll, int status, int events) {
    struct bridge *bridge = poll->data;
    (void)status;
    (void)events;
    crew_client_dispatch(bridge->client);
    if (bridge->state == BRIDGE_STARTING && crew_client_ready(bridge->client))
        run_now(bridge);
}

static void before_waiting(uv_prepare_t *prepare) {
    struct bridge *bridge = prepare->data;
    crew_client_flush(bridge->client);
    subscribers_flush(bridge);
}

static void on_start_timeout(uv_timer_t *timer) {
    run_now(timer->data);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct bridge *bridge = handle->data;
    if (number == SIGHUP)
        reload_begin(bridge);
    else if (number == SIGINT || bridge->state >= BRIDGE_STOPPING)
        leave(bridge);
    else
        bridge_stop(bridge, false);
}

static int init_signals(struct bridge *bridge) {
    static const int numbers[] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP};
    int error = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !error; i++) {
        error = uv_signal_init(&bridge->loop, &bridge->signals[i]);
        bridge->signals[i].data = bridge;
        if (!error)
            error = uv_signal_start(&bridge->signals[i], on_signal, numbers[i]);
    }
    return error;
}

static int init_client(struct bridge *bridge) {
    uv_prepare_init(&bridge->loop, &bridge->client_flush);
    bridge->client_flush.data = bridge;
    uv_prepare_start(&bridge->client_flush, before_waiting);
    int error =
        uv_poll_init(&bridge->loop, &bridge->client_poll, crew_client_fd(bridge->client));
    bridge->client_poll.data = bridge;
    return error ? error : uv_poll_start(&bridge->client_poll, UV_READABLE, on_client);
}

int bridge_init(struct bridge *bridge, const struct settings *settings,
                struct listener *listener, const struct crew_broker *broker,
                crew_client *client, char **command, int ready_fd) {
    *bridge = (struct bridge){
        .settings = settings, .listener = listener, .broker = broker, .client = client};
    int error = uv_loop_init(&bridge->loop);
    if (error)
        return error; /* nothing is there that could be closed */
    uv_timer_init(&bridge->loop, &bridge->timer);
    bridge->timer.data = bridge;
    error = connections_init(bridge);
    if (!error)
        error = subscribers_init(bridge);
    if (!error)
        error = acceptor_init(bridge);
    if (!error)
        error = reload_init(bridge, command, ready_fd);
    if (!error)
        error = init_client(bridge);
    if (!error)
        error = init_signals(bridge);
    if (error)
        bridge_fini(bridge);
    return error;
}

void bridge_run(struct bridge *bridge) {
    if (bridge->reload.ready_fd < 0)
        run_now(bridge);
    else
        uv_timer_start(&bridge->timer, on_start_timeout, CLIENT_READY_WITHIN_MS, 0);
    uv_run(&bridge->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void bridge_fini(struct bridge *bridge) {
    bridge->state = BRIDGE_LEFT;
    reload_give_up(bridge);
    connections_close(bridge);
    uv_walk(&bridge->loop, close_handle, NULL);
    uv_run(&bridge->loop, UV_RUN_DEFAULT);
    connections_fini(bridge);
    subscribers_fini(bridge);
    int error = uv_loop_close(&bridge->loop);
    assert(!error);
    (void)error;
}
