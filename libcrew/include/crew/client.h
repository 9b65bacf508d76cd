/* crew/client.h - call tasks by name, publish messages.
 *
 * A client owns two connections to the broker, each with a thread of its own, and a
 * reply queue that lives as long as its connection. It reconnects by itself. There are
 * two ways to use it, which may be mixed:
 *
 *   blocking   crew_client_call_wait, crew_client_group_wait: call, wait, have the
 *              answer.
 *   in a loop  crew_client_call, crew_client_group: a callback has the answer. Put
 *              crew_client_fd into any event loop (poll, libuv, GLib ...) and call
 *              crew_client_dispatch when it is readable.
 *
 * Callbacks run inside crew_client_dispatch and crew_client_flush, or, while threads wait
 * in a blocking call, on one of those; one at a time, and never inside the function that
 * started the call. A callback may use the client, but neither free it nor block on it.
 *
 * Threads: any number of threads may use a client at the same time. No function blocks
 * unless it says so. Signals: libcrew's threads take none, and blocking calls go on after
 * a signal handler has returned.
 *
 * fork(2): the client belongs to the process that made it. In a child its functions do
 * nothing and return CREW_ECLOSED, false, null or -1; the parent's connections are not
 * touched. Its descriptors close with execve(2).
 */
#ifndef CREW_CLIENT_H
#define CREW_CLIENT_H

#include <crew/broker.h>
#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_client crew_client;
typedef struct crew_pending crew_pending;
typedef struct crew_pending_group crew_pending_group;

/* What is left zero has its default. */
struct crew_client_options {
    const char *name; /* shown by the broker as connection name; null: "crew" */
    size_t
        gzip_above_bytes; /* bodies above this are compressed where it helps; 0: none is
                                unless its call says so */
    size_t max_answer_bytes; /* an inflated answer above this is CREW_EBADRESPONSE;
                                0: 64 MiB */
    crew_event_fn *on_event; /* a callback like the others; may be null */
    void *event_arg;
    unsigned
        max_batch; /* HTTP calls in one message at most, when handlers are fast; 0: 32 */
    bool
        /* input and output are done in the owner's loop: saves a change of threads for
         * all that comes and goes. One thread starts all calls that do not block; it
         * calls crew_client_flush each time before it waits for events, and is never away
         * from its loop for long: heartbeats are kept there. It needs 3 MiB of stack.
         * (Over TLS an I/O thread does it) */
        caller_driven_io;
};

/* ---- beginning and end ---- */

/* crew_client_new - start to connect, in the background. The broker need not be there: it
 * is tried again with backoff for ever. BROKER and OPTIONS (null: all defaults) are
 * copied. CREW_ESYSTEM: no thread or descriptor was to be had. */
CREW_API int crew_client_new(const crew_broker *broker,
                             const struct crew_client_options *options,
                             crew_client **client);

/* crew_client_free - close the connections. Calls still under way end with CREW_ECLOSED:
 * the callbacks of the others run inside, threads that wait come back first. No other
 * thread may begin to use the client meanwhile. Blocks until the I/O threads have ended,
 * at most about two seconds. Null is fine. */
CREW_API void crew_client_free(crew_client *client);

/* crew_client_ready - whether a call made now would be written to a broker now. */
CREW_API bool crew_client_ready(crew_client *client);

/* crew_client_wait_ready - wait until it would, for at most TIMEOUT_MS. CREW_EBROKER: it
 * is not so yet, and WHY (if not null, WHY_BYTES large) says what was wrong last, without
 * the password. CREW_EINVAL: called from a callback. CREW_ECLOSED. Blocks. */
CREW_API int crew_client_wait_ready(crew_client *client, uint32_t timeout_ms, char *why,
                                    size_t why_bytes);

/* ---- blocking ---- */

/* crew_client_call_wait - make a call and wait until it ends. 0: *ANSWER is the handler's
 * answer, to be freed with crew_answer_free. Otherwise *ANSWER is untouched: how the call
 * ended (CREW_EBROKER and those behind it), or why it was not made (as crew_client_call;
 * CREW_EINVAL also: called from a callback). Blocks, at most half a second longer than
 * the call's expiration. */
