/* A link: one connection to the broker that reconnects by itself, with a thread of its
 * own. Only the files of this folder use rabbitmq-c.
 *
 * Commands: the owner queues them from any of its threads; they never block. Events: the
 * link passes lists of them to on_events on the link's thread; the owner typically
 * appends them to its inbox and wakes its own thread.
 *
 * Caller-driven I/O: an owner with an event loop that never blocks for long may do the
 * I/O of an open connection itself (caller_epoll_fd, link_drive). The link's thread then
 * sleeps until the connection is lost. This saves a thread switch for every message.
 *
 * States (enum link_state in link.c): WAITING (back-off) → CONNECTING → OPEN or
 * CALLER_DRIVEN → WAITING ... → CLOSED. An open link has two AMQP channels: the data
 * channel for publishing (with publisher confirms if the link was made for publishing)
 * and consuming, and the topology channel for declares and probes, whose refusal
 * therefore does not affect deliveries. Each connection has a new epoch (1, 2, ...).
 *
 * Of several addresses a link takes the first that accepts it and keeps it while it can;
 * amqp/backoff.h says which one it tries after a loss. link_switch_address chooses
 * another.
 *
 * The owner declares its topology with link_op after each LINK_OPEN.
 */
#ifndef CREW_AMQP_LINK_H
#define CREW_AMQP_LINK_H

#include "amqp/link_event.h"
#include "amqp/link_op.h"
#include "amqp/message.h"
#include <crew/broker.h>

struct link;

struct link_options {
    const struct crew_broker *broker; /* copied */
    const char *name;                 /* connection_name, copied */
    bool confirms; /* for publishing: confirm.select on the data channel */
    /* The owner does the I/O of open connections, except over TLS, where a write may
     * block. Decoding takes up to 3 MiB of its thread's stack. */
    bool caller_driven_io;
    int caller_epoll_fd;       /* the owner's epoll set, in which the socket is watched */
    uint32_t caller_epoll_tag; /* epoll_data.u32 of the socket */
    /* LIST is a singly linked list of at least one event, oldest first; the callee owns
     * it. Called on the link's thread. */
    void (*on_events)(void *arg, struct link_event *list);
    void *arg;
};

/* Starts the thread. CREW_ESYSTEM. */
int link_new(const struct link_options *options, struct link **link);

/* Caller-driven I/O, from LINK_OPEN to LINK_LOST: read what has arrived (READABLE: epoll
 * reports it), execute queued commands, write. *EVENTS is the list of what happened;
 * null: nothing. False: the connection is lost and the link's thread owns it again.
 * Commands for a caller-driven link wait for the next call. */
bool link_drive(struct link *link, bool readable, struct link_event **events);

/* In how many milliseconds link_drive must be called, readable or not; -1: no limit. */
int link_drive_due_ms(const struct link *link);

/* Remove the socket from the epoll set until the next link_drive. */
void link_disarm(struct link *link);

/* Publish a list of messages (linked by next) on the connection of EPOCH, in order. The
 * link owns them until LINK_PUBLISHED. If that connection is no longer open their status
 * is PUBLISH_UNSENT. Any thread. */
void link_publish(struct link *link, uint64_t epoch, struct message *list);

/* Do a topology operation; the link owns it until LINK_OP_DONE. Any thread. */
void link_op(struct link *link, uint64_t epoch, struct link_op *op);

/* Ack or reject (requeue = false: dead letter; true: back to the queue) one delivery.
 * Ignored if EPOCH is not the present connection's. Acks that are queued together are
 * sent together. Any thread. */
void link_ack(struct link *link, uint64_t epoch, uint64_t delivery_tag);
void link_reject(struct link *link, uint64_t epoch, uint64_t delivery_tag, bool requeue);

/* Leave the connection of EPOCH (0: there is none) and make the next attempt at address
 * URL. Does nothing if a newer connection exists: its LINK_OPEN has not reached the owner
 * yet. LINK_LOST follows for the connection that is left; the delay before the attempt is
 * the same as after any loss. Any thread. */
void link_switch_address(struct link *link, uint64_t epoch, size_t url);

/* Start what link_free waits for; FLUSH_MS counts from this call. An owner of several
 * links stops them all first, so that they end at the same time. Null is fine. */
void link_stop(struct link *link, unsigned flush_ms);

/* Flush queued commands (for at most FLUSH_MS), close the connection, end the thread,
 * free the link. Later events and messages are freed without being reported. Blocks for
 * at most FLUSH_MS and a second. Must not be called from on_events. Null is fine. */
void link_free(struct link *link, unsigned flush_ms);

#endif
