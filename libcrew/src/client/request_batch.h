/* Requests on their way to the broker: queued, several in one message where the batcher
 * says so, and back with the publish status of their message. */
#ifndef CREW_CLIENT_REQUEST_BATCH_H
#define CREW_CLIENT_REQUEST_BATCH_H

#include "client/batcher.h"
#include "client/encode.h"
#include "client/reply_queue.h"
#include "session/broker_session.h"

/* Inside whatever is to be sent. */
struct queued_request {
    struct batch_entry entry; /* first: an entry is turned back into its request */
    struct encoded_call encoded;
};

/* What happens to a request. None of these may free it, but for not_connected. */
struct request_handlers {
    void (*sent)(struct queued_request *r);
    void (*published)(struct queued_request *r, enum publish_status status);
    /* It was to be sent, and there is no connection: must withdraw it. */
    void (*not_connected)(struct queued_request *r);
};

struct request_batches {
    struct broker_session *session;
    const struct reply_queue *reply_queue;
    struct request_handlers handlers;
    struct batcher batcher;
    struct broker_session_timer timer; /* the batcher's */
    struct request_batch *all;
};

void request_batches_init(struct request_batches *b, struct broker_session *s,
                          const struct reply_queue *reply_queue, size_t max_batch,
                          const struct request_handlers *handlers);
/* After broker_session_stop, when all requests have left. */
void request_batches_fini(struct request_batches *b);

/* R, zeroed, is for TASK, until it leaves. */
void request_batch_join(struct request_batches *b, struct queued_request *r,
                        const char *task, uint8_t level, bool persistent);
void request_batch_leave(struct request_batches *b, struct queued_request *r);
/* crew.tasks.NAME */
const char *request_batch_queue_name(const struct queued_request *r);

void request_batch_enqueue(struct request_batches *b, struct queued_request *r);
/* R does not wait to be sent any more, and its message's status is of no interest. */
void request_batch_withdraw(struct request_batches *b, struct queued_request *r);

void request_batch_note_answer(struct request_batches *b, struct queued_request *r,
                               uint64_t run_us, struct wire_bytes worker);

/* Send what shall be sent now. CONNECTED: messages may be published. True: there is more
 * to do. */
bool request_batches_flush(struct request_batches *b, bool connected);

#endif
