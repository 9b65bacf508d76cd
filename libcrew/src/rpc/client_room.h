/* The inside of a client, shared by the files client*.c. */
#ifndef CREW_RPC_CLIENT_ROOM_H
#define CREW_RPC_CLIENT_ROOM_H

#include "rpc/names.h"
#include "rpc/session.h"
#include "wire/limits.h"
#include <crew/client.h>
#include <uthash.h>

/* The life of a call. Transitions: client_call.c. Every state but the last has a deadline
 * that ends the call if nothing else does. */
enum call_state {
    CALL_COMPRESSING, /* its body is on the offload thread; goes on to PROBING or QUEUED
                       */
    CALL_PROBING,     /* the number of consumers is asked for; then QUEUED or the end */
    CALL_QUEUED,      /* in the outbox, leaves with the next flush */
    CALL_SENT,        /* with the link; its fate decides */
    CALL_ACCEPTED, /* the broker has it; the answer, a dead letter or the clock ends it */
    CALL_STRANDED, /* was written, the connection was lost, may run again: waits for the
                      next connection */
    CALL_ENDED     /* being freed */
};

/* A doubly linked list (utlist) of calls in one of the waiting states. */
struct call_list {
    struct crew_pending *head;
};

struct crew_pending {
    crew_client *client;
    enum call_state state;
    bool taken;    /* a handler has it */
    bool written;  /* handed to a link before: it may have reached a worker */
    bool orphaned; /* SENT, and its reply queue is gone since: no answer can come */

    char id[LIMIT_ITEM_ID_BYTES + 1];
    UT_hash_handle hh;    /* client->calls, by id */
    struct call_list *in; /* the list it waits in, or null */
    struct crew_pending *prev, *next;
    struct session_timer timer; /* when the caller gives up */

    enum crew_form form;
    enum crew_repeat repeat;
    bool persistent;
    uint8_t priority;
    bool fail_without_workers;
    bool gzipped;
    int verdict; /* QUEUED: an error that is known already and told at the next flush */
    uint64_t deadline_ms; /* clock_ms */
    uint64_t deadline_unix_ms;
    char *queue;                    /* crew.tasks.NAME */
    char *content_type;             /* plain */
    struct message_header *headers; /* plain: the caller's own */
    size_t header_count;
    struct buffer body;   /* while it is not with the link */
    struct message *sent; /* while it is with the link (the link's, only to disown) */
    struct session_squeeze *squeeze; /* COMPRESSING */

    crew_answer_fn *fn;
    void *arg;
};

/* How many consumers a task queue has, asked at most once a second. */
struct consumers {
    char *queue;
    UT_hash_handle hh;
    uint32_t count;
    uint64_t checked_ms; /* 0: never */
    bool asking;
    struct call_list waiting;
};

struct crew_client {
    struct session session;
    char instance[17]; /* the beginning of the ids that we make */
    uint64_t next_id;
    size_t gzip_above_bytes;
    size_t max_answer_bytes;

    char *reply_queue;  /* of the present connection; null: none yet */
    bool replies_ready; /* declared, bound and consumed */
    bool said_ready;
    bool warned_foreign;
    struct session_timer retry; /* declare the reply queue again */

    struct crew_pending *calls; /* all, by id */
    struct call_list outbox;
    struct call_list stranded;
    struct consumers *consumers;
    struct buffer pairs;  /* scratch: an answer's header fields */
    uint64_t reported_ms; /* last warning about what a peer sent */
};

/* How long after the deadline the caller gives up: a worker's answer or a dead letter
 * that was sent at the deadline has this time to arrive. */
#define CALL_GRACE_MS 500u

/* client.c */
bool client_ready(const struct crew_client *c);
void client_warn(struct crew_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* client_call.c: the life cycle */
void call_finish(struct crew_pending *call, const struct crew_answer *answer);
void call_fail(struct crew_pending *call, int error);
void call_drop(struct crew_pending *call); /* without a word to the caller */
void call_fate(struct crew_pending *call, struct message *m);
void call_enqueue(struct crew_pending *call);                         /* → QUEUED */
void call_list_move(struct crew_pending *call, struct call_list *to); /* null: out */
bool calls_flush(struct crew_client *c); /* true: there is more */
void calls_reply_queue_lost(struct crew_client *c);
struct crew_pending *call_by_id(struct crew_client *c, const void *id, size_t id_bytes);

/* client_message.c: what goes on the wire */
int call_encode(struct crew_pending *call, const struct crew_call *from);
struct message *call_message(struct crew_pending *call);
struct message *call_cancel_message(const struct crew_pending *call);

/* client_reply.c: what comes back. Frees M. */
void client_receive(struct crew_client *c, struct message *m);

/* client_consumers.c */
void consumers_ask(struct crew_pending *call); /* → PROBING, QUEUED or the end */
void consumers_answered(struct link_op *op);   /* frees op */
void consumers_fini(struct crew_client *c);

#endif
