/* One connection to the broker, from login to loss: decodes incoming frames into events,
 * encodes outgoing messages and operations, sends and checks heartbeats. Used only by the
 * thread that owns the link.
 */
#ifndef CREW_AMQP_CONNECTION_H
#define CREW_AMQP_CONNECTION_H

#include "amqp/assembly.h"
#include "amqp/confirms.h"
#include "amqp/login.h"
#include "amqp/op_queue.h"

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_CLOSING, /* connection.close was sent; waits for close-ok, other frames are
                           dropped */
    CONNECTION_LOST     /* no I/O any more; `error` is the reason */
};

struct connection {
    enum connection_state state;
    uint64_t epoch;
    uint64_t heartbeat_ms; /* 0: none */
    struct transport transport;
    struct confirms confirms;
    struct acks acks;
    struct op_queue ops;
    struct assembly assembly;
    struct message *pending; /* messages to publish, not encoded yet */
    struct message *pending_last;
    struct event_list *events;
    char error[LOGIN_ERROR_BYTES];
};

/* Connect and log in. False: connection_error is the reason, and there is nothing to
 * free. Events of this connection are added to EVENTS. Neither EVENTS nor C may move. */
bool connection_open(struct connection *c, const struct login *login, uint64_t epoch,
                     struct event_list *events);

/* Report the status of every message and the result of every operation, and close the
 * socket. */
void connection_fini(struct connection *c);

bool connection_is_lost(const struct connection *c);
/* Why the connection is lost or could not be opened. */
const char *connection_error(const struct connection *c);

void connection_publish(struct connection *c, struct message *list);
void connection_op(struct connection *c, struct link_op *op);
void connection_settle(struct connection *c, const struct settlement *list, size_t count);

int connection_fd(const struct connection *c);
/* Whether a write may block (TLS). */
bool connection_may_block(const struct connection *c);
/* What to poll for, and for how long; -1: without limit. */
short connection_poll_events(const struct connection *c);
int connection_timeout_ms(const struct connection *c, uint64_t now_ms);

/* Read and handle what has arrived (READABLE: poll reports it), check heartbeats,
 * write. */
void connection_drive(struct connection *c, bool readable);

/* Whether everything that was queued has been sent and answered. */
bool connection_is_idle(const struct connection *c);

/* Send connection.close: LOST once the broker has answered. */
void connection_close(struct connection *c);
/* The same without waiting: LOST now, for this reason. */
void connection_leave(struct connection *c, const char *reason);

#endif
