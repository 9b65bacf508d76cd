#include "render_cache.h"

struct buffer *render_cache_find(struct render_cache *cache, struct render_key key,
                                 const struct crew_subscribed *message) {
    typeof(cache->last[0]) *last = &cache->last[key.form];
    if (last->records.len > 0 && last->cursor == message->cursor &&
        last->body == message->body && last->gap == message->gap &&
        last->request_id == key.request_id && last->head == key.head)
        return &last->records;
    buffer_reset(&last->records, last->records.cap);
    last->cursor = message->cursor;
    last->body = message->body;
    last->gap = message->gap;
    last->request_id = key.request_id;
    last->head = key.head;
    return &last->records;
}

void render_cache_clear(struct render_cache *cache) {
    for (size_t i = 0; i < RENDER_FORMS; i++)
        buffer_fini(&cache->last[i].records);
}
