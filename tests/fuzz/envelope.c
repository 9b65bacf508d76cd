/* Any bytes as an envelope: the items that can be read are written again and must be read
 * back equal. Bytes are not compared, because fields may be in any order. */
#include "wire/envelope.h"
#include "wire/limits.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool same(struct wire_bytes a, struct wire_bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void assert_same(const struct wire_item *a, const struct wire_item *b) {
    assert(a->kind == b->kind && same(a->id, b->id));
    assert(a->deadline_unix_ms == b->deadline_unix_ms && a->budget_ms == b->budget_ms);
    assert(a->may_repeat == b->may_repeat && a->status == b->status);
    assert(same(a->error, b->error) && a->run_us == b->run_us);
    assert(a->sequence == b->sequence && a->credit_bytes == b->credit_bytes);
    assert(same(a->worker, b->worker) && same(a->task, b->task));
    assert(same(a->content_type, b->content_type));
    assert(same(a->pairs, b->pairs) && same(a->body, b->body));
}

/* Write an item at once, and pair by pair. */
static void write_again(struct buffer *whole, struct buffer *steps,
                        const struct wire_item *item) {
    struct wire_bytes pairs = item->pairs;
    struct crew_pair pair;
    size_t count = 0;
    wire_put(whole, item);
    size_t mark = wire_open(steps, item);
    while (wire_pairs_next(&pairs, &pair)) {
        wire_put_pair(steps, pair.name, pair.name_bytes, pair.value, pair.value_bytes);
        count++;
    }
    assert(pairs.len == 0 && count <= LIMIT_PAIR_COUNT);
    wire_open_body(steps, mark);
    buffer_append(steps, item->body.data, item->body.len);
    wire_close(steps, mark);
}

static void read_again(const struct buffer *written, const void *data, size_t bytes) {
    struct wire_reader first, second;
    struct wire_item a, b;
    assert(wire_read(&first, data, bytes) == 0);
    assert(wire_read(&second, written->data, written->len) == 0);
    while (wire_next(&first, &a) == 1) {
        assert(wire_next(&second, &b) == 1);
        assert_same(&a, &b);
    }
    assert(wire_next(&second, &b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct buffer whole = BUFFER_INIT, steps = BUFFER_INIT;
    struct wire_reader reader;
    struct wire_item item;
    if (wire_read(&reader, data, bytes) != 0)
        return 0;
    wire_begin(&whole);
    wire_begin(&steps);
    while (wire_next(&reader, &item) == 1)
        write_again(&whole, &steps, &item);
    assert(!whole.failed && !steps.failed);
    assert(whole.len == steps.len && memcmp(whole.data, steps.data, whole.len) == 0);
    read_again(&whole, data, bytes);
    buffer_fini(&whole);
    buffer_fini(&steps);
    return 0;
}