CREW_API int crew_client_call_wait(crew_client *client, const struct crew_call *call,
                                   struct crew_answer **answer);

/* crew_client_group_wait - make several calls at once and wait until their group ends.
 * ANSWERS has a place for each call; each is set in any case, and to be freed with
 * crew_answer_free. Returns 0 when all (with CREW_GROUP_ANY: one; with CREW_GROUP_FIRST:
 * the first) were answered without an error; else the error of the first in the order of
 * the calls; or why the group was not made (as crew_client_group), which stands in all
 * places then. Blocks like crew_client_call_wait. */
CREW_API int crew_client_group_wait(crew_client *client, const struct crew_group *group,
                                    struct crew_answer *answers[]);

/* ---- in an event loop ---- */

/* crew_client_fd - the descriptor that is readable when crew_client_dispatch has
 * something to do, timers included. Owned by the client, the same for its whole life. */
CREW_API int crew_client_fd(const crew_client *client);

/* crew_client_dispatch - do what is due: finish calls, report events. */
CREW_API void crew_client_dispatch(crew_client *client);

/* crew_client_flush - send what was called for outside of crew_client_dispatch. Only for
 * owners that said caller_driven_io; callbacks may run inside. Costs nothing when there
 * is nothing to send. */
CREW_API void crew_client_flush(crew_client *client);

/* Called once for each accepted call. ANSWER and what it points to are valid during the
 * call (crew_answer_copy keeps it). */
typedef void crew_answer_fn(void *arg, const struct crew_answer *answer);

/* crew_client_call - make a call. CALL and all it points to are copied. FN will be called
 * once, unless the call is cancelled before. PENDING (may be null) is a handle for
 * crew_client_cancel, good until FN is called. When the broker is away, FN is called with
 * CREW_EBROKER at the next dispatch.
 * CREW_EINVAL: a field of CALL is out of its range. CREW_EEXIST: a call with this id is
 * under way. CREW_ETOOLARGE: over a limit of docs/wire.md. CREW_ENOMEM, CREW_ECLOSED. */
CREW_API int crew_client_call(crew_client *client, const struct crew_call *call,
                              crew_answer_fn *fn, void *arg, crew_pending **pending);

/* crew_client_cancel - forget a call: FN is not called any more. Work that no worker has
 * begun is not begun any more, and a stream is stopped, as far as the notice gets there
 * in time; other work that was begun goes on. False: too late, FN is being called. Any
 * thread, as long as the handle is good: where another thread may call FN meanwhile, hold
 * a lock of your own that FN takes first. */
CREW_API bool crew_client_cancel(crew_client *client, crew_pending *pending);

/* crew_client_pending_id - the correlation id of a call, valid as long as the handle. */
CREW_API const char *crew_client_pending_id(const crew_pending *pending);

/* ---- streamed answers ---- */

/* A handler may answer an HTTP call piece by piece. Where nothing else is said the pieces
 * are collected, and the call ends with the whole, as any other; over max_answer_bytes it
 * ends with CREW_EBADRESPONSE. Who wants them as they come says so with a receiver: */
struct crew_receiver {
    /* The beginning of a stream: status and header fields, no body. */
    crew_answer_fn *head;
    /* What follows of the body. DATA is valid during the call. */
    void (*chunk)(void *arg, const void *data, size_t bytes);
    /* Once, unless the call is cancelled before. Without a head before it: the whole
     * answer, or how the call ended. Behind a head: the end of the stream, without a
     * body; with an error, what came before it is not the whole. */
    crew_answer_fn *ended;
};

/* crew_client_stream - make a call whose answer may be a stream. RECEIVER is copied, ARG
 * is given to its functions, which are callbacks like any. All else is as in
 * crew_client_call. */
CREW_API int crew_client_stream(crew_client *client, const struct crew_call *call,
                                const struct crew_receiver *receiver, void *arg,
                                crew_pending **pending);

