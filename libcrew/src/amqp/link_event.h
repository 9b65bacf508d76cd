/* What a link reports to its owner. */
#ifndef CREW_AMQP_LINK_EVENT_H
#define CREW_AMQP_LINK_EVENT_H

#include "amqp/link_op.h"
#include "amqp/message.h"

enum link_event_kind {
    LINK_OPEN,    /* connected and logged in at address url; the owner declares its
                     topology now. With caller_driven it calls link_drive from now on */
    LINK_LOST,    /* text: the reason. The last event of its epoch: the status of every
                     message and the result of every operation come before it */
    LINK_FAILED,  /* an attempt to connect failed, text: the reason; the link retries */
    LINK_BLOCKED, /* connection.blocked, text: the reason */
    LINK_UNBLOCKED,
    LINK_OP_DONE,   /* op: the owner frees it */
    LINK_PUBLISHED, /* message with its status: the owner frees it */
    LINK_DELIVERY,  /* message: the owner frees it, and acks it by epoch and tag */
    LINK_CONSUMER_CANCELLED, /* basic.cancel from the broker, text: the queue */
    LINK_CHANNEL_CLOSED      /* the broker closed the data channel, text: the reason. The
                           link gives up the connection (LINK_LOST follows) and opens a
                           new one */
};

struct link_event {
    struct link_event *next;
    enum link_event_kind kind;
    uint64_t epoch;
    struct message *message;
    struct link_op *op;
    char *text;
    size_t url;         /* LINK_OPEN: index of the address */
    bool caller_driven; /* LINK_OPEN: the owner does the connection's I/O */
};

/* Frees the event and what it still owns. Null is fine. */
void link_event_free(struct link_event *event);

#endif
