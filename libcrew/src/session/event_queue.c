#include "session/event_queue.h"

void event_queue_init(struct event_queue *q) {
    pthread_mutex_init(&q->lock, NULL);
    q->first = NULL;
    q->last = &q->first;
    q->signalled = false;
}

void event_queue_fini(struct event_queue *q) {
    struct link_event *event = q->first;
    while (event != NULL) {
        struct link_event *next = event->next;
        link_event_free(event);
        event = next;
    }
    pthread_mutex_destroy(&q->lock);
}

bool event_queue_put(struct event_queue *q, struct link_event *first,
                     struct link_event *tail, bool urgent) {
    pthread_mutex_lock(&q->lock);
    bool wake = urgent && !q->signalled;
    q->signalled = q->signalled || urgent;
    *q->last = first;
    q->last = &tail->next;
    pthread_mutex_unlock(&q->lock);
    return wake;
}

struct link_event *event_queue_take(struct event_queue *q) {
    pthread_mutex_lock(&q->lock);
    struct link_event *list = q->first;
    q->first = NULL;
    q->last = &q->first;
    q->signalled = false;
    pthread_mutex_unlock(&q->lock);
    return list;
}
