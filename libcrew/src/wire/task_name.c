/* Task names: text that every AMQP client can show and route by. */
#include "wire/task_name.h"

#include "base/utf8.h"
#include "wire/limits.h"

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

bool task_name_valid(const char *name, size_t bytes) {
    if (bytes == 0 || bytes > LIMIT_TASK_NAME_BYTES) {
        return false;
    }
    while (bytes > 0) {
        uint32_t code;
        size_t taken = utf8_first(name, bytes, &code);
        if (taken == 0 || is_control(code)) {
            return false;
        }
        name += taken;
        bytes -= taken;
    }
    return true;
}
