/* crew/message.h - what passes between callers and handlers: requests, answers, events.
 *
 * These are views: they point into memory that somebody else owns, and each function that
 * gives or takes one says for how long.
 */
#ifndef CREW_MESSAGE_H
#define CREW_MESSAGE_H

#include <crew/error.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A CGI parameter or a header field. Bytes, not necessarily UTF-8, no terminating zero
 * promised. */
struct crew_pair {
    const char *name;
    size_t name_bytes;
    const char *value;
    size_t value_bytes;
};

/* The two kinds of call (docs/wire.md). */
enum crew_form {
    CREW_PLAIN, /* a body and a content type, as any AMQP RPC */
    CREW_HTTP   /* an HTTP request: CGI parameters (RFC 3875 §4.1) and a body */
};

/* May a task run again when it is not known whether it ran? */
enum crew_repeat {
    CREW_REPEAT_NEVER, /* answered CREW_ELOST instead */
    CREW_REPEAT_ALWAYS
};

/* What a caller asks for. */
struct crew_call {
    enum crew_form form;
    const char *task;       /* the queue is crew.tasks.TASK */
    const char *id;         /* correlation id, at most 64 bytes; null: one is made */
    uint32_t expiration_ms; /* queue and execution together; 1 to 1,500,000 */
    uint8_t priority;       /* 0 to 255 */
    bool persistent;        /* the message survives a restart of the broker */
    enum crew_repeat repeat;
    bool fail_without_workers;     /* CREW_ENOWORKERS at once when nobody consumes */
    const char *content_type;      /* of a plain body; null: application/octet-stream */
    const struct crew_pair *pairs; /* HTTP: CGI parameters; plain: headers */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
};

/* What came of it. */
struct crew_answer {
    int error;                     /* 0, or how the call ended (CREW_EBROKER ...) */
    int status;                    /* HTTP status of the answer; of the error if any */
    const char *content_type;      /* of a plain answer, or null */
    const struct crew_pair *pairs; /* response header fields, in their order */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
    uint64_t run_us; /* time in the handler, as the worker measured it; 0: unknown */
};

/* What happens inside, for a program's log. libcrew itself never logs. */
enum crew_event_kind {
    CREW_EVENT_CONNECTED,
    CREW_EVENT_DISCONNECTED, /* the text says why */
    CREW_EVENT_BLOCKED,      /* the broker is short of memory or disk */
    CREW_EVENT_UNBLOCKED,
    CREW_EVENT_WARNING /* a peer's bad message, clock skew, foreign queue arguments ... */
};

/* TEXT is valid during the call only and never holds a password. */
typedef void crew_event_fn(void *arg, enum crew_event_kind kind, const char *text);

#ifdef __cplusplus
}
#endif
#endif
