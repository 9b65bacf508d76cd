/* Bytes that were made for one subscriber, and are the same for the next: thousands wait
 * for one message. Good until the next dispatch of the crew_subscriber, as messages are.
 */
#ifndef BRIDGE_RENDER_CACHE_H
#define BRIDGE_RENDER_CACHE_H

#include "base/buffer.h"
#include <crew/subscriber.h>

enum render_form {
    RENDER_ANSWER,      /* the message as the answer of a poll */
    RENDER_LIST,        /* the same in a JSON array, alone */
    RENDER_EVENT,       /* as an event */
    RENDER_NAMED_EVENT, /* as one with the channel's name */
    RENDER_FORMS
};

/* The last one of each form. */
struct render_cache {
    struct {
        uint64_t cursor;
        const void *body; /* tells messages of two histories from each other */
        uint16_t id;
        bool gap;
        bool head;
        struct buffer bytes;
    } last[RENDER_FORMS];
};

/* render_cache_find - *BYTES is what goes out for MESSAGE, in the request ID. False: it is
 * empty, and to be filled. */
bool render_cache_find(struct render_cache *render_cache, enum render_form form,
                       uint16_t id, bool head, const struct crew_subscribed *message,
                       struct buffer **bytes);

/* render_cache_clear - forget it all. */
void render_cache_clear(struct render_cache *render_cache);

#endif
