#include "pubsub/publishers.h"

#include "base/xalloc.h"
#include <crew/client.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct publishers *p, struct publisher *publisher) {
    HASH_DEL(p->all, publisher);
    free(publisher);
}

void publishers_fini(struct publishers *p) {
    struct publisher *publisher, *next;
    HASH_ITER (hh, p->all, publisher, next)
        forget(p, publisher);
}

/* The number behind the last dot, 0: none. */
static uint64_t number_of(const char *id, size_t *name_bytes) {
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

static struct publisher *find_or_add(struct publishers *p, const char *name,
                                     size_t name_bytes) {
    struct publisher *publisher = NULL;
    HASH_FIND(hh, p->all, name, name_bytes, publisher);
    if (publisher == NULL) {
        publisher = xcalloc(1, sizeof *publisher + name_bytes);
        memcpy(publisher->name, name, name_bytes);
        HASH_ADD_KEYPTR(hh, p->all, publisher->name, name_bytes, publisher);
    }
    return publisher;
}

bool publishers_note(struct publishers *p, const char *id, uint64_t cursor,
                     struct publisher **publisher) {
    size_t name_bytes = 0;
    uint64_t number = id == NULL ? 0 : number_of(id, &name_bytes);
    *publisher = NULL;
    if (number == 0)
        return true;
    struct publisher *whose = find_or_add(p, id, name_bytes);
    if (number <= whose->highest)
        return false;
    whose->highest = number;
    whose->last_cursor = cursor;
    *publisher = whose;
    return true;
}

void publishers_drop(struct publishers *p, struct publisher *publisher, uint64_t cursor) {
    if (publisher != NULL && publisher->last_cursor == cursor)
        forget(p, publisher);
}
