/* Event queue: a link's events on their way from the link's thread to the thread that
 * dispatches the session. The only part of a session that both threads touch. */
#ifndef CREW_SESSION_EVENT_QUEUE_H
#define CREW_SESSION_EVENT_QUEUE_H

#include "amqp/link.h"
#include <pthread.h>
#include <stdbool.h>

struct event_queue {
    pthread_mutex_t lock;
    struct link_event *first;
    struct link_event **last;
    bool signalled; /* the reader was woken and has not taken the events yet */
};

void event_queue_init(struct event_queue *q);
void event_queue_fini(struct event_queue *q); /* frees the events that are left */

/* Append the list FIRST to TAIL. True: the caller has to wake the reader, because the
 * events are URGENT and it has not been woken since it last took events. */
bool event_queue_put(struct event_queue *q, struct link_event *first,
                     struct link_event *tail, bool urgent);

/* All events in their order, or null. */
struct link_event *event_queue_take(struct event_queue *q);

#endif
