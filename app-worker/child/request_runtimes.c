#include "request_runtimes.h"

#include "wire/envelope.h"
#include <string.h>

#define SHORT_US 100u
#define BODY_BYTES 1024u /* larger ones are not compared */
#define DECAY_SHARE 8u   /* each shorter run takes an eighth off a long one */

/* FNV-1a, 64 bits. */
#define HASH_BEGIN 0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u

static uint64_t hash(uint64_t value, const void *data, size_t bytes) {
    const uint8_t *at = data;
    for (size_t i = 0; i < bytes; i++)
        value = (value ^ at[i]) * HASH_PRIME;
    return (value ^ bytes) * HASH_PRIME;
}

/* Parameters that decide which handler runs, and mostly for how long. */
static bool is_in_key(const struct crew_pair *pair) {
    static const struct {
        const char *name;
        size_t bytes;
    } names[] = {{"PATH_INFO", 9},
                 {"SCRIPT_NAME", 11},
                 {"QUERY_STRING", 12},
                 {"REQUEST_METHOD", 14}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pair->name_bytes == names[i].bytes &&
            memcmp(pair->name, names[i].name, names[i].bytes) == 0)
            return true;
    return false;
}

uint64_t request_runtimes_key(const struct crew_task_view *task) {
    struct wire_bytes pairs = {task->pairs, task->pairs_bytes};
    struct crew_pair pair;
    if (task->body_bytes > BODY_BYTES)
        return 0;
    uint64_t key = hash(HASH_BEGIN, task->task, strlen(task->task));
    while (wire_pairs_next(&pairs, &pair))
        if (is_in_key(&pair))
            key = hash(key, pair.value, pair.value_bytes);
    return hash(key, task->body, task->body_bytes) | 1;
}

bool request_runtimes_is_short(const struct request_runtimes *runtimes, uint64_t key) {
    size_t slot = (key >> 8) % RUNTIMES_SLOTS;
    return key != 0 && runtimes->seen[slot].key == key &&
           runtimes->seen[slot].run_us < SHORT_US;
}

void request_runtimes_note(struct request_runtimes *runtimes, uint64_t key,
                           uint64_t run_us) {
    size_t slot = (key >> 8) % RUNTIMES_SLOTS;
    uint32_t latest = run_us < UINT32_MAX ? (uint32_t)run_us : UINT32_MAX;
    uint32_t before = runtimes->seen[slot].key == key ? runtimes->seen[slot].run_us : 0;
    before -= before / DECAY_SHARE;
    runtimes->seen[slot].key = key;
    runtimes->seen[slot].run_us = latest > before ? latest : before;
}
