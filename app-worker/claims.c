/* A handler that writes into this memory where it should not can only harm requests of
 * its own process: what is read from it is checked like everything that a process says.
 */
#include "claims.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEPT_BYTES (64u * 1024u)

struct claims {
    _Atomic uint32_t tickets[CLAIM_PLACES];
    _Atomic uint32_t sends;      /* counts claims_sent */
    _Atomic uint32_t kept_bytes; /* only grows between two of them */
    uint8_t kept[KEPT_BYTES];
};

static struct claims *map(int fd) {
    void *page =
        mmap(NULL, sizeof(struct claims), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

struct claims *claims_new(int *fd) {
    int memory = memfd_create("crew claims", MFD_CLOEXEC);
    if (memory < 0)
        return NULL;
    struct claims *claims = NULL;
    if (ftruncate(memory, sizeof *claims) == 0)
        claims = map(memory);
    if (claims == NULL)
        close(memory);
    else
        *fd = memory;
    return claims;
}

struct claims *claims_map(int fd) {
    struct claims *claims = map(fd);
    close(fd);
    return claims;
}

void claims_free(struct claims *claims) {
    if (claims != NULL)
        munmap(claims, sizeof *claims);
}

void claims_offer(struct claims *claims, uint32_t place, uint32_t ticket) {
    atomic_store(&claims->tickets[place % CLAIM_PLACES], ticket);
}

bool claims_take(struct claims *claims, uint32_t place, uint32_t ticket) {
    uint32_t expected = ticket;
    return atomic_compare_exchange_strong(&claims->tickets[place % CLAIM_PLACES],
                                          &expected, 0);
}

bool claims_keep(struct claims *claims, const void *data, size_t bytes) {
    uint32_t before = atomic_load_explicit(&claims->kept_bytes, memory_order_relaxed);
    if (before > KEPT_BYTES || bytes > KEPT_BYTES - before)
        return false;
    memcpy(claims->kept + before, data, bytes);
    atomic_store(&claims->kept_bytes, before + (uint32_t)bytes);
    return true;
}

/* In this order: who sees the new length sees the new count, too. */
void claims_sent(struct claims *claims) {
    if (atomic_load_explicit(&claims->kept_bytes, memory_order_relaxed) == 0)
        return;
    atomic_fetch_add(&claims->sends, 1);
    atomic_store(&claims->kept_bytes, 0);
}

void claims_look(const struct claims *claims, struct buffer *to) {
    uint32_t sends = atomic_load(&claims->sends);
    uint32_t bytes = atomic_load(&claims->kept_bytes);
    size_t before = to->len;
    if (bytes > KEPT_BYTES)
        return;
    buffer_append(to, claims->kept, bytes);
    if (atomic_load(&claims->sends) != sends && !to->failed)
        to->len = before;
}
