/* crew/message.h - what passes between callers and handlers: calls, answers, groups,
 * events.
 *
 * These are views: they point into memory that somebody else owns, and each function that
 * gives or takes one says for how long. The functions here may be called on any thread.
 */
#ifndef CREW_MESSAGE_H
#define CREW_MESSAGE_H

#include <crew/error.h>
#include <stdbool.h>
#include <stddef.h>
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

/* crew_pairs_next - the pair of a name/value block that begins at *OFFSET (0: the first),
 * which is moved to the next one. PAIRS and BYTES come from crew_task_view. PAIR points into
 * the block. False at its end, and if the rest of it is malformed.
 *
 *     size_t offset = 0;
 *     while (crew_pairs_next(v.pairs, v.pairs_bytes, &offset, &pair)) ...
 */
CREW_API bool crew_pairs_next(const void *pairs, size_t bytes, size_t *offset,
                              struct crew_pair *pair);

/* The kinds of call (docs/wire.md). */
enum crew_form {
    CREW_PLAIN, /* a body and a content type, as any AMQP RPC */
    CREW_HTTP,  /* an HTTP request: CGI parameters (RFC 3875 §4.1) and a body */
    CREW_PING /* nothing: the worker itself answers, when its turn in the queue has come */
};

/* May a task run again when it is not known whether it ran? */
enum crew_repeat {
    CREW_REPEAT_NEVER, /* answered CREW_ELOST instead */
    CREW_REPEAT_ALWAYS
};

/* Is the body compressed on its way? Only ever where that makes it smaller. */
enum crew_gzip {
    CREW_GZIP_AUTO, /* above gzip_above_bytes of the client's options */
    CREW_GZIP_NEVER,
    CREW_GZIP_ALWAYS
};

/* What a caller asks for. What is left zero has its default. */
struct crew_call {
    enum crew_form form;
    const char *task;       /* the queue is crew.tasks.TASK */
    const char *id;         /* correlation id, at most 64 bytes; null: one is made */
    uint32_t expiration_ms; /* queue and execution together, at most 1,500,000; 0: 30,000,
                               in a handler all that is left of its own request */
    uint8_t priority;       /* 0 to 255 */
    bool persistent;        /* the message survives a restart of the broker */
    enum crew_repeat repeat;
    bool fail_without_workers; /* CREW_ENOWORKERS at once when nobody consumes */
    enum crew_gzip gzip;
    const char *content_type;      /* of a plain body; null: application/octet-stream */
    const struct crew_pair *pairs; /* HTTP: CGI parameters; plain: headers */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
};

/* crew_call_bytes, crew_call_text, crew_call_json - make BYTES, a text or a JSON text the
 * body of a plain call, with its content type (application/octet-stream, text/plain in
 * UTF-8, application/json). CALL points to what was given: it must stay until the call is
 * made. CREW_EMALFORMED: not UTF-8; or not JSON (RFC 8259; not taken is also what is nested
 * more than 2048 deep, a number that no double can hold, half a surrogate pair, and \u0000
 * in a name), and WHY (if not null, WHY_BYTES large) says what is wrong and where.
 * CALL is untouched then. */
CREW_API void crew_call_bytes(struct crew_call *call, const void *bytes, size_t count);
CREW_API int crew_call_text(struct crew_call *call, const char *text);
CREW_API int crew_call_json(struct crew_call *call, const char *text, char *why,
                            size_t why_bytes);

/* What came of it. */
struct crew_answer {
    int error;                     /* 0, or how the call ended (CREW_EBROKER ...) */
    int status;                    /* HTTP status of the answer; of the error if any */
    const char *content_type;      /* of a plain answer, or null */
    const struct crew_pair *pairs; /* response header fields, in their order */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
    uint64_t run_us;    /* time in the handler, as the worker measured it; 0: unknown */
    const char *worker; /* UUID of the worker that answered; null: unknown */
};

/* crew_answer_copy - a copy of all of it in one piece, for the caller to free with
 * crew_answer_free. Behind the copy's body and each of its names and values stands a zero
 * byte, so that texts can be used as strings. Null when memory is out. */
CREW_API struct crew_answer *crew_answer_copy(const struct crew_answer *answer);

/* crew_answer_free - free a copy. Null is fine. */
CREW_API void crew_answer_free(struct crew_answer *copy);

/* Of a streamed answer: the most that one piece of its body holds, and the most that is sent
 * before its reader is done with some of it. */
#define CREW_CHUNK_BYTES 65536u
#define CREW_WINDOW_BYTES 262144u

/* Several calls made together. */
enum crew_group_end {
    CREW_GROUP_ALL,  /* the group ends when every call has ended */
    CREW_GROUP_ANY,  /* ... when one was answered without an error, or all have failed */
    CREW_GROUP_FIRST /* ... when one has ended, however */
};

/* The answers of a group stand in the order of its calls. In the place of a call that
 * failed stands its error; of one that was still under way when the group ended,
 * CREW_ECANCELLED (it is taken back). */
struct crew_group {
    enum crew_group_end end;
    const struct crew_call *calls;
    size_t count;           /* 1 to CREW_GROUP_MAX */
    uint32_t expiration_ms; /* of the whole group: no call has more, and one that says
                               nothing has this. 0: only their own */
};

/* The most calls in a group. */
#define CREW_GROUP_MAX 1000

/* What is to be published. What is left zero has its default. */
struct crew_publication {
    const char
        *channel; /* its name, which subscribers know or match with a pattern: words
                            with dots between them ("orders.eu.new"), 1 to 255 bytes of
                            UTF-8 without control characters. No word is "*" or "#" */
    const char *content_type; /* null: application/octet-stream */
    const void *body;
    size_t body_bytes;
    bool persistent; /* in queues that survive a restart of the broker, it does, too */
    uint32_t expiration_ms; /* how long it may take until the broker has it, at most
                               1,500,000; 0: 30,000 */
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
