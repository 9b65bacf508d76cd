/* The frames between the supervisor and a handler process. Both are the same program, so
 * the protocol has no versions; each frame is an item of the envelope (wire/envelope.h).
 *
 *   supervisor                      handler process
 *     SETUP    ──────────────────────▶
 *              ◀────────────────────── HELLO    its tasks, or why the app is not loaded
 *     RUN      ──────────────────────▶          several may be pipelined; run in order
 *              ◀────────────────────── LOG      any number
 *              ◀────────────────────── CALL     subcalls of the handler, which waits
 *  CALL_RESULT ──────────────────────▶          for their answers
 *              ◀────────────────────── PUBLISH  a message of the handler, which waits
 *  PUBLISH_RESULT ───────────────────▶          for its publish status
 *              ◀────────────────────── HEAD     a streamed answer begins
 *              ◀────────────────────── CHUNK    any number, within the credit
 *     CREDIT   ──────────────────────▶          more credit, or: stop the stream
 *              ◀────────────────────── ANSWER   also the end of a streamed answer
 *     QUIT     ──────────────────────▶ exits
 *
 * The functions encode and decode; they do no input or output. What a handler process
 * sends is untrusted: a malformed frame makes ipc_get_... return false. */
#ifndef CREW_WORKER_IPC_PROTOCOL_H
#define CREW_WORKER_IPC_PROTOCOL_H

#include "wire/envelope.h"
#include <crew/host.h>

enum ipc_kind {
    IPC_SETUP = 128,
    IPC_HELLO,
    IPC_RUN,
    IPC_ANSWER,
    IPC_CALL,
    IPC_CALL_RESULT,
    IPC_LOG,
    IPC_QUIT,
    IPC_HEAD,
    IPC_CHUNK,
    IPC_CREDIT,
    IPC_PUBLISH,
    IPC_PUBLISH_RESULT
};

/* Descriptors of a handler process: its end of the socket, and the task ring. */
enum { IPC_SOCKET_FD = 3, IPC_RING_FD, IPC_FDS_END };

/* Why a handler is to stop: the value of the SIGTERM that the supervisor sends. */
enum ipc_stop_reason {
    IPC_STOP_TIMEOUT = 1, /* it exceeded its time: the log shows where it was */
    IPC_STOP_UNWANTED     /* its answer is not needed any more */
};

/* Memory for what a decoded frame holds beyond the bytes of its item: an array of pairs
 * and strings with a terminating zero. Reused by each decoding; zeroed memory is
 * valid. */
struct ipc_scratch {
    struct crew_pair *pairs;
    size_t pair_cap;
    struct buffer strings;
};

void ipc_scratch_fini(struct ipc_scratch *scratch);

/* Writing appends to TO; a failure shows in to->failed. Reading gives pointers into the
 * item and SCRATCH (or the struct itself); false: not such a frame, malformed, or memory
 * is out. */

/* ---- SETUP: how the handler process is configured ---- */

struct ipc_setup {
    const char *uuid;
    const char *node_uuid;
    const char *route_task;
    const char *app; /* the file to load: APP.so or a snapshot of it */
    size_t max_response_bytes;
    size_t max_memory_bytes;
    int argc; /* APP.so and its arguments */
    char *const *argv;
};

void ipc_put_setup(struct buffer *to, const struct ipc_setup *setup);
/* setup->argv is to be freed with free(3); its strings belong to SCRATCH. */
bool ipc_get_setup(const struct wire_item *item, struct ipc_scratch *scratch,
                   struct ipc_setup *setup);

/* ---- HELLO: read directly from the item (pairs: task names; body: load error) ---- */

void ipc_put_hello(struct buffer *to, const char *const *tasks, size_t count);
void ipc_put_load_error(struct buffer *to, const char *why);

/* ---- RUN ---- */

