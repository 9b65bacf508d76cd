/* The cursor that a subscriber sends: that of the last message it has received. */
#ifndef BRIDGE_CURSOR_H
#define BRIDGE_CURSOR_H

#include <crew/message.h>
#include <stdint.h>

/* The parameters that may contain it; NULL: not sent. The first that is not empty counts:
 * an EventSource that was opened with a cursor in its query sends a newer one in
 * Last-Event-ID when it reconnects. */
struct cursor_sources {
    const struct crew_pair *field;         /* Crew-Cursor */
    const struct crew_pair *last_event_id; /* Last-Event-ID */
    const struct crew_pair *query;         /* QUERY_STRING, with cursor=N */
};

enum cursor_result {
    CURSOR_NONE,
    CURSOR_GIVEN,
    CURSOR_BAD /* not a decimal number of 64 bits */
};

/* cursor_find - *CURSOR is set with CURSOR_GIVEN only. */
enum cursor_result cursor_find(const struct cursor_sources *sources, uint64_t *cursor);

#endif
