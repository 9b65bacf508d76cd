#include "render_cache.h"

bool render_cache_find(struct render_cache *render_cache, enum render_form form,
                       uint16_t id, bool head, const struct crew_subscribed *m,
                       struct buffer **bytes) {
    typeof(render_cache->last[0]) *last = &render_cache->last[form];
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

void render_cache_clear(struct render_cache *render_cache) {
    for (size_t i = 0; i < RENDER_FORMS; i++)
        buffer_fini(&render_cache->last[i].bytes);
}
