/* What the parts of the bridge share: the loop, the client, the limits. One thread, the
 * loop's, uses all of it. */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include "acceptor.h"
#include "fcgi-bridge/fcgi/connection.h"
#include "fcgi-bridge/pubsub/subscribe.h"
#include "listener.h"
#include "reload.h"
#include "settings.h"
#include <crew/client.h>
#include <uv.h>

enum bridge_state {
    BRIDGE_STARTING, /* takes over from another bridge, and accepts nothing until its
                        client is connected, or until the start timer says so */
    BRIDGE_RUNNING,  /* until a signal says so */
    BRIDGE_STOPPING, /* what was begun is being answered; ended by the last connection or
                        by the stop timer */
    BRIDGE_LEFT      /* nothing more happens; handles are being closed */
};

struct bridge {
    enum bridge_state state;
    const struct settings *settings;
    uv_loop_t loop;
    uv_timer_t timer; /* the start timer, later the stop timer */
    uv_signal_t signals[4];
    const struct crew_broker *broker;
    crew_client *client;
    uv_poll_t client_poll;
    uv_prepare_t client_flush; /* calls leave together, before the loop waits */
    struct listener *listener;
    struct acceptor acceptor;
    struct connections connections;
    struct reload reload;
    struct subscribers subscribers;
    unsigned inflight;      /* calls and publications that the client has */
    size_t buffered_bytes;  /* of input, of bodies in flight, of unsent output */
    uint64_t complained_ms; /* when a misconfiguration was last logged; 0: never */
};

/* bridge_init - take over LISTENER and CLIENT. BROKER is for those who subscribe. COMMAND
 * is the command line, for reloads; READY_FD (or -1) is where a bridge that takes over
 * from another says that it is ready. 0, or a libuv error: then there is nothing to
 * close. */
int bridge_init(struct bridge *bridge, const struct settings *settings,
                struct listener *listener, const struct crew_broker *broker,
                crew_client *client, char **command, int ready_fd);

/* bridge_run - until a signal ends it. */
void bridge_run(struct bridge *bridge);

/* bridge_fini - close what is left. The client has to live until then. */
void bridge_fini(struct bridge *bridge);

/* bridge_stop - accept nothing more, answer what was begun, then leave. HANDED_OVER:
 * another bridge has the listening socket. */
void bridge_stop(struct bridge *bridge, bool handed_over);

/* bridge_leave_when_done - a connection or a publication is no more: was it the last
 * thing that kept a stopping bridge? */
void bridge_leave_when_done(struct bridge *bridge);

/* bridge_full - whether requests hold as much memory as they may. */
bool bridge_full(const struct bridge *bridge);

/* bridge_connection_gone - a connection's descriptor is free again. */
void bridge_connection_gone(struct bridge *bridge);

#endif
