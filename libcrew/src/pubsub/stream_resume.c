#include "pubsub/stream_resume.h"

#include <string.h>

enum stream_resume stream_resume(uint64_t last_cursor, const char *last_id,
                                 uint64_t cursor, const char *id) {
    if (cursor > last_cursor)
        return STREAM_HAS_GAP;
    if (cursor == last_cursor && strncmp(id, last_id, STREAM_RESUME_ID_BYTES - 1) == 0)
        return STREAM_CONTINUES;
    return STREAM_IS_ANOTHER;
}
