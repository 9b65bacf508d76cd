/* A task's queue served by hand over AMQP: what crew's callers really send, and answers
 * that no crew worker would give. */
#ifndef CREW_TESTS_RPC_FOREIGN_H
#define CREW_TESTS_RPC_FOREIGN_H

#include "stage.h"

struct foreign {
    struct stage stage;
};

void foreign_open(struct foreign *f, const char *task);
void foreign_close(struct foreign *f);

struct message *foreign_take(struct foreign *f); /* the next call; freed by the caller */
/* Answer CALL with a plain text; HEADER (null: none) is a text, ENCODING the content
 * encoding (null: none). */
void foreign_answer(struct foreign *f, const struct message *call, const char *body,
                    const struct message_header *header, const char *encoding);

#endif
