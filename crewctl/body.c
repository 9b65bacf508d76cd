#include "body.h"

#include "command.h"
#include "wire/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

static void check_size(const char *name, size_t bytes) {
    if (bytes > LIMIT_MESSAGE_BYTES)
        options_fail(&crewctl_options, "%s: over %u bytes", name, LIMIT_MESSAGE_BYTES);
}

/* Read FD to its end; NAME is for messages. */
static void read_all(int fd, const char *name, struct buffer *memory) {
    ssize_t got;
    do {
        uint8_t *room = buffer_reserve(memory, READ_BYTES);
        if (room == NULL)
            options_fail(&crewctl_options, "%s: out of memory", name);
        got = read(fd, room, READ_BYTES);
        if (got > 0)
            memory->len += (size_t)got;
        check_size(name, memory->len);
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (got < 0)
        options_fail(&crewctl_options, "%s: %s", name, strerror(errno));
}

static void read_file(const char *path, struct buffer *memory) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        options_fail(&crewctl_options, "%s: %s", path, strerror(errno));
    read_all(fd, path, memory);
    close(fd);
}

static void take_json(const char *text, struct crew_call *call) {
    char why[200];
    check_size("--json", strlen(text));
    if (crew_call_json(call, text, why, sizeof why) != 0)
        options_fail(&crewctl_options, "--json: %s", why);
}

static void take_text(const char *text, struct crew_call *call) {
    check_size("--data", strlen(text));
    if (crew_call_text(call, text) != 0)
        options_fail(&crewctl_options,
                     "--data: not UTF-8 (--file and standard input take any bytes)");
}

static void check_only_one(const struct body_source *s) {
    int count = (s->json != NULL) + (s->text != NULL) + (s->file != NULL) +
                (s->standard_input ? 1 : 0);
    if (count > 1)
        options_fail(&crewctl_options,
                     "a call has one body: --json, --data, --file or -");
}

void body_take(const struct body_source *source, struct crew_call *call,
               struct buffer *memory) {
    check_only_one(source);
    if (source->json != NULL) {
        take_json(source->json, call);
    } else if (source->text != NULL) {
        take_text(source->text, call);
    } else if (source->file != NULL || source->standard_input) {
        if (source->file != NULL)
            read_file(source->file, memory);
        else
            read_all(STDIN_FILENO, "standard input", memory);
        crew_call_bytes(call, memory->data, memory->len);
    }
}
