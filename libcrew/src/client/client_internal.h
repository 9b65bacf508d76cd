/* The inside of a client, shared by the files client*.c. Functions that are not public
 * are called with the client's lock held, the program's callbacks without it
 * (client_turn.c): behind each place where one may be called, whatever belongs to the
 * client may have changed, and a call may be gone. */
#ifndef CREW_CLIENT_INTERNAL_H
#define CREW_CLIENT_INTERNAL_H

#include "session/broker_session.h"
#include "session/compress_job.h"
#include "wire/broker_names.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <crew/client.h>
#include <pthread.h>
#include <uthash.h>

/* The life of a call. Transitions: client_call.c. Every state but the last has a deadline
 * that ends the call if nothing else does. */
enum call_state {
    CALL_COMPRESSING, /* its body is on the background thread; goes on to PROBING or QUEUED
                       */
    CALL_PROBING,     /* the number of consumers is asked for; then QUEUED or the end */
    CALL_QUEUED, /* in its lane, leaves with a flush; or doomed, and the flush ends it */
    CALL_SENT,   /* with the link; its status decides */
    CALL_ACCEPTED, /* the broker has it; the answer, a dead letter or the clock ends it */
    CALL_STRANDED, /* was written, the connection was lost, may run again: waits for the
                      next connection */
    CALL_STREAMING, /* the head of its answer has come; the end of the stream, what does
                       not follow on what came, or the clock ends it */
    CALL_ENDED      /* its end is being told; then it is freed */
};

/* A doubly linked list (utlist) of calls in one of the waiting states. */
struct call_list {
    struct crew_pending *head;
    size_t count;
};

/* A worker that has answered. */
struct lane_worker {
    uint64_t id; /* the beginning of its UUID */
    uint64_t seen_ms;
};

#define LANE_WORKERS 16

/* Requests for one queue on their way into messages of one kind: client_lane.c. */
struct lane {
    struct crew_client *client;
    UT_hash_handle hh; /* client->lanes, by key */
    const char *queue; /* crew.tasks.NAME, in the key */
    uint8_t level;
    bool persistent;
    struct call_list waiting;
    size_t open; /* calls of it that have not ended */
    size_t parcel_count;
    struct parcel *under_way; /* messages that have a place; the oldest first */
    size_t under_way_count;
    struct broker_session_timer timer; /* requests wait, and a place may be given up */
    size_t batch;                      /* how many requests a message may hold */
    uint32_t run_us;                   /* average in the handler; 0: not known */
    struct lane_worker workers[LANE_WORKERS];
    bool is_busy; /* in client->busy */
    struct lane *prev, *next;
    struct lane *idle_prev, *idle_next; /* client->idle: neither calls nor parcels */
    char key[];                         /* level, persistence, queue */
};

/* A message with the calls that are in it, from when it is sent until the last of them
 * has ended and its publish status is known. */
struct parcel {
    struct publish_waiter waiter; /* first */
    struct lane *lane;
    struct crew_pending *calls; /* those that have not ended */
    size_t count;               /* of all that were in it */
    uint64_t sent_ms;
    bool with_link; /* its status is awaited */
    bool has_place; /* in lane->under_way */
    struct parcel *prev, *next;
    struct parcel *all_prev, *all_next; /* client->parcels */
};

/* A streamed answer: client_stream.c. */
struct call_stream {
    char worker[LIMIT_ITEM_ID_BYTES + 1];
    uint32_t next;            /* the number of the piece that follows */
    uint64_t received;        /* bytes of body */
    uint64_t used;            /* of these, those that the caller is done with */
    uint64_t granted;         /* what the worker was told that it may send in all */
    struct crew_answer *head; /* kept, where the pieces are collected */
    struct buffer body;       /* the same */
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
    struct broker_session_timer timer; /* when the caller gives up */

    enum crew_form form;
    enum crew_repeat repeat;
    bool fail_without_workers;
    bool gzipped;
    int verdict; /* doomed: the error that is told at the next flush */
    uint32_t budget_ms;
    uint64_t deadline_ms; /* clock_ms */
    uint64_t deadline_unix_ms;
    struct lane *lane;
    char *content_type;             /* plain */
    struct message_header *headers; /* plain: the caller's own */
    size_t header_count;
    struct buffer body;    /* while it is not with the link */
    struct parcel *parcel; /* the message that it is in */
    struct crew_pending *parcel_prev, *parcel_next;
    struct compress_job *compress_job; /* COMPRESSING */
    struct call_stream *stream;        /* from its head on; else null */

