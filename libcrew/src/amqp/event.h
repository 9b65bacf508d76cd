/* Lists of events on their way from the link's thread to its owner. */
#ifndef CREW_AMQP_EVENT_H
#define CREW_AMQP_EVENT_H

#include "amqp/link.h"

struct event_list {
    struct link_event *first;
    struct link_event *last;
};

/* Append an event; TEXT is copied, the message and the op change hands. */
void event_plain(struct event_list *list, enum link_event_kind kind, uint64_t epoch);
void event_open(struct event_list *list, uint64_t epoch, size_t url, bool caller_driven,
                const char *text);
void event_text(struct event_list *list, enum link_event_kind kind, uint64_t epoch,
                const char *text);
void event_message(struct event_list *list, enum link_event_kind kind, uint64_t epoch,
                   struct message *message);
void event_op(struct event_list *list, uint64_t epoch, struct link_op *op);

/* A message's fate is known. */
void event_publish_status(struct event_list *list, struct message *message,
                          enum publish_status status);

struct link_event *event_list_take(struct event_list *list);
void event_list_free(struct event_list *list);

#endif
