/* The channel travels in the item's field for a task, persistence as its status. */
#include "publish_frames.h"

void frame_put_publish(struct buffer *to, const struct crew_publication *p) {
    wire_put(to, &(struct wire_item){.kind = FRAME_PUBLISH,
                                     .budget_ms = p->expiration_ms,
                                     .status = p->persistent,
                                     .task = wire_text(p->channel),
                                     .content_type = wire_text(p->content_type),
                                     .body = {p->body, p->body_bytes}});
}

bool frame_get_publish(const struct wire_item *item, struct publish_frame *frame) {
    *frame = (struct publish_frame){.texts = BUFFER_INIT};
    if (item->kind != FRAME_PUBLISH)
        return false;
    struct buffer *texts = &frame->texts;
    size_t type_at = item->task.len + 1;
    buffer_append(texts, item->task.data, item->task.len);
    buffer_u8(texts, 0);
    buffer_append(texts, item->content_type.data, item->content_type.len);
    buffer_u8(texts, 0);
    if (texts->failed)
        return false;
    const char *channel = (const char *)texts->data;
    frame->publication = (struct crew_publication){
        .channel = channel,
        .content_type = item->content_type.len > 0 ? channel + type_at : NULL,
        .body = item->body.data,
        .body_bytes = item->body.len,
        .persistent = item->status != 0,
        .expiration_ms = item->budget_ms,
    };
    return true;
}

void publish_frame_fini(struct publish_frame *frame) {
    buffer_fini(&frame->texts);
}

void frame_put_published(struct buffer *to, int error) {
    wire_put(to, &(struct wire_item){.kind = FRAME_PUBLISHED, .status = (uint16_t)error});
}

bool frame_get_published(const struct wire_item *item, int *error) {
    if (item->kind != FRAME_PUBLISHED)
        return false;
    *error = item->status;
    return true;
}
