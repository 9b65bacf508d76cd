/* The cursor that a subscriber brings: of the last message that it has had. */
#ifndef BRIDGE_CURSOR_H
#define BRIDGE_CURSOR_H

#include <crew/message.h>
#include <stdint.h>

/* Where it may stand; null: not sent. The first that is not empty counts: an EventSource
 * that was opened with a cursor in its query has a newer one in Last-Event-ID when it
 * comes back. */
struct cursor_places {
    const struct crew_pair *field;         /* Crew-Cursor */
    const struct crew_pair *last_event_id; /* Last-Event-ID */
    const struct crew_pair *query;         /* a query with cursor=N in it */
};

enum cursor_found {
    CURSOR_NONE,
    CURSOR_GIVEN,
    CURSOR_BAD /* no decimal number of 64 bits */
};

/* cursor_find - *CURSOR is set when one is given. */
enum cursor_found cursor_find(const struct cursor_places *places, uint64_t *cursor);

#endif
