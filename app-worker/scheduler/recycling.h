/* When a handler process is replaced: after --max-requests requests, or when it has used
 * half of what was free below --max-memory at its start. The memory limit itself is kept
 * by the kernel (allocating fails); a process that leaks is replaced before that, so that
 * no request suffers from those before it. */
#ifndef CREW_WORKER_RECYCLING_H
#define CREW_WORKER_RECYCLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recycling {
    uint64_t after_requests;   /* 0: never */
    size_t above_memory_bytes; /* 0: never */
};

/* USED_BYTES is the memory of the process at its start; MAX_MEMORY_BYTES 0: no limit. */
void recycling_init(struct recycling *recycling, uint64_t after_requests,
                    size_t max_memory_bytes, size_t used_bytes);

/* MEMORY_BYTES is not used where there is no memory limit. */
bool recycling_is_due(const struct recycling *recycling, uint64_t requests,
                      size_t memory_bytes);

#endif
