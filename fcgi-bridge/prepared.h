/* Bytes that were made for one subscriber, and are the same for the next: thousands wait
 * for one message. Good until the next dispatch of the crew_subscriber, as messages are.
 */
#ifndef BRIDGE_PREPARED_H
#define BRIDGE_PREPARED_H

#include "base/buffer.h"
#include <crew/subscriber.h>

enum prepared_form {
    PREPARED_ANSWER,      /* the message as the answer of a poll */
    PREPARED_LIST,        /* the same in a JSON array, alone */
    PREPARED_EVENT,       /* as an event */
    PREPARED_NAMED_EVENT, /* as one with the channel's name */
    PREPARED_FORMS
};

/* The last one of each form. */
struct prepared {
    struct {
        uint64_t cursor;
        const void *body; /* tells messages of two histories from each other */
        uint16_t id;
        bool gap;
        bool head;
        struct buffer bytes;
    } last[PREPARED_FORMS];
};

/* prepared_find - *BYTES is what goes out for MESSAGE, in the request ID. False: it is
 * empty, and to be filled. */
bool prepared_find(struct prepared *prepared, enum prepared_form form, uint16_t id,
                   bool head, const struct crew_subscribed *message,
                   struct buffer **bytes);

/* prepared_drop - forget it all. */
void prepared_drop(struct prepared *prepared);

#endif
