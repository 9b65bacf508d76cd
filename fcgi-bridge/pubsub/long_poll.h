/* Responses to long polls: one message as it is, several as a JSON array, or none. Each
 * is a whole response in FastCGI records. */
#ifndef BRIDGE_LONG_POLL_H
#define BRIDGE_LONG_POLL_H

#include "base/buffer.h"
#include <crew/subscriber.h>

/* long_poll_put_message - 200 with MESSAGE as the body; with HEAD, without it. */
void long_poll_put_message(struct buffer *to, uint16_t id, bool head,
                           const struct crew_subscribed *message);

/* long_poll_put_nothing - 204: there was no message. The client sends CURSOR with its
 * next request. */
void long_poll_put_nothing(struct buffer *to, uint16_t id, uint64_t cursor);

/* A JSON array under construction. Zeroed memory is an empty one. */
struct long_poll_list {
    struct buffer json; /* the elements */
    size_t count;
    uint64_t cursor; /* of the last */
    bool gap;        /* before one of them */
};

/* long_poll_list_add - false: the list is full, MESSAGE was not added. The first always
 * fits. */
bool long_poll_list_add(struct long_poll_list *list,
                        const struct crew_subscribed *message);

/* long_poll_put_list - 200 with the array as the body. LIST is empty afterwards. */
void long_poll_put_list(struct buffer *to, uint16_t id, bool head,
                        struct long_poll_list *list);

#endif
