/* crew/worker.h - serve tasks by name.
 *
 * A worker consumes the queues of its tasks under one prefetch limit over all of them,
 * hands each task to its owner and answers it. It reconnects by itself, remembers what it
 * has answered, and settles a message (ack) only when the answer is safe and the owner has
 * said that it is done with the task.
 *
 * All callbacks run inside crew_worker_dispatch, on the thread that calls it. One thread
 * at a time may use a worker and its tasks. No function blocks unless it says so.
 *
 * The life of a task:
 *   on_task ──▶ crew_task_begin ──▶ crew_task_answer ──▶ crew_task_done
 *      │              │  └─ crew_task_head, _chunk ... ─▶ crew_task_answer
 *      │              └─ not to be run any more: the handle is gone
 *      └────▶ crew_task_put_back: the handle is gone
 */
#ifndef CREW_WORKER_H
#define CREW_WORKER_H

#include <crew/broker.h>
#include <crew/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_worker crew_worker;
typedef struct crew_task crew_task;

/* What is left zero has its default. on_task must be there. */
struct crew_worker_options {
    const char *name;  /* connection name; null: "crew-worker" */
    unsigned prefetch; /* messages held at a time, over all queues; 0: 1 */
    /* The most that crew_worker_set_prefetch will often ask for: where it is in force, a
     * worker of one queue costs the broker least. Less than prefetch: the same. */
    unsigned prefetch_most;
    size_t
        gzip_above_bytes; /* answers above this are compressed where it helps; 0: none */
    size_t max_request_bytes; /* larger after inflating: rejected; 0: 64 MiB */
    void (*on_task)(void *arg, crew_task *task);
    void *task_arg;
    /* The answer to crew_worker_look: MESSAGES wait in the task's queue for one of
     * CONSUMERS, this worker included. May be null. */
    void (*on_queue)(void *arg, const char *task, uint32_t messages, uint32_t consumers);
    /* Of a task whose answer is a stream (crew_task_head): of its body, so many bytes in
     * all may be sent, modulo 2^32; nobody reads it any more. May be null. */
    void (*on_credit)(void *arg, crew_task *task, uint32_t allowed_bytes);
    void (*on_gone)(void *arg, crew_task *task);
    crew_event_fn *on_event; /* may be null */
    void *event_arg;
    bool caller_driven_io; /* input and output are done in the owner's loop, which calls
                      crew_worker_flush each time before it waits for events; see
                      crew_client_options in crew/client.h */
};

/* A task as its owner sees it. Valid until crew_task_done or the end of its handle. */
struct crew_task_view {
    enum crew_form form;
    const char *task; /* its name */
    const char *id;
    const char *content_type; /* of a plain body, or null */
    const uint8_t *pairs;     /* the name/value block as on the wire (docs/wire.md):
                                 CGI parameters, or a plain call's headers */
    size_t pairs_bytes;
    const void *body;
    size_t body_bytes;
};

/* crew_worker_new - start to connect, in the background, again and again for ever. No task
 * is consumed yet. BROKER and OPTIONS are copied. CREW_EINVAL: no on_task. CREW_ESYSTEM: no
 * thread or descriptor was to be had. */
CREW_API int crew_worker_new(const crew_broker *broker,
                             const struct crew_worker_options *options,
                             crew_worker **worker);

/* crew_worker_fd - the descriptor that is readable when crew_worker_dispatch has something
 * to do, timers included. Owned by the worker, the same for its whole life. */
CREW_API int crew_worker_fd(const crew_worker *worker);

/* crew_worker_dispatch - do what is due: hand out tasks, settle messages, report events. */
CREW_API void crew_worker_dispatch(crew_worker *worker);

/* crew_worker_flush - send answers that were given outside of crew_worker_dispatch. Only
 * for owners that said caller_driven_io. Costs nothing when there is nothing to send. */
CREW_API void crew_worker_flush(crew_worker *worker);

/* crew_worker_uuid - the id of this worker, 36 characters, made at crew_worker_new. Owned
 * by the worker. */
CREW_API const char *crew_worker_uuid(const crew_worker *worker);

