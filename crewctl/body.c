#include "body.h"

#include "command.h"
#include "wire/envelope.h"
#include "wire/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

static void check_size(const char *name, size_t bytes) {
    if (bytes > LIMIT_MESSAGE_BYTES)
        command_usage("%s: over %u bytes", name, LIMIT_MESSAGE_BYTES);
}

/* Read FD to its end. NAME is for messages. */
static void read_all(int fd, const char *name, struct buffer *memory) {
    ssize_t bytes;
    do {
        uint8_t *space = buffer_reserve(memory, READ_BYTES);
        if (space == NULL)
            command_usage("%s: out of memory", name);
        bytes = read(fd, space, READ_BYTES);
        if (bytes > 0)
            memory->len += (size_t)bytes;
        check_size(name, memory->len);
    } while (bytes > 0 || (bytes < 0 && errno == EINTR));
    if (bytes < 0)
        command_usage("%s: %s", name, strerror(errno));
}

static void read_file(const char *path, struct buffer *memory) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        command_usage("%s: %s", path, strerror(errno));
    read_all(fd, path, memory);
    close(fd);
}

static void set_json(const char *text, struct crew_call *call) {
    char error[200];
    check_size("--json", strlen(text));
    if (crew_call_json(call, text, error, sizeof error) != 0)
        command_usage("--json: %s", error);
}

static void set_text(const char *text, struct crew_call *call) {
    check_size("--data", strlen(text));
    if (crew_call_text(call, text) != 0)
        command_usage("--data: not UTF-8 (--file and standard input take any bytes)");
}

static void check_only_one(const struct body_source *s) {
    int count = (s->json != NULL) + (s->text != NULL) + (s->file != NULL) +
                (s->standard_input ? 1 : 0);
    if (count > 1)
        command_usage("there is one body: --json, --data, --file or -");
}

void body_parse_argument(struct body_source *source, char *const *arguments,
                         size_t count) {
    source->standard_input = count == 2 && strcmp(arguments[1], "-") == 0;
    if (count > 2 || (count == 2 && !source->standard_input))
        command_usage("unexpected argument: \"%s\"", arguments[count - 1]);
}

static const char *check_content_type(const char *type) {
    if (strlen(type) > 255)
        command_usage("--content-type: over 255 bytes");
    if (strcmp(type, WIRE_CONTENT_TYPE) == 0)
        command_usage("--content-type: this body is no envelope: %s", type);
    return type;
}

void body_read(const struct body_source *source, struct crew_call *call,
               struct buffer *memory) {
    check_only_one(source);
    if (source->json != NULL) {
        set_json(source->json, call);
    } else if (source->text != NULL) {
        set_text(source->text, call);
    } else if (source->file != NULL || source->standard_input) {
        if (source->file != NULL)
            read_file(source->file, memory);
        else
            read_all(STDIN_FILENO, "standard input", memory);
        crew_call_bytes(call, memory->data, memory->len);
    }
    if (source->content_type != NULL)
        call->content_type = check_content_type(source->content_type);
}
