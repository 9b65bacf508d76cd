/* One connection to the broker, from login to loss: what comes in is taken apart and
 * becomes events, what goes out is encoded, heartbeats are kept. Belongs to the link's
 * thread.
 */
#ifndef CREW_AMQP_CONNECTION_H
#define CREW_AMQP_CONNECTION_H

#include "amqp/assembly.h"
#include "amqp/confirms.h"
#include "amqp/login.h"
#include "amqp/ops.h"

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_CLOSING, /* connection.close sent: close-ok awaited, all else is dropped */
    CONNECTION_LOST     /* `why` says why; nothing goes in or out any more */
};

struct connection {
    enum connection_state state;
    uint64_t epoch;
    uint64_t heartbeat_ms; /* 0: none */
    struct transport transport;
    struct confirms confirms;
    struct acks acks;
    struct ops ops;
    struct assembly assembly;
    struct message *pending; /* to be published, not encoded yet */
    struct message *pending_last;
    struct event_list *events;
    char why[LOGIN_WHY_BYTES];
};

/* Log in. False: C->why says why, and nothing is to be freed. EVENTS is where all events
 * of this connection go; it must stay where it is, as must C. */
bool connection_open(struct connection *c, const struct login *login, uint64_t epoch,
                     struct event_list *events);

/* Give every message and op its end, as events, and close the socket. */
void connection_fini(struct connection *c);

void connection_publish(struct connection *c, struct message *list);
void connection_op(struct connection *c, struct link_op *op);
void connection_settle(struct connection *c, const struct settle *list, size_t count);

/* What poll shall wait for, and for how long; -1: for ever. */
short connection_poll_events(struct connection *c);
int connection_timeout_ms(const struct connection *c, uint64_t now_ms);

/* Take in what is there (READABLE: poll said so), look after heartbeats, write. */
void connection_turn(struct connection *c, bool readable);

/* Whether all that was handed over has been sent and answered. */
bool connection_idle(const struct connection *c);

/* Say good-bye: LOST once the broker has answered. */
void connection_close(struct connection *c);
/* The same without waiting: LOST now, and WHY is why. */
void connection_leave(struct connection *c, const char *why);

#endif
