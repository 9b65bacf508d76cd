/* UTF-8 (RFC 3629 §4): shortest forms only, no surrogates, nothing above U+10FFFF. */
#include "base/utf8.h"

static size_t sequence_bytes(uint8_t lead) {
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static int is_valid_code(uint32_t code, size_t bytes) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    int surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= smallest[bytes] && code <= 0x10ffff && !surrogate;
}

size_t utf8_first(const char *text, size_t bytes, uint32_t *code) {
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *p = (const uint8_t *)text;
    size_t length = bytes > 0 ? sequence_bytes(p[0]) : 0;
    if (length == 0 || length > bytes)
        return 0;
    uint32_t value = p[0] & lead_bits[length];
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        value = (value << 6) | (p[i] & 0x3fu);
    }
    if (!is_valid_code(value, length))
        return 0;
    *code = value;
    return length;
}

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool is_valid_text(const char *text, size_t bytes, bool allow_controls) {
    while (bytes > 0) {
        uint32_t code;
        size_t used = utf8_first(text, bytes, &code);
        if (used == 0 || (!allow_controls && is_control(code)))
            return false;
        text += used;
        bytes -= used;
    }
    return true;
}

bool utf8_valid(const char *text, size_t bytes) {
    return is_valid_text(text, bytes, true);
}

bool utf8_printable(const char *text, size_t bytes) {
    return is_valid_text(text, bytes, false);
}
