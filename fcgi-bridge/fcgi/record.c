#include "record.h"

#include <fastcgi.h>

void record_put(struct buffer *to, uint8_t type, uint16_t id, const void *content,
                uint16_t bytes) {
    buffer_u8(to, FCGI_VERSION_1);
    buffer_u8(to, type);
    buffer_u16(to, id);
    buffer_u16(to, bytes);
    buffer_u16(to, 0); /* no padding, and the reserved byte */
    buffer_append(to, content, bytes);
}

void record_put_end_request(struct buffer *to, uint16_t id, uint8_t protocol_status) {
    const FCGI_EndRequestBody end = {.protocolStatus = protocol_status};
    record_put(to, FCGI_END_REQUEST, id, &end, sizeof end);
}

void record_put_invalid(struct buffer *to) {
    const FCGI_Header no_version = {0};
    buffer_append(to, &no_version, sizeof no_version);
}
