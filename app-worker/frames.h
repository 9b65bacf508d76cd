/* What the supervisor and a handler process say to each other. Both are the same program,
 * so there are no versions; each frame is an item of the envelope (wire/envelope.h).
 *
 *   supervisor                    handler process
 *     SETUP  ───────────────────────▶
 *            ◀─────────────────────── HELLO   its tasks, or why the app cannot be used
 *     RUN    ───────────────────────▶         several may be ahead; they are run in order
 *            ◀─────────────────────── LOG     any number of them
 *            ◀─────────────────────── CALL    calls of the handler's own, which waits
 *     CALLED ───────────────────────▶         for what came of them (group_frames.h)
 *            ◀─────────────────────── PUBLISH a message of the handler's, which waits
 *  PUBLISHED ───────────────────────▶         for what came of it (publish_frames.h)
 *            ◀─────────────────────── HEAD    a streamed answer begins (stream_frames.h)
 *            ◀─────────────────────── CHUNK   any number, as far as there is credit
 *     CREDIT ───────────────────────▶         more of it, or: nobody wants the rest
 *            ◀─────────────────────── ANSWER  also the end of a streamed one
 *     QUIT   ───────────────────────▶ exits
 */
#ifndef CREW_WORKER_FRAMES_H
#define CREW_WORKER_FRAMES_H

#include "wire/envelope.h"
#include <crew/host.h>

enum frame_kind {
    FRAME_SETUP = 128,
    FRAME_HELLO,
    FRAME_RUN,
    FRAME_ANSWER,
    FRAME_CALL,
    FRAME_CALLED,
    FRAME_LOG,
    FRAME_QUIT,
    FRAME_HEAD,
    FRAME_CHUNK,
    FRAME_CREDIT,
    FRAME_PUBLISH,
    FRAME_PUBLISHED
};

/* What a frame gives beyond the bytes of its item: an array of pairs and texts with a
 * zero behind them. Used again and again; zeroed memory is valid. */
struct frame_parts {
    struct crew_pair *pairs;
    size_t pair_cap;
    struct buffer texts;
};

void frame_parts_fini(struct frame_parts *parts);

/* How a handler process is to be. */
struct frame_setup {
    const char *uuid;
    const char *node_uuid;
    const char *route_task;
    const char *app; /* the file to load: APP.so or a copy of it */
    size_t max_response_bytes;
    size_t max_memory_bytes;
    int argc; /* APP.so and its arguments */
    char *const *argv;
};

/* On which terms a request is to be run. */
struct frame_terms {
    uint32_t left_ms; /* how long it may take */
    uint32_t place;   /* where its ticket is, and which (claims.h) */
    uint32_t ticket;
};

/* Writing. Failure shows in to->failed. */
void frame_put_setup(struct buffer *to, const struct frame_setup *setup);
void frame_put_hello(struct buffer *to, const char *const *tasks, size_t count);
void frame_put_refusal(struct buffer *to, const char *why); /* a HELLO, too */
void frame_put_run(struct buffer *to, const struct crew_task_view *task,
                   const struct frame_terms *terms);
/* TICKET is that of the RUN; 0 inside a CALLED. */
void frame_put_answer(struct buffer *to, const struct crew_answer *answer,
                      uint32_t ticket);
uint32_t frame_ticket(const struct wire_item *answer); /* also of HEAD and CHUNK */
/* Status and header fields; frame_get_answer reads it. */
void frame_put_head(struct buffer *to, const struct crew_answer *head, uint32_t ticket);
void frame_put_call(struct buffer *to, const struct crew_call *call);
void frame_put_log(struct buffer *to, enum crew_log_level level, const char *request_id,
                   const char *text);
void frame_put_quit(struct buffer *to);

/* Do these pairs fit a frame? */
bool frame_pairs_fit(const struct crew_pair *pairs, size_t count);

/* Reading. What is given points into the item and PARTS. False: not such a frame, or
 * memory is out. */
bool frame_get_setup(
    const struct wire_item *item, struct frame_parts *parts,
    struct frame_setup *setup); /* argv: free(3) it, its words are PARTS' */
bool frame_get_run(const struct wire_item *item, struct frame_parts *parts,
                   struct crew_task_view *task, struct frame_terms *terms);
bool frame_get_answer(const struct wire_item *item, struct frame_parts *parts,
                      struct crew_answer *answer);
bool frame_get_call(const struct wire_item *item, struct frame_parts *parts,
                    struct crew_call *call);
bool frame_get_log(const struct wire_item *item, struct frame_parts *parts,
                   enum crew_log_level *level, const char **request_id,
                   const char **text);

#endif