struct ipc_run_terms {
    uint32_t left_ms;    /* how long it may take */
    uint32_t slot;       /* where the task ring has it, */
    uint32_t generation; /* and as what (task_ring.h) */
};

void ipc_put_run(struct buffer *to, const struct crew_task_view *task,
                 const struct ipc_run_terms *terms);
bool ipc_get_run(const struct wire_item *item, struct ipc_scratch *scratch,
                 struct crew_task_view *task, struct ipc_run_terms *terms);

/* ---- ANSWER, HEAD, CHUNK, CREDIT ---- */

/* GENERATION is that of the RUN. ipc_get_answer reads ANSWER and HEAD (status and header
 * fields). */
void ipc_put_answer(struct buffer *to, const struct crew_answer *answer,
                    uint32_t generation);
void ipc_put_head(struct buffer *to, const struct crew_answer *head, uint32_t generation);
bool ipc_get_answer(const struct wire_item *item, struct ipc_scratch *scratch,
                    struct crew_answer *answer);

/* The body of a CHUNK is the item's. */
void ipc_put_chunk(struct buffer *to, const void *data, size_t bytes,
                   uint32_t generation);

/* The generation of an ANSWER, HEAD or CHUNK. */
uint32_t ipc_generation(const struct wire_item *item);

/* What a handler process may send of the answer to the RUN with this generation. */
struct ipc_credit {
    uint32_t generation;
    uint32_t allowed_bytes; /* of the body in all, modulo 2^32 */
    bool stop;              /* send no more: the stream has no reader */
};

void ipc_put_credit(struct buffer *to, const struct ipc_credit *credit);
bool ipc_get_credit(const struct wire_item *item, struct ipc_credit *credit);

/* Do these pairs fit a frame? */
bool ipc_pairs_fit(const struct crew_pair *pairs, size_t count);

/* ---- CALL and CALL_RESULT: items with one item inside per call or answer ---- */

/* A decoded CALL. Zeroed memory is valid; to be finished even after a failure. */
struct ipc_call {
    struct crew_group group;
    struct crew_call *calls;     /* group.calls */
    struct ipc_scratch *scratch; /* one for each */
};

/* A decoded CALL_RESULT. The same. */
struct ipc_call_result {
    int error; /* of the group */
    struct crew_answer *answers;
    size_t count; /* 0: the group was not sent */
    struct ipc_scratch *scratch;
};

/* Does the group fit a frame? */
bool ipc_call_fits(const struct crew_group *group);

void ipc_put_call(struct buffer *to, const struct crew_group *group);
bool ipc_get_call(const struct wire_item *item, struct ipc_call *call);
void ipc_call_fini(struct ipc_call *call);

/* An answer that would make the frame too large is replaced by CREW_ETOOLARGE. */
void ipc_put_call_result(struct buffer *to, int error,
                         const struct crew_answer *const answers[], size_t count);
bool ipc_get_call_result(const struct wire_item *item, struct ipc_call_result *result);
void ipc_call_result_fini(struct ipc_call_result *result);

/* ---- PUBLISH and PUBLISH_RESULT ---- */

/* A decoded PUBLISH; to be finished even after a failure. */
struct ipc_publish {
    struct crew_publication publication; /* its body points into the item */
    struct buffer strings;
};

void ipc_put_publish(struct buffer *to, const struct crew_publication *publication);
bool ipc_get_publish(const struct wire_item *item, struct ipc_publish *publish);
void ipc_publish_fini(struct ipc_publish *publish);

void ipc_put_publish_result(struct buffer *to, int error);
bool ipc_get_publish_result(const struct wire_item *item, int *error);

/* ---- LOG and QUIT ---- */

void ipc_put_log(struct buffer *to, enum crew_log_level level, const char *request_id,
                 const char *text);
bool ipc_get_log(const struct wire_item *item, struct ipc_scratch *scratch,
                 enum crew_log_level *level, const char **request_id, const char **text);
void ipc_put_quit(struct buffer *to);

#endif
