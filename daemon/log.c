/* Guarantees: a line contains no line feed or other control character of its message.
 * Bytes that cannot be in a line are escaped; a message that is too long is cut, and the
 * line says how many bytes are missing.
 * Diagnostics: none; errors of writing to stderr are ignored.
 */
#include "daemon/log.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES 16384
#define TIME_TEXT_BYTES 40

static const char *const level_names[] = {"debug", "info", "warning", "error"};
#define LEVELS (sizeof level_names / sizeof level_names[0])

static const char *program_name = "crew";
static atomic_int lowest_level = LOG_LEVEL_INFO;
static atomic_bool as_json = false;

/* ---- set-up ---- */

/* If descriptor 2 is closed, the next file or socket that is opened would get it. */
static void reserve_stderr(void) {
    while (fcntl(STDERR_FILENO, F_GETFD) < 0) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0 || fd >= STDERR_FILENO)
            return;
    }
}

void log_open(const char *program) {
    program_name = program;
    reserve_stderr();
    signal(SIGPIPE, SIG_IGN); /* the reader of stderr may exit */
}

bool log_set_level(const char *name) {
    for (size_t level = 0; level < LEVELS; level++) {
        if (strcmp(name, level_names[level]) == 0) {
            atomic_store(&lowest_level, (int)level);
            return true;
        }
    }
    return false;
}

bool log_set_format(const char *name) {
    bool json = strcmp(name, "json") == 0;
    if (!json && strcmp(name, "text") != 0)
        return false;
    atomic_store(&as_json, json);
    return true;
}

bool log_enabled(enum log_level level) {
    return (int)level >= atomic_load(&lowest_level);
}

/* ---- formatting ---- */

static void format_time(char text[TIME_TEXT_BYTES]) {
    uint64_t now_ms = clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t bytes = strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + bytes, TIME_TEXT_BYTES - bytes, ".%03uZ", (unsigned)(now_ms % 1000));
}

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static void append_escaped(struct buffer *to, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (text[i] == '\n')
            buffer_append_text(to, "\\n");
        else
            buffer_printf(to, "\\x%02x", (unsigned char)text[i]);
}

/* Keep printable UTF-8 and write all other bytes as \xNN. (JSON strings have their own
 * escape for control characters.) */
static void append_printable(struct buffer *to, const char *text, size_t bytes,
                             bool keep_controls) {
    while (bytes > 0) {
        uint32_t code = 0;
        size_t used = utf8_first(text, bytes, &code);
        if (used == 0 || (is_control(code) && !keep_controls)) {
            used = used > 0 ? used : 1;
            append_escaped(to, text, used);
        } else {
            buffer_append(to, text, used);
        }
        text += used;
        bytes -= used;
    }
}

static void append_cut(struct buffer *to, const char *text, size_t bytes,
                       bool keep_controls) {
    size_t kept = bytes < MESSAGE_MAX_BYTES ? bytes : MESSAGE_MAX_BYTES;
    append_printable(to, text, kept, keep_controls);
    if (kept < bytes)
        buffer_printf(to, " ... (%zu more bytes)", bytes - kept);
}

struct entry {
    enum log_level level;
    const char *id; /* of a request, or null */
    const char *message;
    size_t message_bytes;
};

static void append_text_line(struct buffer *line, const struct entry *entry) {
    char time[TIME_TEXT_BYTES];
    format_time(time);
    buffer_printf(line, "%s %s[%d] %s: ", time, program_name, (int)getpid(),
                  level_names[entry->level]);
    if (entry->id != NULL) {
        buffer_append_text(line, "[");
        append_printable(line, entry->id, strlen(entry->id), false);
        buffer_append_text(line, "] ");
    }
    append_cut(line, entry->message, entry->message_bytes, false);
    buffer_append_text(line, "\n");
}

static json_t *json_text(const char *text, size_t bytes) {
    struct buffer text_buffer = BUFFER_INIT;
    append_cut(&text_buffer, text, bytes, true);
    json_t *string = json_stringn(
        text_buffer.len > 0 ? (const char *)text_buffer.data : "", text_buffer.len);
    buffer_fini(&text_buffer);
    return string;
}

static int append_dumped(const char *text, size_t bytes, void *arg) {
    buffer_append(arg, text, bytes);
    return 0;
}

static void append_json_line(struct buffer *line, const struct entry *entry) {
    char time[TIME_TEXT_BYTES];
    format_time(time);
    json_t *object = json_object();
    json_object_set_new(object, "time", json_string(time));
    json_object_set_new(object, "level", json_string(level_names[entry->level]));
    json_object_set_new(object, "program", json_string(program_name));
    json_object_set_new(object, "pid", json_integer(getpid()));
    if (entry->id != NULL)
        json_object_set_new(object, "request", json_text(entry->id, strlen(entry->id)));
    json_object_set_new(object, "message",
                        json_text(entry->message, entry->message_bytes));
    json_dump_callback(object, append_dumped, line, JSON_COMPACT);
    json_decref(object);
    buffer_append_text(line, "\n");
}

/* ---- writing ---- */

static void write_line(const struct buffer *line) {
    size_t done = 0;
    while (done < line->len) {
        ssize_t written = write(STDERR_FILENO, line->data + done, line->len - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            return; /* a full disk, a full pipe, a reader that has exited */
    }
}

static void log_line(enum log_level level, const char *id, const char *format,
                     va_list args) __attribute__((format(printf, 3, 0)));

static void log_line(enum log_level level, const char *id, const char *format,
                     va_list args) {
    char *message = NULL;
    if (!log_enabled(level))
        return;
    int saved_errno = errno; /* callers may read it after logging */
    int bytes = vasprintf(&message, format, args);
    if (bytes >= 0) {
        struct entry entry = {level, id, message, (size_t)bytes};
        struct buffer line = BUFFER_INIT;
        (atomic_load(&as_json) ? append_json_line : append_text_line)(&line, &entry);
        write_line(&line);
        buffer_fini(&line);
        free(message);
    }
    errno = saved_errno;
}

#define LOG_AT(level, id, format)          \
    do {                                   \
        va_list args;                      \
        va_start(args, format);            \
        log_line(level, id, format, args); \
        va_end(args);                      \
    } while (0)

void log_debug(const char *format, ...) {
    LOG_AT(LOG_LEVEL_DEBUG, NULL, format);
}

void log_info(const char *format, ...) {
    LOG_AT(LOG_LEVEL_INFO, NULL, format);
}

void log_warning(const char *format, ...) {
    LOG_AT(LOG_LEVEL_WARNING, NULL, format);
}

void log_error(const char *format, ...) {
    LOG_AT(LOG_LEVEL_ERROR, NULL, format);
}

void log_request(enum log_level level, const char *id, const char *format, ...) {
    LOG_AT(level, id, format);
}
