/* crew/client.h - call tasks by name.
 *
 * A client owns two connections to the broker, each with an I/O thread of its own, and a
 * reply queue that lives as long as its connection. It reconnects by itself. All of its
 * callbacks run inside crew_client_dispatch, on the thread that calls it: put
 * crew_client_fd into any event loop and call dispatch when it is readable.
 *
 * Threads: one thread at a time may use a client. No function blocks unless it says so.
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

struct crew_client_options {
    const char *name;        /* shown by the broker as connection name; null: "crew" */
    size_t gzip_above_bytes; /* bodies above this are compressed where it helps; 0: never */
    size_t max_answer_bytes; /* an inflated answer above this is CREW_EBADRESPONSE;
                                0: 64 MiB */
    crew_event_fn *on_event; /* may be null */
    void *event_arg;
    bool owner_flushes; /* the owner calls crew_client_flush each time before it waits for
                           events: saves a wake-up for each batch of calls */
};

/* Called once for each accepted call, from crew_client_dispatch, never from
 * crew_client_call itself. ANSWER and what it points to are valid during the call. The
 * callback may start and cancel other calls; it must not free the client. */
typedef void crew_answer_fn(void *arg, const struct crew_answer *answer);

/* crew_client_new - start to connect, in the background. The broker need not be there: it
 * is tried again with backoff for ever. BROKER and OPTIONS are copied. */
CREW_API int crew_client_new(const crew_broker *broker,
                             const struct crew_client_options *options,
                             crew_client **client);

/* crew_client_fd - the descriptor that is readable when crew_client_dispatch has something
 * to do, timers included. Owned by the client, the same for its whole life. */
CREW_API int crew_client_fd(const crew_client *client);

/* crew_client_dispatch - do what is due: finish calls, report events. */
CREW_API void crew_client_dispatch(crew_client *client);

/* crew_client_flush - send what was called for outside of crew_client_dispatch. Only for
 * owners that said owner_flushes; callbacks may run inside. Costs nothing when there is
 * nothing to send. */
CREW_API void crew_client_flush(crew_client *client);

/* crew_client_ready - whether a call made now would be written to a broker now. */
CREW_API bool crew_client_ready(const crew_client *client);

/* crew_client_call - send a request. CALL and all it points to are copied. FN will be
 * called once, unless the call is cancelled before. PENDING (may be null) is a handle for
 * crew_client_cancel, good until FN returns. When the broker is away, FN is called with
 * CREW_EBROKER at the next dispatch.
 * CREW_EINVAL: a field of CALL is out of its range. CREW_EEXIST: a call with this id is
 * under way. CREW_ENOMEM. */
CREW_API int crew_client_call(crew_client *client, const struct crew_call *call,
                              crew_answer_fn *fn, void *arg, crew_pending **pending);

/* crew_client_cancel - forget a call: FN is not called any more. Work that no worker has
 * begun is not begun any more, as far as the notice gets there in time. */
CREW_API void crew_client_cancel(crew_client *client, crew_pending *pending);

/* crew_client_pending_id - the correlation id of a call, valid as long as the handle. */
CREW_API const char *crew_client_pending_id(const crew_pending *pending);

/* crew_client_free - close the connections. Calls still under way are forgotten: their FN
 * is not called. Blocks until the I/O threads have ended, at most about two seconds. Null
 * is fine. */
CREW_API void crew_client_free(crew_client *client);

#ifdef __cplusplus
}
#endif
#endif
