/* Lists of events. Small and of fixed size, so memory that runs out ends the program. */
#include "amqp/event.h"

#include "base/xalloc.h"
#include <stdlib.h>

static struct link_event *append(struct event_list *list, enum link_event_kind kind,
                                 uint64_t epoch) {
    struct link_event *event = xcalloc(1, sizeof *event);
    event->kind = kind;
    event->epoch = epoch;
    if (list->last == NULL)
        list->first = event;
    else
        list->last->next = event;
    list->last = event;
    return event;
}

void event_plain(struct event_list *list, enum link_event_kind kind, uint64_t epoch) {
    append(list, kind, epoch);
}

void event_open(struct event_list *list, uint64_t epoch, size_t url, bool caller_driven,
                const char *text) {
    struct link_event *event = append(list, LINK_OPEN, epoch);
    event->text = xstrdup(text);
    event->url = url;
    event->caller_driven = caller_driven;
}

void event_text(struct event_list *list, enum link_event_kind kind, uint64_t epoch,
                const char *text) {
    append(list, kind, epoch)->text = xstrdup(text);
}

void event_message(struct event_list *list, enum link_event_kind kind, uint64_t epoch,
                   struct message *message) {
    append(list, kind, epoch)->message = message;
}

void event_op(struct event_list *list, uint64_t epoch, struct link_op *op) {
    append(list, LINK_OP_DONE, epoch)->op = op;
}

void event_publish_status(struct event_list *list, struct message *message,
                          enum publish_status status) {
    message->next = NULL;
    message->status = status;
    event_message(list, LINK_PUBLISHED, message->epoch, message);
}

struct link_event *event_list_take(struct event_list *list) {
    struct link_event *first = list->first;
    *list = (struct event_list){0};
    return first;
}

void event_list_free(struct event_list *list) {
    struct link_event *event = event_list_take(list);
    while (event != NULL) {
        struct link_event *next = event->next;
        link_event_free(event);
        event = next;
    }
}

void link_event_free(struct link_event *event) {
    if (event != NULL) {
        message_free(event->message);
        link_op_free(event->op);
        free(event->text);
        free(event);
    }
}
