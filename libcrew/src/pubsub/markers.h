/* Markers: how a reader finds out that it is up to date.
 *
 * The broker does not tell where a stream ends. So a reader publishes a message of its
 * own, a marker, straight into the stream's queue: when it comes back, everything that
 * was confirmed before the marker was sent has been read. Subscribers ignore markers.
 * This module has the numbers; history_reader.c sends them.
 */
#ifndef CREW_PUBSUB_MARKERS_H
#define CREW_PUBSUB_MARKERS_H

#include "amqp/message.h"
#include <stdbool.h>
#include <stdint.h>

#define MARKER_ID_BYTES 64

struct markers {
    char sender[17];    /* random: tells our markers from those of other readers */
    uint64_t sent;      /* number of the last marker that was sent */
    uint64_t received;  /* the highest number that came back */
    uint64_t requested; /* the highest number that is waited for */
};

void markers_init(struct markers *m);

/* The next marker's number and message id. */
uint64_t markers_next(struct markers *m, char id[MARKER_ID_BYTES]);

/* The number of the first marker that is sent from now on: when it has been received,
 * everything that was confirmed until now has been read. */
uint64_t markers_request(struct markers *m);

/* True when another marker should be sent: one was requested, or the last one has not
 * come back and may be lost. */
bool markers_are_due(const struct markers *m);

/* A marker with message id ID (may be null) came. Returns its number; 0: another
 * reader's, or one that this reader sent before it was restarted. */
uint64_t markers_receive(struct markers *m, const char *id);

/* Count a marker as sent and received: there is nothing to read. */
void markers_skip(struct markers *m);

#endif