    struct crew_receiver to; /* chunk and head null: pieces are collected */
    void *arg;
    bool fn_is_the_programs; /* called without the lock, libcrew's own are called with it
                              */
};

/* The owner of a LINK_PROBE_QUEUE. */
struct queue_probe {
    void (*answered)(struct queue_probe *probe, const struct link_op *op);
};

/* How many consumers a task queue has, asked at most once a second. */
struct consumers {
    struct queue_probe probe; /* first: it is turned back into its entry */
    char *queue;
    UT_hash_handle hh;
    uint32_t count;
    uint64_t checked_ms; /* 0: never */
    bool asking;
    struct call_list waiting;
};

/* What is published, each list in the order of the numbers: client_publish.c. */
struct publications {
    uint64_t last_number;
    bool has_new;          /* since the last flush */
    bool exchange_ready;   /* declared over the present connection */
    bool exchange_refused; /* it cannot be */
    bool history_ready;    /* crew.history takes messages, or there is none */
    struct queue_probe history_probe;
    struct broker_session_timer history_again; /* when it is looked at once more */
    uint64_t history_until_ms;                 /* how long it is waited for */
    struct publication *fresh;
    struct publication *stranded; /* all before those that are fresh */
    struct publication *with_link;
};

/* A thread that waits. Its own, on its stack. */
struct client_waiter {
    struct crew_client *client;
    bool over;      /* what it waits for has come */
    bool for_ready; /* it waits until the client is ready */
    bool has_turn;
    pthread_cond_t changed;
    struct broker_session_timer timer; /* where it does not wait for ever */
    struct client_waiter *prev, *next; /* client->waiters */
};

struct crew_client {
    unsigned born_in; /* fork_generation of its process */
    pthread_mutex_t lock;
    pthread_cond_t turn_over; /* the turn is free, or the last waiter has left */
    bool turn_taken;
    pthread_t turn_owner;
    bool passed_by; /* somebody had something to dispatch meanwhile */
    struct client_waiter *waiters;
    struct client_waiter *leader; /* watches the session; null: nobody does */
    size_t ready_waiters;
    int nudge_fd; /* wakes the leader */
    bool closing; /* no new calls */

    struct broker_session session;
    crew_event_fn *on_event;
    void *event_arg;
    char trouble[512]; /* why there is no connection, as far as it is known */
    char instance[17]; /* the beginning of the ids that we make */
    uint64_t next_id;
    size_t gzip_above_bytes;
    size_t max_answer_bytes;

    char *reply_queue;  /* of the present connection; null: none yet */
    bool replies_ready; /* declared, bound and consumed */
    bool said_ready;
    bool warned_foreign;
    struct broker_session_timer retry; /* declare the reply queue again */

    struct crew_pending *calls; /* all, by id */
    struct lane *lanes;         /* all, by key */
    struct lane *busy;          /* those to be looked at in the next flush */
    struct lane *idle;          /* those without a call; the one idle for longest first */
    struct parcel *parcels;
    unsigned max_batch;
    struct call_list doomed; /* calls that end with the next flush */
    struct call_list stranded;
    struct publications publications;
    struct consumers *consumers;
    struct queue_look *looks; /* questions about queues that somebody waits for, or did */
    struct buffer pairs;      /* scratch: an answer's header fields */
    uint64_t reported_ms;     /* last warning about what a peer sent */
};

/* How long after the deadline the caller gives up: a worker's answer or a dead letter
 * that was sent at the deadline has this time to arrive. */
#define CALL_GRACE_MS 500u
#define DEFAULT_EXPIRATION_MS 30000u

