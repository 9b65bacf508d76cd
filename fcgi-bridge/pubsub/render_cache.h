/* Render cache: the FastCGI records that were made of a message for one subscriber,
 * reused for the next. Thousands may wait for the same message. Entries are valid as long
 * as the messages: until the next dispatch of the crew_subscriber. */
#ifndef BRIDGE_RENDER_CACHE_H
#define BRIDGE_RENDER_CACHE_H

#include "base/buffer.h"
#include <crew/subscriber.h>

enum render_form {
    RENDER_MESSAGE,     /* long poll: the message is the body */
    RENDER_LIST,        /* long poll: a JSON array of this message alone */
    RENDER_EVENT,       /* SSE */
    RENDER_NAMED_EVENT, /* SSE: with the name of the channel */
    RENDER_FORMS
};

/* What the bytes of a form depend on, besides the message. */
struct render_key {
    enum render_form form;
    uint16_t request_id;
    bool head; /* the method is HEAD */
};

/* The last message of each form. Zeroed memory is an empty cache. */
struct render_cache {
    struct {
        uint64_t cursor;
        const void *body; /* distinguishes messages of two histories */
        uint16_t request_id;
        bool gap;
        bool head;
        struct buffer records;
    } last[RENDER_FORMS];
};

/* render_cache_find - the records of MESSAGE. If there are none (len 0), the caller
 * appends them to the buffer. */
struct buffer *render_cache_find(struct render_cache *cache, struct render_key key,
                                 const struct crew_subscribed *message);

/* render_cache_clear - drop all entries. */
void render_cache_clear(struct render_cache *cache);

#endif