/* crew_worker_ready - whether all tasks are being consumed. */
CREW_API bool crew_worker_ready(const crew_worker *worker);

/* crew_worker_serve - consume exactly these tasks from now on: new ones are declared and
 * consumed, those no longer named are cancelled; tasks in hand are not touched. NAMES are
 * copied. CREW_EEXIST: a name stands there twice. CREW_EINVAL: not a task name (1 to 200
 * bytes, no control characters). */
CREW_API int crew_worker_serve(crew_worker *worker, const char *const *names,
                               size_t count);

/* crew_worker_set_prefetch - change the limit (0: 1); takes effect with the next
 * deliveries. */
CREW_API void crew_worker_set_prefetch(crew_worker *worker, unsigned prefetch);

/* crew_worker_look - ask the broker about the queue of a task that is served. on_queue
 * has the answer; none comes when the connection is lost before, the queue is not there,
 * or the last question about it is still under way. */
CREW_API void crew_worker_look(crew_worker *worker, const char *task);

/* crew_worker_held - tasks in hand or answered but not yet settled. A worker that serves
 * nothing and holds nothing can be freed without losing anything. */
CREW_API size_t crew_worker_held(const crew_worker *worker);

/* crew_worker_free - close the connections; what is not settled goes back to the broker.
 * Blocks until the I/O threads have ended, at most about two seconds. All handles of tasks
 * are gone. Null is fine. */
CREW_API void crew_worker_free(crew_worker *worker);

/* crew_task_view - what the task is; VIEW points into it. */
CREW_API void crew_task_view(const crew_task *task, struct crew_task_view *view);

/* crew_task_left_ms - what is left of the caller's time budget; 0 when it is over. */
CREW_API uint32_t crew_task_left_ms(const crew_task *task);

/* crew_task_begin - to be called right before the task is handed to a handler. CREW_OK: run
 * it; when no answer has come 100 ms later, the caller is told that it was taken.
 * CREW_EEXPIRED, CREW_ECANCELLED: do not run it; the handle is gone. */
CREW_API int crew_task_begin(crew_task *task);

/* crew_task_unbegin - the handler has not begun it after all: it is as before
 * crew_task_begin, which has to be called again. */
CREW_API void crew_task_unbegin(crew_task *task);

/* crew_task_answer - send the answer (or, with answer->error, how it ended). ANSWER is
 * copied. The first answer counts, a later one is ignored. The handle stays good until
 * crew_task_done. */
CREW_API void crew_task_answer(crew_task *task, const struct crew_answer *answer);

/* crew_task_head - begin to answer an HTTP task piece by piece: ANSWER's status and header
 * fields. The end comes with crew_task_answer, of whose ANSWER only the error and run_us
 * count then. CREW_EINVAL: a plain call, or the task has an answer or a head already.
 * CREW_ECANCELLED: nobody waits for the answer. CREW_EBADRESPONSE: ANSWER is over a limit
 * of docs/wire.md. */
CREW_API int crew_task_head(crew_task *task, const struct crew_answer *answer);

/* crew_task_chunk - BYTES more of the body, at most CREW_CHUNK_BYTES. CREW_EINVAL: more than
 * that, more than there is credit for (CREW_WINDOW_BYTES and what on_credit has said), or
 * there is no head. CREW_ECANCELLED: nobody reads it any more; on_gone has said so. */
CREW_API int crew_task_chunk(crew_task *task, const void *data, size_t bytes);

/* crew_task_done - the owner is done with the task: nothing runs for it any more. The
 * message is acked as soon as the answer is safe with the broker. The handle is gone. A
 * task that was never answered is answered CREW_ELOST. */
CREW_API void crew_task_done(crew_task *task);

/* crew_task_put_back - for a task that was not begun: publish it again, wait for the
 * broker's confirm, then ack. It goes to the end of its level of the queue, as a message
 * of its own. The handle is gone; when the broker does not take the task, and its queue
 * is still served, on_task has it once more. */
CREW_API void crew_task_put_back(crew_task *task);

#ifdef __cplusplus
}
#endif
#endif
