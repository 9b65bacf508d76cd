/* What a poll is answered: a message as it is, several as a JSON array, or that there is
 * none. Each answer is a whole one, in FastCGI records. */
#ifndef BRIDGE_LONG_POLL_H
#define BRIDGE_LONG_POLL_H

#include "base/buffer.h"
#include <crew/subscriber.h>

/* long_poll_put_message - 200, and MESSAGE is the body. HEAD: without it. */
void long_poll_put_message(struct buffer *to, uint16_t id, bool head,
                           const struct crew_subscribed *message);

/* long_poll_put_nothing - 204: nothing came, and CURSOR is to be brought next time. */
void long_poll_put_nothing(struct buffer *to, uint16_t id, uint64_t cursor);

/* Messages on their way into an array. Zeroed memory is an empty one. */
struct long_poll_list {
    struct buffer json; /* each with a comma before it, but the first */
    size_t count;
    uint64_t cursor; /* of the last */
    bool gap;        /* before one of them */
};

/* long_poll_list_add - false: it is full, and MESSAGE was not added. The first one fits. */
bool long_poll_list_add(struct long_poll_list *list,
                        const struct crew_subscribed *message);

/* long_poll_put_list - 200, and the array is the body. LIST is empty again. */
void long_poll_put_list(struct buffer *to, uint16_t id, bool head,
                        struct long_poll_list *list);

#endif
