#include "pubsub/markers.h"

#include "base/random.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void markers_init(struct markers *m) {
    *m = (struct markers){0};
    random_hex(m->sender, 8);
}

uint64_t markers_next(struct markers *m, char id[MARKER_ID_BYTES]) {
    snprintf(id, MARKER_ID_BYTES, "%s:%" PRIu64, m->sender, ++m->sent);
    return m->sent;
}

uint64_t markers_request(struct markers *m) {
    m->requested = m->sent + 1;
    return m->requested;
}

bool markers_are_due(const struct markers *m) {
    return m->requested > m->sent || m->sent > m->received;
}

uint64_t markers_receive(struct markers *m, const char *id) {
    size_t sender_bytes = strlen(m->sender);
    if (id == NULL || strncmp(id, m->sender, sender_bytes) != 0 ||
        id[sender_bytes] != ':')
        return 0;
    uint64_t number = strtoull(id + sender_bytes + 1, NULL, 10);
    if (number > m->received)
        m->received = number;
    return number;
}

void markers_skip(struct markers *m) {
    m->received = ++m->sent;
}
