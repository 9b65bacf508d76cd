#include "prepared.h"

bool prepared_find(struct prepared *prepared, enum prepared_form form, uint16_t id,
                   bool head, const struct crew_subscribed *m, struct buffer **bytes) {
    typeof(prepared->last[0]) *last = &prepared->last[form];
    *bytes = &last->bytes;
    if (last->bytes.len > 0 && last->cursor == m->cursor && last->body == m->body &&
        last->id == id && last->gap == m->gap && last->head == head)
        return true;
    buffer_reset(&last->bytes, last->bytes.cap);
    last->cursor = m->cursor;
    last->body = m->body;
    last->id = id;
    last->gap = m->gap;
    last->head = head;
    return false;
}

void prepared_drop(struct prepared *prepared) {
    for (size_t i = 0; i < PREPARED_FORMS; i++)
        buffer_fini(&prepared->last[i].bytes);
}
