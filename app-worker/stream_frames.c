#include "stream_frames.h"

void frame_put_chunk(struct buffer *to, const void *data, size_t bytes, uint32_t ticket) {
    wire_put(to, &(struct wire_item){
                     .kind = FRAME_CHUNK, .credit_bytes = ticket, .body = {data, bytes}});
}

void frame_put_credit(struct buffer *to, const struct frame_credit *credit) {
    wire_put(to, &(struct wire_item){.kind = FRAME_CREDIT,
                                     .sequence = credit->ticket,
                                     .credit_bytes = credit->allowed_bytes,
                                     .status = credit->stop});
}

bool frame_get_credit(const struct wire_item *item, struct frame_credit *credit) {
    *credit = (struct frame_credit){.ticket = item->sequence,
                                    .allowed_bytes = item->credit_bytes,
                                    .stop = item->status != 0};
    return item->kind == FRAME_CREDIT;
}
