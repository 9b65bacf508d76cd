/* An AMQP message: one block of memory holds the struct, its headers and all its texts;
 * the body is a buffer of its own, because it is the one thing that can be large. */
#include "amqp/message.h"

#include "base/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Every text of the properties, so that counting and copying cannot disagree. */
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

static size_t text_room(const char *text) {
    return text == NULL ? 0 : strlen(text) + 1;
}

static size_t texts_room(const struct message_properties *p, const char *consumer) {
    struct message_properties copy = *p;
    size_t bytes = text_room(consumer);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        bytes += text_room(*text_at(&copy, i));
    for (size_t i = 0; i < p->header_count; i++)
        bytes += text_room(p->headers[i].name) + text_room(p->headers[i].text);
    return bytes;
}

/* Copies TEXT to *AT and moves *AT behind it. */
static const char *place(char **at, const char *text) {
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
    struct message *m = xcalloc(1, sizeof *m + headers_bytes + texts_room(p, consumer));
    struct message_header *headers = (struct message_header *)(m + 1);
    char *at = (char *)headers + headers_bytes;

    m->p = *p;
    m->consumer = place(&at, consumer);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *text_at(&m->p, i) = place(&at, *text_at(&m->p, i));
    for (size_t i = 0; i < p->header_count; i++) {
        headers[i].name = place(&at, p->headers[i].name);
        headers[i].text = place(&at, p->headers[i].text);
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
    /* "plain" is the word of crew's Python original. */
    static const char *const words[] = {"", "identity", "utf-8", "plain"};
    if (m->p.content_encoding == NULL)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(m->p.content_encoding, words[i]) == 0)
            return true;
    return false;
}
