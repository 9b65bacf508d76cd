/* Calls: the life of each, from call_start to the one place where it ends. */
#ifndef CREW_CLIENT_CALL_H
#define CREW_CLIENT_CALL_H

#include "client/dispatch_lock.h"
#include "client/queue_info.h"
#include "client/reply_queue.h"
#include "client/request_batch.h"
#include "session/broker_session.h"
#include "wire/envelope.h"
#include <crew/client.h>

/* Calls that wait for the same (utlist). */
struct call_list {
    struct crew_pending *head;
    size_t count;
};

/* The calls of a client. */
struct calls {
    struct broker_session *session;
    struct dispatch_lock *lock;
    struct reply_queue *reply_queue;
    struct queue_info *queue_info;
    const char *instance; /* the beginning of the ids that are made */
    uint64_t next_id;
    size_t gzip_above_bytes;
    size_t max_answer_bytes;
    struct crew_pending *by_id;
    struct call_list failing; /* end with the next flush */
    struct call_list awaiting_retry;
    struct request_batches requests;
};

struct calls_options {
    struct broker_session *session;
    struct dispatch_lock *lock;
    struct reply_queue *reply_queue;
    struct queue_info *queue_info;
    const char *instance; /* must stay */
    size_t gzip_above_bytes;
    size_t max_answer_bytes;
    size_t max_batch;
};

void calls_init(struct calls *c, const struct calls_options *options);
/* All of them end with CREW_ECLOSED. */
void calls_close(struct calls *c);
/* After broker_session_stop. */
void calls_fini(struct calls *c);

/* Calls that are due to end do, and requests are sent. True: there is more to do. */
bool calls_flush(struct calls *c);
/* No answer comes any more to the reply queue that was named in what has been sent. */
void calls_reply_queue_lost(struct calls *c);

/* ---- one call ---- */

/* Errors as of crew_client_call. TO's chunk and head null: pieces of a stream are
 * collected. TO is not called from here. */
int call_start(struct calls *c, const struct crew_call *from,
               const struct crew_receiver *to, void *arg, enum callback_locking locking,
               struct crew_pending **pending);
/* TO is not called any more. */
void call_cancel(struct crew_pending *call);
/* TO's ended has been called, or is being called. */
bool call_has_ended(const struct crew_pending *call);
/* The caller is done with so many bytes of a stream. */
void call_credit(struct crew_pending *call, size_t bytes);

/* ---- what comes to the reply queue; after each of these the call may be freed ---- */

/* Null: no such call. */
struct crew_pending *call_find(struct calls *c, const void *id, size_t id_bytes);
bool call_is_http(const struct crew_pending *call);
bool call_is_streaming(const struct crew_pending *call);
/* A handler has it. */
void call_note_started(struct crew_pending *call);
/* A worker took this long. */
void call_note_run(struct crew_pending *call, uint64_t run_us, struct wire_bytes worker);
/* A whole answer, or an outcome. */
void call_answer(struct crew_pending *call, const struct crew_answer *answer);
void call_fail(struct crew_pending *call, int error);
/* A piece of a stream without an error; HEAD is a head's answer, null if not valid. */
void call_receive_piece(struct crew_pending *call, const struct wire_item *item,
                        const struct crew_answer *head);
/* The broker has dead-lettered its message for this reason. */
void call_dead_letter(struct crew_pending *call, const char *reason);

#endif
