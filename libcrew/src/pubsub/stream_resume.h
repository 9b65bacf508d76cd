/* How to go on with a stream after a connection was lost.
 *
 * The consumer starts again at the message that was read last. What the broker delivers
 * first tells what has happened to the stream in between.
 */
#ifndef CREW_PUBSUB_STREAM_RESUME_H
#define CREW_PUBSUB_STREAM_RESUME_H

#include <stdint.h>

enum stream_resume {
    STREAM_CONTINUES, /* the last message again: read on after it */
    STREAM_HAS_GAP,   /* a later message: the broker has dropped those in between */
    STREAM_IS_ANOTHER /* another message here or an earlier one: the stream was created
                         again, and must be read from its beginning */
};

/* Message ids are compared up to this length, the terminating zero included. */
#define STREAM_RESUME_ID_BYTES 64

/* The message that was read last is at LAST_CURSOR and has LAST_ID, "" for none, cut to
 * STREAM_RESUME_ID_BYTES. The first delivery is at CURSOR and has ID. */
enum stream_resume stream_resume(uint64_t last_cursor, const char *last_id,
                                 uint64_t cursor, const char *id);

#endif
