/* One block of memory holds the struct, its headers and all its texts. The body, which
 * can be large, is a separate buffer. */
#include "amqp/message.h"

#include "base/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* All text properties, for both measuring and copying. */
static const size_t text_offsets[] = {
    offsetof(struct message_properties, exchange),
    offsetof(struct message_properties, routing_key),
    offsetof(struct message_properties, content_type),
    offsetof(struct message_properties, content_encoding),
    offsetof(struct message_properties, correlation_id),
    offsetof(struct message_properties, reply_to),
    offsetof(struct message_properties, message_id),
    offsetof(struct message_properties, type),
    offsetof(struct message_properties, dead_reason),
};
#define TEXT_COUNT (sizeof text_offsets / sizeof text_offsets[0])

static const char **text_at(struct message_properties *p, size_t i) {
    return (const char **)(void *)((char *)p + text_offsets[i]);
}

static size_t text_bytes(const char *text) {
    return text == NULL ? 0 : strlen(text) + 1;
}

static size_t texts_bytes(const struct message_properties *p, const char *consumer) {
    struct message_properties copy = *p;
    size_t bytes = text_bytes(consumer);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        bytes += text_bytes(*text_at(&copy, i));
    for (size_t i = 0; i < p->header_count; i++)
        bytes += text_bytes(p->headers[i].name) + text_bytes(p->headers[i].text);
    return bytes;
}

/* Copy TEXT to *AT and advance *AT. */
static const char *copy_text(char **at, const char *text) {
    if (text == NULL)
        return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = memcpy(*at, text, bytes);
    *at += bytes;
    return copy;
}

struct message *message_new_received(const struct message_properties *p,
                                     const char *consumer) {
    size_t headers_bytes = p->header_count * sizeof(struct message_header);
    struct message *m = xcalloc(1, sizeof *m + headers_bytes + texts_bytes(p, consumer));
    struct message_header *headers = (struct message_header *)(m + 1);
    char *at = (char *)headers + headers_bytes;

    m->p = *p;
    m->consumer = copy_text(&at, consumer);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *text_at(&m->p, i) = copy_text(&at, *text_at(&m->p, i));
    for (size_t i = 0; i < p->header_count; i++) {
        headers[i].name = copy_text(&at, p->headers[i].name);
        headers[i].text = copy_text(&at, p->headers[i].text);
        headers[i].number = p->headers[i].number;
    }
    m->p.headers = headers;
    return m;
}

struct message *message_new(const struct message_properties *p) {
    return message_new_received(p, NULL);
}

void message_free(struct message *m) {
    if (m != NULL) {
        buffer_fini(&m->body);
        free(m);
    }
}

const struct message_header *message_header(const struct message *m, const char *name) {
    for (size_t i = 0; i < m->p.header_count; i++)
        if (strcmp(m->p.headers[i].name, name) == 0)
            return &m->p.headers[i];
    return NULL;
}

bool message_is_unencoded(const struct message *m) {
    /* "plain" is what crew's Python predecessor wrote. */
    static const char *const names[] = {"", "identity", "utf-8", "plain"};
    if (m->p.content_encoding == NULL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(m->p.content_encoding, names[i]) == 0)
            return true;
    return false;
}
