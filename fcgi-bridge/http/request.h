/* A request, from the moment the gate has all of it until it is answered or given up.
 *
 * It ends exactly once, in one function, whoever ends it: the client's answer, the end of
 * a streamed one, a refusal of the bridge's own, or the web server that hangs up. It is
 * embedded in its connection, which has one at a time.
 */
#ifndef BRIDGE_REQUEST_H
#define BRIDGE_REQUEST_H

#include "fcgi-bridge/fcgi/fcgi_parser.h"
#include "fcgi-bridge/pubsub/publish.h"
#include "response.h"
#include <crew/client.h>

struct bridge;
struct subscriber;

enum request_state {
    REQUEST_NONE,    /* there is none, or the gate still collects it */
    REQUEST_JUDGED,  /* it is being looked at; ends before request_start returns */
    REQUEST_WAITING, /* the client has it and will answer, at its deadline at the latest;
                        request_abandon ends it earlier */
    REQUEST_PUBLISHING, /* the same, of a publication */
    REQUEST_STREAMING,  /* the beginning of its answer is written; the client gives more,
                           and the end; request_abandon ends it earlier */
    REQUEST_PARKED, /* a poll to which there is nothing to say yet: a message will end it,
                       or its time-out, or the bridge's stop, or request_abandon */
    REQUEST_LISTENING, /* an event stream, begun; the bridge's stop will end it, or
                          request_abandon */
    REQUEST_ENDED      /* on its way to NONE: the answer is being written */
};

struct request {
    enum request_state state;
    struct bridge *bridge;
    struct fcgi_parser *parser; /* where it comes from */
    struct buffer *out;         /* where its answer goes */
    void (*on_end)(void *arg);  /* its answer is in OUT; may be called in request_start */
    void (*on_output)(void *arg); /* a piece of its answer is in OUT */
    void (*on_break)(void *arg);  /* it has ended, and its answer is not whole */
    void *arg;
    crew_pending *pending;         /* while WAITING or STREAMING */
    size_t body_bytes;             /* the same: what the client keeps for it */
    struct publish *publish;       /* while PUBLISHING */
    struct subscriber *subscriber; /* while PARKED or LISTENING */
    size_t uncredited_bytes;       /* STREAMING: of the body, in OUT or already sent */
    uint64_t started_us;
    struct response_style style;
};

/* request_start - the gate has a complete request. */
void request_start(struct request *request);

/* request_drained - of what was put into OUT, all but UNSENT_BYTES are sent: a streamed
 * answer may go on as far. Whether more was put into OUT. */
bool request_drained(struct request *request, size_t unsent_bytes);

/* request_give_up - a streamed answer breaks off here, as it does when its handler fails.
 */
void request_give_up(struct request *request);

/* request_abandon - nobody waits for the answer any more: on_end is not called. Nothing
 * happens when there is no request. */
void request_abandon(struct request *request);

/* What subscribe.c makes of a request. The first two: it is PARKED, or LISTENING, from
 * now on. request_put - some of the answer. The others end it: with WHOLE, its answer in
 * FastCGI records; with the end of the event stream; with an answer of the bridge's own.
 */
void request_park(struct request *request);
void request_listen(struct request *request);
void request_put(struct request *request, const struct buffer *records);
void request_answer(struct request *request, const struct buffer *whole);
void request_end_events(struct request *request);
void request_refuse(struct request *request, int outcome, const char *detail);

#endif
