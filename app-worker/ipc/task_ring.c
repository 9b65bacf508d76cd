/* A handler that writes into this memory by mistake harms requests of its own process
 * only: what is read from it is checked like everything that a process sends. */
#include "app-worker/ipc/task_ring.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STORED_BYTES (64u * 1024u)

struct task_ring {
    _Atomic uint32_t generations[TASK_RING_SLOTS];
    _Atomic uint32_t sends;        /* calls of task_ring_clear */
    _Atomic uint32_t stored_bytes; /* only grows between two of these */
    uint8_t stored[STORED_BYTES];
};

static struct task_ring *map(int fd) {
    void *page =
        mmap(NULL, sizeof(struct task_ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

struct task_ring *task_ring_new(int *fd) {
    int memory = memfd_create("crew ring", MFD_CLOEXEC);
    if (memory < 0)
        return NULL;
    struct task_ring *ring = NULL;
    if (ftruncate(memory, sizeof *ring) == 0)
        ring = map(memory);
    if (ring == NULL)
        close(memory);
    else
        *fd = memory;
    return ring;
}

struct task_ring *task_ring_map(int fd) {
    struct task_ring *ring = map(fd);
    close(fd);
    return ring;
}

void task_ring_free(struct task_ring *ring) {
    if (ring != NULL)
        munmap(ring, sizeof *ring);
}

void task_ring_offer(struct task_ring *ring, uint32_t slot, uint32_t generation) {
    atomic_store(&ring->generations[slot % TASK_RING_SLOTS], generation);
}

bool task_ring_claim(struct task_ring *ring, uint32_t slot, uint32_t generation) {
    uint32_t expected = generation;
    return atomic_compare_exchange_strong(&ring->generations[slot % TASK_RING_SLOTS],
                                          &expected, 0);
}

bool task_ring_store(struct task_ring *ring, const void *data, size_t bytes) {
    uint32_t before = atomic_load_explicit(&ring->stored_bytes, memory_order_relaxed);
    if (before > STORED_BYTES || bytes > STORED_BYTES - before)
        return false;
    memcpy(ring->stored + before, data, bytes);
    atomic_store(&ring->stored_bytes, before + (uint32_t)bytes);
    return true;
}

/* In this order: a reader that sees the new length sees the new count, too. */
void task_ring_clear(struct task_ring *ring) {
    if (atomic_load_explicit(&ring->stored_bytes, memory_order_relaxed) == 0)
        return;
    atomic_fetch_add(&ring->sends, 1);
    atomic_store(&ring->stored_bytes, 0);
}

void task_ring_read(const struct task_ring *ring, struct buffer *to) {
    uint32_t sends = atomic_load(&ring->sends);
    uint32_t bytes = atomic_load(&ring->stored_bytes);
    size_t before = to->len;
    if (bytes > STORED_BYTES)
        return;
    buffer_append(to, ring->stored, bytes);
    if (atomic_load(&ring->sends) != sends && !to->failed)
        to->len = before;
}
