#include "client/stream_receiver.h"

#include <crew/error.h>
#include <stdio.h>

/* Credit is granted in steps, so that a notice is worth its message. */
#define CREDIT_STEP_BYTES (CREW_WINDOW_BYTES / 4)

static void set_broken(struct stream_event *event, int error, const char *reason) {
    event->kind = STREAM_BROKEN;
    event->error = error;
    event->reason = reason;
}

void stream_receiver_begin(struct stream_receiver *r, bool collects, size_t max_bytes,
                           const struct wire_item *head, const struct crew_answer *answer,
                           struct stream_event *event) {
    snprintf(r->worker, sizeof r->worker, "%.*s", (int)head->worker.len,
             (const char *)head->worker.data);
    r->collects = collects;
    r->max_bytes = max_bytes;
    r->next = 1;
    r->granted = CREW_WINDOW_BYTES;
    bool valid = answer != NULL && r->worker[0] != '\0';
    event->kind = STREAM_BEGUN;
    if (valid) {
        event->answer = *answer;
        event->answer.worker = r->worker;
    }
    if (valid && collects)
        valid = (r->head = crew_answer_copy(&event->answer)) != NULL;
    if (!valid)
        set_broken(event, CREW_EBADRESPONSE, "its head is not valid");
}

void stream_receiver_fini(struct stream_receiver *r) {
    crew_answer_free(r->head);
    buffer_fini(&r->body);
}

/* ---- credit ---- */

void stream_receiver_consume(struct stream_receiver *r, size_t bytes) {
    uint64_t waiting = r->received - r->consumed;
    r->consumed += bytes < waiting ? bytes : waiting;
}

bool stream_receiver_credit_due(const struct stream_receiver *r) {
    return r->consumed + CREW_WINDOW_BYTES >= r->granted + CREDIT_STEP_BYTES;
}

uint32_t stream_receiver_grant(struct stream_receiver *r) {
    r->granted = r->consumed + CREW_WINDOW_BYTES;
    return (uint32_t)r->granted;
}

/* ---- the pieces ---- */

static void collect(struct stream_receiver *r, struct wire_bytes chunk,
                    struct stream_event *event) {
    if (chunk.len > r->max_bytes - r->body.len) {
        set_broken(event, CREW_EBADRESPONSE, "it is too large to be collected");
        return;
    }
    buffer_append(&r->body, chunk.data, chunk.len);
    stream_receiver_consume(r, chunk.len);
    event->kind = STREAM_COLLECTED;
    if (r->body.failed)
        set_broken(event, CREW_EBADRESPONSE, "out of memory");
}

static void take_chunk(struct stream_receiver *r, struct wire_bytes chunk,
                       struct stream_event *event) {
    r->next++;
    r->received += chunk.len;
    if (r->received > r->granted) {
        set_broken(event, CREW_EBADRESPONSE, "the worker exceeds its credit");
    } else if (chunk.len == 0) {
        event->kind = STREAM_CREDIT_REQUESTED;
    } else if (r->collects) {
        collect(r, chunk, event);
    } else {
        event->kind = STREAM_CHUNK;
        event->chunk = chunk;
    }
}

static void take_end(const struct stream_receiver *r, uint64_t run_us,
                     struct stream_event *event) {
    event->kind = STREAM_ENDED;
    event->answer = (struct crew_answer){.worker = r->worker};
    if (r->collects) {
        event->answer = *r->head;
        event->answer.body = r->body.data;
        event->answer.body_bytes = r->body.len;
    }
    event->answer.run_us = run_us;
}

void stream_receiver_receive(struct stream_receiver *r, const struct wire_item *item,
                             struct stream_event *event) {
    if (item->kind == WIRE_HEAD || item->sequence != r->next)
        set_broken(event, CREW_ELOST, "a piece is missing, or not the next");
    else if (item->kind == WIRE_CHUNK)
        take_chunk(r, item->body, event);
    else
        take_end(r, item->run_us, event);
}
