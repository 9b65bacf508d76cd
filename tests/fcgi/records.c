#include "records.h"

#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include <fastcgi.h>
#include <string.h>

static char text[1 << 20];

const char *records_text(struct buffer *out, bool *ended) {
    size_t n = 0;
    bool end = false;
    for (size_t at = 0; at < out->len;) {
        const uint8_t *header = out->data + at;
        size_t bytes = bytes_u16(header + 4);
        assert_false(end);
        assert_true(n + bytes < sizeof text);
        if (header[1] == FCGI_STDOUT && bytes > 0)
            memcpy(text + n, header + 8, bytes);
        n += header[1] == FCGI_STDOUT ? bytes : 0;
        end = header[1] == FCGI_END_REQUEST;
        at += 8 + bytes + header[6];
    }
    text[n] = 0;
    if (ended)
        *ended = end;
    buffer_fini(out);
    return text;
}

int records_begin(void **state) {
    (void)state;
    return codec_init();
}

int records_end(void **state) {
    (void)state;
    codec_fini();
    return 0;
}
