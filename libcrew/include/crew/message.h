/* crew/message.h - data that callers and handlers exchange: calls, answers, groups,
 * publications, events.
 *
 * The structs are views: they point to memory that they do not own. Each function that
 * takes or returns one says how long it must be, or is, valid. Functions in this header
 * may be called on any thread.
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

/* A CGI parameter or a header field. The texts are bytes, not necessarily UTF-8, and not
 * necessarily zero-terminated. */
struct crew_pair {
    const char *name;
    size_t name_bytes;
    const char *value;
    size_t value_bytes;
};

/* crew_pairs_next - the pair of a name/value block that begins at *OFFSET (0: the first),
 * which is moved to the next one. PAIRS and BYTES come from crew_task_view. PAIR points
 * into the block. False at its end, and if the rest of it is malformed.
 *
 *     size_t offset = 0;
 *     while (crew_pairs_next(v.pairs, v.pairs_bytes, &offset, &pair)) ...
 */
CREW_API bool crew_pairs_next(const void *pairs, size_t bytes, size_t *offset,
                              struct crew_pair *pair);

/* The forms of calls (docs/wire.md). */
enum crew_form {
    CREW_PLAIN, /* a body and a content type, as any AMQP RPC */
    CREW_HTTP,  /* an HTTP request: CGI parameters (RFC 3875 §4.1) and a body */
    CREW_PING   /* no contents; the worker answers it itself, in the order of the queue */
};

/* Whether a task runs again if it is unknown whether it has run. */
enum crew_repeat {
    CREW_REPEAT_NEVER, /* answered CREW_ELOST instead */
    CREW_REPEAT_ALWAYS
};

/* Whether the body is compressed. It is sent uncompressed if that is smaller. */
enum crew_gzip {
    CREW_GZIP_AUTO, /* above gzip_above_bytes of the client's options */
    CREW_GZIP_NEVER,
    CREW_GZIP_ALWAYS
};

/* A call. A field that is zero has its default. */
struct crew_call {
    enum crew_form form;
    const char *task;       /* the queue is crew.tasks.TASK */
    const char *id;         /* correlation id, at most 64 bytes; null: random */
    uint32_t expiration_ms; /* milliseconds for queue and execution together, at most
                               1,500,000; 0: 30,000, in a handler the time that its
                               request has left */
    uint8_t priority;       /* 0 to 255 */
    bool persistent;        /* the message survives a restart of the broker */
    enum crew_repeat repeat;
    bool fail_without_workers; /* CREW_ENOWORKERS at once if the queue has no consumer */
    enum crew_gzip gzip;
    const char *content_type;      /* of a plain body; null: application/octet-stream */
    const struct crew_pair *pairs; /* HTTP: CGI parameters; plain: headers */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
};

/* crew_call_bytes, crew_call_text, crew_call_json - set the body of a plain call, and its
 * content type: application/octet-stream, text/plain in UTF-8, or application/json. CALL
 * points to the argument, which must be valid until the call is made. On an error CALL is
 * untouched. CREW_EMALFORMED: TEXT is not UTF-8, or not JSON (RFC 8259); also rejected
 * are more than 2048 levels of nesting, numbers that do not fit into a double, unpaired
 * surrogates, and \u0000 in names. WHY, a buffer of WHY_BYTES bytes or null, gets the
 * reason and the position. */
CREW_API void crew_call_bytes(struct crew_call *call, const void *bytes, size_t count);
CREW_API int crew_call_text(struct crew_call *call, const char *text);
CREW_API int crew_call_json(struct crew_call *call, const char *text, char *why,
                            size_t why_bytes);

/* The answer to a call, or its outcome. */
struct crew_answer {
    int error;                     /* 0, or the outcome (CREW_EBROKER ...) */
    int status;                    /* HTTP status of the answer, or of the error */
    const char *content_type;      /* of a plain answer, or null */
    const struct crew_pair *pairs; /* response header fields, in order */
    size_t pair_count;
    const void *body;
    size_t body_bytes;
    uint64_t run_us;    /* time in the handler, as the worker measured it; 0: unknown */
    const char *worker; /* UUID of the worker that answered; null: unknown */
};

/* crew_answer_copy - a deep copy, to be freed with crew_answer_free. Its body, names and
 * values are zero-terminated. Null: out of memory. */
CREW_API struct crew_answer *crew_answer_copy(const struct crew_answer *answer);

/* crew_answer_free - free a copy. COPY may be null. */
CREW_API void crew_answer_free(struct crew_answer *copy);

/* Limits of streamed answers: the size of a chunk of the body, and how many bytes are
 * sent before the reader has consumed some of them. */
#define CREW_CHUNK_BYTES 65536u
#define CREW_WINDOW_BYTES 262144u

/* When a group of calls ends. */
enum crew_group_end {
    CREW_GROUP_ALL,  /* when all calls have ended */
    CREW_GROUP_ANY,  /* when one was answered without an error, or all have failed */
    CREW_GROUP_FIRST /* when one has ended, with an answer or an error */
};

/* Several calls that are made together. The answers are in the order of the calls. A call
 * that has failed has its error as answer, one that was in progress when the group ended
 * CREW_ECANCELLED; it is cancelled. */
struct crew_group {
    enum crew_group_end end;
    const struct crew_call *calls;
    size_t count;           /* 1 to CREW_GROUP_MAX */
    uint32_t expiration_ms; /* of the whole group, and the limit and default of each call;
                               0: calls have their own only */
};

/* The maximum number of calls in a group. */
#define CREW_GROUP_MAX 1000

/* A message to be published. A field that is zero has its default. */
struct crew_publication {
    /* The channel: words with dots between them ("orders.eu.new"), 1 to 255 bytes of
     * UTF-8 without control characters. Subscribers use the name or a pattern. No word
     * may be "*" or "#". */
    const char *channel;
    const char *content_type; /* null: application/octet-stream */
    const void *body;
    size_t body_bytes;
    bool persistent;        /* survives a restart of the broker in durable queues */
    uint32_t expiration_ms; /* milliseconds until the broker must have confirmed it, at
                               most 1,500,000; 0: 30,000 */
};

/* Events for a program's log. libcrew does not log. */
enum crew_event_kind {
    CREW_EVENT_CONNECTED,
    CREW_EVENT_DISCONNECTED, /* the text is the reason */
    CREW_EVENT_BLOCKED,      /* the broker accepts no messages: memory or disk alarm */
    CREW_EVENT_UNBLOCKED,
    CREW_EVENT_WARNING /* invalid message, clock skew, queue with other arguments ... */
};

/* TEXT is valid during the call only. It never contains a password. */
typedef void crew_event_fn(void *arg, enum crew_event_kind kind, const char *text);

#ifdef __cplusplus
}
#endif
#endif
