/* A part of a text that is not owned. */
#ifndef CREW_APP_SPAN_H
#define CREW_APP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *data;
    size_t bytes;
};

static inline struct span span_of(const char *data, size_t bytes) {
    return (struct span){data, bytes};
}

/* The text from FROM to END. */
static inline struct span span_between(const char *from, const char *end) {
    return (struct span){from, (size_t)(end - from)};
}

static inline const char *span_end(struct span span) {
    return span.data + span.bytes;
}

/* Split at the first SEPARATOR. False: there is none, and BEFORE is the whole. */
static inline bool span_split(struct span whole, char separator, struct span *before,
                              struct span *after) {
    const char *end = span_end(whole);
    const char *at = whole.bytes > 0 ? memchr(whole.data, separator, whole.bytes) : NULL;
    *before = span_between(whole.data, at != NULL ? at : end);
    *after = span_between(at != NULL ? at + 1 : end, end);
    return at != NULL;
}

/* SPAN without spaces and tabs around it (OWS of RFC 9110 §5.6.3). */
static inline struct span span_trim(struct span span) {
    while (span.bytes > 0 && (span.data[0] == ' ' || span.data[0] == '\t'))
        span = span_of(span.data + 1, span.bytes - 1);
    while (span.bytes > 0 &&
           (span.data[span.bytes - 1] == ' ' || span.data[span.bytes - 1] == '\t'))
        span.bytes--;
    return span;
}

/* True when SPAN is TEXT, in any case. */
static inline bool span_is(struct span span, const char *text) {
    return span.bytes == strlen(text) && strncasecmp(span.data, text, span.bytes) == 0;
}

#endif
