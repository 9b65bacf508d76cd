/* Events are small and of fixed size: running out of memory here ends the program. */
#include "amqp/event_list.h"

#include "base/xalloc.h"

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

void event_list_add(struct event_list *list, enum link_event_kind kind, uint64_t epoch) {
    append(list, kind, epoch);
}

void event_list_add_open(struct event_list *list, uint64_t epoch, size_t url,
                         bool caller_driven, const char *text) {
    struct link_event *event = append(list, LINK_OPEN, epoch);
    event->text = xstrdup(text);
    event->url = url;
    event->caller_driven = caller_driven;
}

void event_list_add_text(struct event_list *list, enum link_event_kind kind,
                         uint64_t epoch, const char *text) {
    append(list, kind, epoch)->text = xstrdup(text);
}

void event_list_add_delivery(struct event_list *list, uint64_t epoch,
                             struct message *message) {
    append(list, LINK_DELIVERY, epoch)->message = message;
}

void event_list_add_op(struct event_list *list, uint64_t epoch, struct link_op *op) {
    append(list, LINK_OP_DONE, epoch)->op = op;
}

void event_list_add_status(struct event_list *list, struct message *message,
                           enum publish_status status) {
    message->next = NULL;
    message->status = status;
    append(list, LINK_PUBLISHED, message->epoch)->message = message;
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
