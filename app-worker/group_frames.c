/* Groups to bytes and back. How a group ends stands before the first call; how it ended
 * travels as a number, as in other frames. */
#include "group_frames.h"

#include "base/xalloc.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX_BYTES ((size_t)1 << 30) /* an item's length has 32 bits */

/* ---- CALL ---- */

static bool call_fits(const struct crew_call *call, size_t room) {
    return call->body_bytes <= room &&
           (call->id == NULL || strlen(call->id) <= LIMIT_ITEM_ID_BYTES) &&
           (call->content_type == NULL || strlen(call->content_type) <= UINT8_MAX) &&
           frame_pairs_fit(call->pairs, call->pair_count);
}

bool calls_frame_fits(const struct crew_group *group) {
    size_t room = LIMIT_MESSAGE_BYTES;
    for (size_t i = 0; i < group->count; i++) {
        if (!call_fits(&group->calls[i], room))
            return false;
        room -= group->calls[i].body_bytes;
    }
    return true;
}

void frame_put_calls(struct buffer *to, const struct crew_group *group) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = FRAME_CALL,
                                                    .budget_ms = group->expiration_ms,
                                                    .sequence = (uint32_t)group->count});
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)group->end);
    for (size_t i = 0; i < group->count; i++)
        frame_put_call(to, &group->calls[i]);
    wire_close(to, mark);
}

/* The next of COUNT items inside another. Their number is checked by who reads them. */
static bool next_inside(struct wire_reader *reader, struct wire_item *item) {
    reader->items = 0;
    return wire_next(reader, item) == 1;
}

static bool take_calls(struct wire_reader *reader, struct calls_frame *frame) {
    struct wire_item item;
    for (size_t i = 0; i < frame->group.count; i++)
        if (!next_inside(reader, &item) ||
            !frame_get_call(&item, &frame->parts[i], &frame->calls[i]))
            return false;
    return reader->at == reader->end;
}

bool frame_get_calls(const struct wire_item *item, struct calls_frame *frame) {
    *frame = (struct calls_frame){.group.calls = NULL};
    if (item->kind != FRAME_CALL || item->body.len < 1 || item->sequence == 0 ||
        item->sequence > CREW_GROUP_MAX || item->body.data[0] > CREW_GROUP_FIRST)
        return false;
    frame->group = (struct crew_group){.end = (enum crew_group_end)item->body.data[0],
                                       .count = item->sequence,
                                       .expiration_ms = item->budget_ms};
    frame->calls = xcalloc(1, frame->group.count * sizeof *frame->calls);
    frame->parts = xcalloc(1, frame->group.count * sizeof *frame->parts);
    frame->group.calls = frame->calls;
    struct wire_reader reader = {.at = item->body.data + 1,
                                 .end = item->body.data + item->body.len};
    return take_calls(&reader, frame);
}

static void parts_fini(struct frame_parts *parts, size_t count) {
    for (size_t i = 0; parts != NULL && i < count; i++)
        frame_parts_fini(&parts[i]);
    free(parts);
}

void calls_frame_fini(struct calls_frame *frame) {
    parts_fini(frame->parts, frame->group.count);
    free(frame->calls);
}

/* ---- CALLED ---- */

void frame_put_called(struct buffer *to, int error,
                      const struct crew_answer *const answers[], size_t count) {
    const struct crew_answer too_large = {.error = CREW_ETOOLARGE,
                                          .status = crew_error_status(CREW_ETOOLARGE)};
    size_t room = ANSWERS_MAX_BYTES;
    size_t mark = wire_open(to, &(struct wire_item){.kind = FRAME_CALLED,
                                                    .status = (uint16_t)error,
                                                    .sequence = (uint32_t)count});
    wire_open_body(to, mark);
    for (size_t i = 0; i < count; i++) {
        bool fits = answers[i]->body_bytes <= room;
        frame_put_answer(to, fits ? answers[i] : &too_large, 0);
        room -= fits ? answers[i]->body_bytes : 0;
    }
    wire_close(to, mark);
}

bool frame_get_called(const struct wire_item *item, struct called_frame *frame) {
    *frame = (struct called_frame){.error = item->status, .count = item->sequence};
    if (item->kind != FRAME_CALLED || frame->count > CREW_GROUP_MAX) {
        frame->count = 0;
        return false;
    }
    frame->answers = xcalloc(1, (frame->count + 1) * sizeof *frame->answers);
    frame->parts = xcalloc(1, (frame->count + 1) * sizeof *frame->parts);
    struct wire_reader reader = {.at = item->body.data,
                                 .end = item->body.data + item->body.len};
    struct wire_item inside;
    for (size_t i = 0; i < frame->count; i++)
        if (!next_inside(&reader, &inside) ||
            !frame_get_answer(&inside, &frame->parts[i], &frame->answers[i]))
            return false;
    return true;
}

void called_frame_fini(struct called_frame *frame) {
    parts_fini(frame->parts, frame->count);
    free(frame->answers);
}
