#include "codec.h"

#include "base/xalloc.h"
#include "record.h"
#include <assert.h>
#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcgios.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A descriptor that cannot exist: a read or write that bypassed the OS layer would
 * fail. */
#define NO_DESCRIPTOR INT_MAX

#define RECORD_BYTES 65528u /* of content; a multiple of eight needs no padding */

/* What libfcgi reads: BEGIN_REQUEST, as few PARAMS records as possible, an empty one. */
static struct source {
    uint8_t head[sizeof(FCGI_BeginRequestRecord)]; /* a header, or BEGIN_REQUEST */
    size_t head_bytes;
    size_t head_at;
    const uint8_t *data;
    size_t data_bytes;   /* all that is still to be read */
    size_t record_bytes; /* of them in this record */
    bool ended;
} source;

static struct buffer *sink; /* where libfcgi writes */

static FCGX_Request reader; /* during a decoding */
static FCGX_Request writer; /* until codec_fini */

static struct crew_pair *pairs;
static size_t pairs_cap;

/* ---- libfcgi's OS layer ---- */

#define OS_LAYER __attribute__((visibility("default")))

static void source_header(uint8_t type, size_t bytes) {
    const FCGI_Header header = {.version = FCGI_VERSION_1,
                                .type = type,
                                .requestIdB0 = 1,
                                .contentLengthB1 = (uint8_t)(bytes >> 8),
                                .contentLengthB0 = (uint8_t)bytes};
    memcpy(source.head, &header, sizeof header);
    source.head_bytes = sizeof header;
    source.head_at = 0;
}

static void source_begin(const uint8_t *data, size_t bytes) {
    const FCGI_BeginRequestBody begin = {.roleB0 = FCGI_RESPONDER,
                                         .flags = FCGI_KEEP_CONN};
    static const uint8_t none;
    source = (struct source){.data = bytes > 0 ? data : &none, .data_bytes = bytes};
    source_header(FCGI_BEGIN_REQUEST, sizeof begin);
    memcpy(source.head + source.head_bytes, &begin, sizeof begin);
    source.head_bytes += sizeof begin;
}

static bool source_next_record(void) {
    if (source.ended)
        return false;
    source.record_bytes =
        source.data_bytes < RECORD_BYTES ? source.data_bytes : RECORD_BYTES;
    source.ended = source.record_bytes == 0;
    source_header(FCGI_PARAMS, source.record_bytes);
    return true;
}

static size_t take(char *to, size_t bytes, const uint8_t *from, size_t available) {
    size_t n = bytes < available ? bytes : available;
    if (n > 0)
        memcpy(to, from, n);
    return n;
}

OS_LAYER int OS_Read(int fd, char *buf, size_t len) {
    assert(fd == NO_DESCRIPTOR);
    (void)fd;
    size_t got = 0;
    while (got < len) {
        size_t n = take(buf + got, len - got, source.head + source.head_at,
                        source.head_bytes - source.head_at);
        source.head_at += n;
        got += n;
        n = take(buf + got, len - got, source.data, source.record_bytes);
        source.data += n;
        source.data_bytes -= n;
        source.record_bytes -= n;
        got += n;
        if (got < len && !source_next_record())
            break;
    }
    return (int)got;
}

/* Errors are reported in sink->failed: an error here would close the writer for ever. */
OS_LAYER int OS_Write(int fd, char *buf, size_t len) {
    assert(fd == NO_DESCRIPTOR && sink);
    (void)fd;
    buffer_append(sink, buf, len);
    return (int)len;
}

OS_LAYER int OS_Close(int fd, int shutdown) {
    (void)fd;
    (void)shutdown;
    return 0;
}

/* ---- decoding ---- */

/* With ipcFd set and detached, FCGX_Accept_r reads without calling accept(2). */
static int accept_from_memory(FCGX_Request *request, const uint8_t *data, size_t bytes) {
    source_begin(data, bytes);
    FCGX_InitRequest(request, NO_DESCRIPTOR, FCGI_FAIL_ACCEPT_ON_INTR);
    request->ipcFd = NO_DESCRIPTOR;
    request->keepConnection = 1;
    request->detached = 1;
    return FCGX_Accept_r(request) == 0 ? 0 : -1;
}

static size_t count_texts(char **texts) {
    size_t count = 0;
    while (texts[count])
        count++;
    return count;
}

static struct crew_pair split(char *text) {
    char *equals = strchr(text, '=');
    assert(equals);
    return (struct crew_pair){.name = text,
                              .name_bytes = (size_t)(equals - text),
                              .value = equals + 1,
                              .value_bytes = strlen(equals + 1)};
}

int codec_decode(const struct buffer *params, struct crew_pair **result, size_t *count) {
    if (accept_from_memory(&reader, params->data, params->len) != 0)
        return -1;
    char **texts = reader.envp + 1; /* the first is FCGI_ROLE, added by libfcgi */
    size_t n = count_texts(texts);
    if (n > pairs_cap) {
        pairs = xreallocarray(pairs, n, sizeof *pairs);
        pairs_cap = n;
    }
    for (size_t i = 0; i < n; i++)
        pairs[i] = split(texts[i]);
    *result = pairs;
    *count = n;
    return 0;
}

void codec_release(void) {
    FCGX_Free(&reader, 0);
}

/* ---- encoding ---- */

void codec_open(struct buffer *to, uint16_t id) {
    sink = to;
    writer.requestId = id;
}

void codec_put(const void *data, size_t bytes) {
    while (bytes > 0) {
        size_t n = bytes < INT_MAX ? bytes : INT_MAX;
        FCGX_PutStr(data, (int)n, writer.out);
        data = (const char *)data + n;
        bytes -= n;
    }
}

void codec_text(const char *text) {
    codec_put(text, strlen(text));
}

void codec_pause(void) {
    FCGX_FFlush(writer.out);
    sink = NULL;
}

void codec_close(void) {
    FCGX_FFlush(writer.out);
    record_put(sink, FCGI_STDOUT, (uint16_t)writer.requestId, NULL, 0);
    record_put_end_request(sink, (uint16_t)writer.requestId, FCGI_REQUEST_COMPLETE);
    sink = NULL;
}

/* ---- initialization ---- */

/* The writer is the output stream of a request that was read from memory: creating it
 * tests OS_Read, using it tests OS_Write. */
static bool writer_works(void) {
    struct buffer to = BUFFER_INIT;
    codec_open(&to, 258);
    codec_text("?");
    codec_close();
    bool works = to.len == 40 && bytes_u16(to.data + 2) == 258 && to.data[8] == '?';
    buffer_fini(&to);
    return works;
}

int codec_init(void) {
    if (FCGX_Init() != 0 || accept_from_memory(&writer, NULL, 0) != 0)
        return -1;
    return writer_works() ? 0 : -1;
}

void codec_fini(void) {
    FCGX_Free(&writer, 0);
    free(pairs);
    pairs = NULL;
    pairs_cap = 0;
}
