#include "wire/task_name.h"

#include "base/utf8.h"
#include "wire/limits.h"

bool task_name_valid(const char *name, size_t bytes) {
    return bytes > 0 && bytes <= LIMIT_TASK_NAME_BYTES && utf8_printable(name, bytes);
}
