/* Tickets in shared memory. A handler that writes where it should not can only lose or
 * take requests of its own process. */
#include "claims.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

struct claims {
    _Atomic uint32_t tickets[CLAIM_PLACES];
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
