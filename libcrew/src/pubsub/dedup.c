#include "pubsub/dedup.h"

#include "base/xalloc.h"
#include <crew/client.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct dedup_publisher {
    uint64_t highest;     /* the highest number seen */
    uint64_t last_cursor; /* of the message with that number */
    UT_hash_handle hh;
    char name[]; /* not zero-terminated: the key has a length */
};

static void forget(struct dedup *dedup, struct dedup_publisher *publisher) {
    HASH_DEL(dedup->publishers, publisher);
    free(publisher);
}

void dedup_fini(struct dedup *dedup) {
    struct dedup_publisher *publisher, *next;
    HASH_ITER (hh, dedup->publishers, publisher, next)
        forget(dedup, publisher);
}

/* The number after the last dot, and the length of the name before it. 0: not an id of
 * this form. */
static uint64_t id_number(const char *id, size_t *name_bytes) {
    const char *dot = strrchr(id, '.');
    if (dot == NULL || dot == id || strlen(id) >= CREW_PUBLICATION_ID_BYTES)
        return 0;
    *name_bytes = (size_t)(dot - id);
    uint64_t number = 0;
    for (const char *at = dot + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > (UINT64_MAX - 9) / 10)
            return 0;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return number;
}

static struct dedup_publisher *find_or_add(struct dedup *dedup, const char *name,
                                           size_t name_bytes) {
    struct dedup_publisher *publisher = NULL;
    HASH_FIND(hh, dedup->publishers, name, name_bytes, publisher);
    if (publisher == NULL) {
        publisher = xcalloc(1, sizeof *publisher + name_bytes);
        memcpy(publisher->name, name, name_bytes);
        HASH_ADD_KEYPTR(hh, dedup->publishers, publisher->name, name_bytes, publisher);
    }
    return publisher;
}

bool dedup_add(struct dedup *dedup, const char *id, uint64_t cursor,
               struct dedup_publisher **publisher) {
    size_t name_bytes = 0;
    uint64_t number = id == NULL ? 0 : id_number(id, &name_bytes);
    *publisher = NULL;
    if (number == 0)
        return true;
    struct dedup_publisher *found = find_or_add(dedup, id, name_bytes);
    if (number <= found->highest)
        return false;
    found->highest = number;
    found->last_cursor = cursor;
    *publisher = found;
    return true;
}

void dedup_remove(struct dedup *dedup, struct dedup_publisher *publisher,
                  uint64_t cursor) {
    if (publisher != NULL && publisher->last_cursor == cursor)
        forget(dedup, publisher);
}
