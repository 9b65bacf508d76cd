#include "amqp/link_event.h"

#include <stdlib.h>

void link_event_free(struct link_event *event) {
    if (event == NULL)
        return;
    message_free(event->message);
    link_op_free(event->op);
    free(event->text);
    free(event);
}
