/* Events on their way from the link's thread to its owner. */
#ifndef CREW_AMQP_EVENT_LIST_H
#define CREW_AMQP_EVENT_LIST_H

#include "amqp/link_event.h"

struct event_list {
    struct link_event *first;
    struct link_event *last;
};

/* Append an event. TEXT is copied; the list takes ownership of MESSAGE and OP. */
void event_list_add(struct event_list *list, enum link_event_kind kind, uint64_t epoch);
void event_list_add_open(struct event_list *list, uint64_t epoch, size_t url,
                         bool caller_driven, const char *text);
void event_list_add_text(struct event_list *list, enum link_event_kind kind,
                         uint64_t epoch, const char *text);
void event_list_add_delivery(struct event_list *list, uint64_t epoch,
                             struct message *message);
void event_list_add_op(struct event_list *list, uint64_t epoch, struct link_op *op);

/* Append LINK_PUBLISHED: the publish status of MESSAGE is STATUS. */
void event_list_add_status(struct event_list *list, struct message *message,
                           enum publish_status status);

/* Remove all events and return them as a list linked by next; null: there are none. */
struct link_event *event_list_take(struct event_list *list);
void event_list_free(struct event_list *list);

#endif
