/* The history reader: reads the history that the broker keeps into memory.
 *
 * Normally the source is the stream crew.history, whose offsets are the cursors. A broker
 * without streams gets an exclusive queue of this connection instead; then there is no
 * history before the connection, and cursors are valid for this subscriber only.
 *
 * The reader publishes markers (pubsub/markers.h) into the stream to find out that it is
 * up to date.
 */
#ifndef CREW_PUBSUB_HISTORY_READER_H
#define CREW_PUBSUB_HISTORY_READER_H

#include "pubsub/history.h"
#include "pubsub/markers.h"
#include "pubsub/stream_resume.h"
#include "session/broker_session.h"

enum history_reader_state {
    HISTORY_READER_DISCONNECTED, /* waits for both links of the session */
    HISTORY_READER_DECLARING,    /* waits for exchange, queue, binding and consumer; the
                                    retry timer begins again */
    HISTORY_READER_RESUMING,     /* waits for the message that was read last; when the
                                    silence timer fires first, it is another stream */
    HISTORY_READER_READING,      /* reads what is in the stream, until its marker comes */
    HISTORY_READER_LIVE          /* up to date */
};

enum history_reader_source { HISTORY_READER_STREAM, HISTORY_READER_OWN_QUEUE };

struct history_reader_handlers {
    /* An entry was added to the history. */
    void (*on_entry)(void *arg, const struct history_entry *entry);
    /* The history is about to be dropped and starts anew: earlier cursors are not
     * valid. */
    void (*on_restart)(void *arg);
    /* Markers up to RECEIVED have come back. */
    void (*on_marker)(void *arg, uint64_t received);
    void *arg;
};

/* All fields are the reader's. */
struct history_reader {
    struct broker_session *session;
    struct history *history;
    struct history_reader_handlers handlers;
    enum history_reader_state state;
    enum history_reader_source source;
    struct markers markers;
    uint64_t live_marker; /* the first marker of this connection */
    unsigned refusals;    /* connections lost in a row while the stream was declared */
    bool has_failed;      /* at least one attempt to connect has failed */
    bool warned_foreign;  /* about a queue that exists with other arguments */
    char own_queue[64];
    char last_id[STREAM_RESUME_ID_BYTES]; /* of the message that was read last */
    uint64_t
        down_since_ms; /* the stream exists but is not available; 0: it is available */
    struct broker_session_timer marker_timer; /* the next marker, if one is due then */
    struct broker_session_timer silence_timer;
    struct broker_session_timer retry_timer;
    struct broker_session_timer expiry_timer; /* of the oldest entry of the history */
};

/* SESSION, HISTORY and R must stay where they are. */
void history_reader_init(struct history_reader *r, struct broker_session *session,
                         struct history *history,
                         const struct history_reader_handlers *handlers);

/* Handle an event of the session, and free it. */
void history_reader_event(struct history_reader *r, enum broker_session_side side,
                          struct link_event *event);

enum history_reader_state history_reader_state(const struct history_reader *r);

/* True when an attempt to connect has failed or a connection was lost. */
bool history_reader_has_failed(const struct history_reader *r);

/* Have a marker sent soon and return its number. When on_marker reports it, everything
 * that was confirmed until now has been read. May return a number that was received
 * already. */
uint64_t history_reader_request_marker(struct history_reader *r);

/* The number of the last marker that was received. */
uint64_t history_reader_marker(const struct history_reader *r);

#endif