/* crew_client_credit - the caller of crew_client_stream is done with BYTES of what its
 * chunks held, and takes as many more. No more than CREW_WINDOW_BYTES come without it.
 * From any thread, also in the callbacks, as long as the handle is good. */
CREW_API void crew_client_credit(crew_client *client, crew_pending *pending,
                                 size_t bytes);

/* ---- groups ---- */

/* Called once for each accepted group. ERROR is what crew_client_group_wait returns.
 * ANSWERS, one for each call, are valid during the call. */
typedef void crew_group_fn(void *arg, int error,
                           const struct crew_answer *const answers[], size_t count);

/* crew_client_group - make several calls at once. GROUP and all it points to are copied.
 * FN will be called once, unless the group is cancelled before. PENDING (may be null) is
 * a handle for crew_client_group_cancel, good until FN is called.
 * CREW_EINVAL: no calls, or more than CREW_GROUP_MAX; and the errors of crew_client_call,
 * where a single call is not acceptable. None is made then. */
CREW_API int crew_client_group(crew_client *client, const struct crew_group *group,
                               crew_group_fn *fn, void *arg,
                               crew_pending_group **pending);

/* crew_client_group_cancel - cancel all calls of a group; FN is not called any more.
 * False and threads: as crew_client_cancel. */
CREW_API bool crew_client_group_cancel(crew_client *client, crew_pending_group *pending);

/* ---- publishing ---- */

/* Called once for each accepted publication. ID is the message's, valid during the call.
 * 0: the broker has it, whether anybody has subscribed to the channel or not.
 * CREW_EBROKER: the broker is away or takes nothing; it was not published.
 * CREW_EOVERLOADED: the broker refuses it, because the queue of a subscriber is full;
 * others may have it. CREW_ELOST: written, but not confirmed within its time: it may or
 * may not have been published. CREW_ECLOSED. */
typedef void crew_published_fn(void *arg, int error, const char *id);

/* crew_client_publish - publish a message. PUBLICATION and all it points to are copied.
 * FN (may be null) will be called once, with CREW_EBROKER at the next dispatch when the
 * broker is away. When the connection is lost before the broker has confirmed it, the
 * message is sent again over the next one, with the same id, in the same order:
 * subscribers drop what they have seen. Ids are PUBLISHER.NUMBER: PUBLISHER stands for
 * this client, and NUMBER grows.
 * CREW_EINVAL: a field is out of its range. CREW_ETOOLARGE: the body is over 128 MiB.
 * CREW_ENOMEM, CREW_ECLOSED. */
CREW_API int crew_client_publish(crew_client *client,
                                 const struct crew_publication *publication,
                                 crew_published_fn *fn, void *arg);

#define CREW_PUBLICATION_ID_BYTES 64 /* room for an id, and the zero byte behind it */

/* crew_client_publish_wait - publish a message and wait until the broker has confirmed
 * it. Returns what FN above is called with, or why it was not accepted (CREW_EINVAL also:
 * called from a callback). ID, if not null, has the message's id when it was accepted,
 * and is untouched otherwise. Blocks, at most for the publication's time. */
CREW_API int crew_client_publish_wait(crew_client *client,
                                      const struct crew_publication *publication,
                                      char id[CREW_PUBLICATION_ID_BYTES]);

/* ---- looking at a queue ---- */

/* What a task's queue was like a moment ago. */
struct crew_queue {
    int error;          /* 0; CREW_ENOWORKERS: there is none; CREW_EBROKER: not known;
                           CREW_ECLOSED */
    uint32_t messages;  /* that wait, without those that a worker has in hand */
    uint32_t consumers; /* app-workers, or others, that serve it */
};

/* crew_client_queue_wait - ask the broker about the queue of TASK, for at most
 * TIMEOUT_MS. Returns queue->error, or CREW_EINVAL with QUEUE untouched: not a task name,
 * or called from a callback. Blocks. */
CREW_API int crew_client_queue_wait(crew_client *client, const char *task,
                                    uint32_t timeout_ms, struct crew_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
