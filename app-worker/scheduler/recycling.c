#include "recycling.h"

void recycling_init(struct recycling *recycling, uint64_t after_requests,
                    size_t max_memory_bytes, size_t used_bytes) {
    size_t free_bytes = max_memory_bytes > used_bytes ? max_memory_bytes - used_bytes : 0;
    *recycling = (struct recycling){.after_requests = after_requests};
    if (max_memory_bytes > 0)
        recycling->above_memory_bytes = used_bytes + free_bytes / 2;
}

bool recycling_is_due(const struct recycling *recycling, uint64_t requests,
                      size_t memory_bytes) {
    if (recycling->after_requests > 0 && requests >= recycling->after_requests)
        return true;
    return recycling->above_memory_bytes > 0 &&
           memory_bytes > recycling->above_memory_bytes;
}
