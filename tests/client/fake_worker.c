#include "fake_worker.h"

#include "cmocka_all.h"
#include <stdio.h>
#include <string.h>

void fake_worker_open(struct fake_worker *f, const char *task) {
    char queue[256];
    snprintf(queue, sizeof queue, "crew.tasks.%s", task);
    link_fixture_open(&f->link);
    struct link_op *op = link_op_new(LINK_DECLARE_QUEUE, queue);
    op->exclusive = true;
    link_fixture_must_do(&f->link, op);
    link_fixture_consume(&f->link, queue, true);
}

void fake_worker_close(struct fake_worker *f) {
    link_fixture_close(&f->link);
}

struct message *fake_worker_take(struct fake_worker *f) {
    return link_fixture_next_delivery(&f->link);
}

void fake_worker_answer(struct fake_worker *f, const struct message *call,
                        const char *body, const struct message_header *header,
                        const char *encoding) {
    struct message_properties p = {.exchange = "",
                                   .routing_key = call->p.reply_to,
                                   .correlation_id = call->p.correlation_id,
                                   .content_type = "text/plain",
                                   .content_encoding = encoding,
                                   .headers = header,
                                   .header_count = header != NULL};
    struct message *m = message_new(&p);
    buffer_append(&m->body, body, strlen(body));
    assert_int_equal(link_fixture_publish(&f->link, m), PUBLISH_CONFIRMED);
}