/* client.c */
bool client_ready(const struct crew_client *c);       /* connected */
bool client_takes_calls(const struct crew_client *c); /* and not blocked */
void client_warn(struct crew_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* client_turn.c: threads */
int client_turn_init(struct crew_client *c); /* 0 or CREW_ESYSTEM */
void client_turn_fini(struct crew_client *c);
bool client_enter(struct crew_client *c); /* lock; false: we are a child of its process */
void client_leave(struct crew_client *c);
bool client_turn_try(struct crew_client *c);  /* false: somebody has it, we perhaps */
void client_turn_take(struct crew_client *c); /* waits; not from a callback */
void client_turn_give(struct crew_client *c);
bool client_in_callback(const struct crew_client *c);
void client_dispatch(struct crew_client *c);
/* A thread waits: begin (lock, 0; or why not, unlocked); start what shall say
 * client_wait_over, which goes out at once and without a wake-up; wait, if it was
 * started; look at what came of it; end (unlock). */
int client_wait_begin(struct crew_client *c, struct client_waiter *w);
void client_wait(struct client_waiter *w);
void client_wait_over(struct client_waiter *w);
void client_wait_end(struct client_waiter *w);
void client_wait_for_leavers(struct crew_client *c); /* until no thread waits */

/* client_call.c: the life cycle */
int client_call(struct crew_client *c, const struct crew_call *from,
                const struct crew_receiver *to, void *arg, struct crew_pending **pending);
void client_cancel(struct crew_pending *call);
void call_finish(struct crew_pending *call, const struct crew_answer *answer);
void call_fail(struct crew_pending *call, int error);
void call_doom(struct crew_pending *call, int error); /* fails at the next flush */
void call_take_back(struct crew_pending *call);       /* tell the workers */
void call_published(struct crew_pending *call, enum publish_status status);
void call_take_body(struct crew_pending *call, struct message *m);
void call_sent(struct crew_pending *call);    /* → SENT */
void call_hold(struct crew_pending *call);    /* there is no connection */
void call_enqueue(struct crew_pending *call); /* → QUEUED */
void call_list_move(struct crew_pending *call, struct call_list *to); /* null: out */
bool calls_flush(struct crew_client *c); /* true: there is more */
void calls_reply_queue_lost(struct crew_client *c);
struct crew_pending *call_by_id(struct crew_client *c, const void *id, size_t id_bytes);

/* client_lane.c: requests into messages */
/* The lane of one call more, until lane_leave. */
struct lane *lane_enter(struct crew_client *c, const char *task, uint8_t level,
                        bool persistent);
void lane_leave(struct lane *lane);
void lane_wake(struct lane *lane); /* look at it in the next flush */
void lane_note_answer(struct lane *lane, const struct wire_item *item);
void lanes_flush(struct crew_client *c, bool open);
void lanes_fini(struct crew_client *c);
void parcel_leave(struct crew_pending *call); /* it has ended, or starts anew */
void parcels_fini(struct crew_client *c);

/* client_message.c: what goes on the wire */
uint8_t level_of(uint8_t priority);
int call_encode(struct crew_pending *call, const struct crew_call *from);
struct message *parcel_message(struct parcel *p);
void call_publish_cancel(const struct crew_pending *call);
/* To the worker with this UUID, about one of its streams. */
void client_tell_worker(struct crew_client *c, const char *uuid,
                        const struct wire_item *item);

/* client_reply.c: what comes back. Frees M. */
void client_receive(struct crew_client *c, struct message *m);
/* The head of an answer; its pairs are good until the next one is read. False: memory is
 * out. */
bool reply_head(struct crew_client *c, const struct wire_item *item,
                struct crew_answer *answer);
int reply_error(const struct wire_item *item); /* 0, or the outcome that it names */

/* client_stream.c: head, chunk and end. CALL is null where nobody waits. */
void stream_receive(struct crew_client *c, struct crew_pending *call,
                    const struct wire_item *item);
/* What came does not follow on what came before. */
void stream_break(struct crew_pending *call, int error, const char *why);
void stream_free(struct call_stream *stream); /* null is fine */

/* client_group.c. ANSWERS, each to be freed with crew_answer_free, may be taken out. */
typedef void group_ended_fn(void *arg, int error, struct crew_answer *answers[],
                            size_t count);
int client_group(struct crew_client *c, const struct crew_group *group,
                 group_ended_fn *fn, void *arg, struct crew_pending_group **pending);
struct crew_answer *group_answer_without_call(int error);

/* client_publish.c */
void publications_init(struct crew_client *c);
void publications_declare_exchange(struct crew_client *c); /* on a new connection */
void publications_note_exchange(struct crew_client *c, const struct link_op *op);
void publications_flush(struct crew_client *c);
void publications_end(struct crew_client *c); /* those under way, with CREW_ECLOSED */
void publications_fini(struct crew_client *c);

/* client_queue.c */
void queue_looks_end(struct crew_client *c);
void queue_looks_fini(struct crew_client *c);

/* client_consumers.c */
void consumers_ask(struct crew_pending *call); /* → PROBING, QUEUED or the end */
void consumers_fini(struct crew_client *c);

#endif
