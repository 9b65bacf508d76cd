/* Serves a task queue over plain AMQP: shows what crew's clients send, and gives answers
 * that no crew worker gives. */
#ifndef CREW_TESTS_CLIENT_FAKE_WORKER_H
#define CREW_TESTS_CLIENT_FAKE_WORKER_H

#include "link_fixture.h"

struct fake_worker {
    struct link_fixture link;
};

void fake_worker_open(struct fake_worker *f, const char *task);
void fake_worker_close(struct fake_worker *f);

struct message *
fake_worker_take(struct fake_worker *f); /* the next call; freed by the caller */
/* Answer CALL with a plain text; HEADER (null: none) is a text, ENCODING the content
 * encoding (null: none). */
void fake_worker_answer(struct fake_worker *f, const struct message *call,
                        const char *body, const struct message_header *header,
                        const char *encoding);

#endif
