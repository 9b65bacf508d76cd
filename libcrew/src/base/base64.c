#include "base/base64.h"

static void encode(uint8_t to[4], const uint8_t from[3]) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)digits[bits >> (18 - 6 * i) & 63];
}

void base64_append(struct buffer *to, const void *data, size_t bytes) {
    const uint8_t *from = data;
    uint8_t *out = bytes > 0 ? buffer_reserve(to, (bytes + 2) / 3 * 4) : NULL;
    if (out == NULL)
        return;
    to->len += (bytes + 2) / 3 * 4;
    for (; bytes >= 3; bytes -= 3, from += 3, out += 4)
        encode(out, from);
    if (bytes == 0)
        return;
    const uint8_t last[3] = {from[0], bytes > 1 ? from[1] : 0, 0};
    encode(out, last);
    out[3] = '=';
    if (bytes == 1)
        out[2] = '=';
}
