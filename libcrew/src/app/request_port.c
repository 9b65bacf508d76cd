/* What a handler asks of its host: state, calls, publications, log lines. Calls and log
 * lines leave through the port (crew/host.h). */
#include "app/request.h"

#include "wire/limits.h"
#include "wire/publication.h"
#include "wire/task_name.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_LINE_BYTES = 2048 };

void *crew_request_state(const crew_request *request) {
    return request_context(request)->state;
}

const char *crew_request_uuid(const crew_request *request) {
    return request_context(request)->uuid;
}

const char *crew_request_node_uuid(const crew_request *request) {
    return request_context(request)->node_uuid;
}

bool crew_request_stopping(const crew_request *request) {
    const struct crew_host_port *port = &request_context(request)->port;
    return port->stopping(port->arg);
}

/* A call ends before its caller does. */
static uint32_t call_expiration_ms(const crew_request *request, uint32_t requested_ms) {
    uint32_t left_ms = crew_request_left_ms(request);
    if (left_ms == 0)
        left_ms = 1;
    return requested_ms != 0 && requested_ms < left_ms ? requested_ms : left_ms;
}

static bool group_is_valid(const struct crew_group *group) {
    bool valid = group->count > 0 && group->count <= CREW_GROUP_MAX &&
                 group->expiration_ms <= LIMIT_EXPIRATION_MS;
    for (size_t i = 0; valid && i < group->count; i++) {
        const struct crew_call *call = &group->calls[i];
        valid = call->task != NULL && task_name_valid(call->task, strlen(call->task)) &&
                call->expiration_ms <= LIMIT_EXPIRATION_MS;
    }
    return valid;
}

static int run_group(crew_request *request, const struct crew_group *group,
                     const struct crew_answer *answers[]) {
    if (!group_is_valid(group))
        return CREW_EINVAL;
    struct crew_call *calls = malloc(group->count * sizeof *calls);
    if (calls == NULL)
        return CREW_ENOMEM;
    struct crew_group bounded_group = *group;
    bounded_group.calls = calls;
    bounded_group.expiration_ms = call_expiration_ms(request, group->expiration_ms);
    for (size_t i = 0; i < group->count; i++) {
        calls[i] = group->calls[i];
        calls[i].expiration_ms = call_expiration_ms(request, calls[i].expiration_ms);
    }
    const struct crew_host_port *port = &request_context(request)->port;
    int error = port->group(port->arg, &bounded_group, answers);
    free(calls);
    return error;
}

static const struct crew_answer *answer_without_call(int error) {
    static struct crew_answer answers[CREW_ERROR_COUNT];
    answers[error] =
        (struct crew_answer){.error = error, .status = crew_error_status(error)};
    return &answers[error];
}

int crew_request_group(crew_request *request, const struct crew_group *group,
                       const struct crew_answer *answers[]) {
    for (size_t i = 0; i < group->count; i++)
        answers[i] = NULL;
    int error = run_group(request, group, answers);
    for (size_t i = 0; i < group->count && answers[i] == NULL; i++)
        answers[i] = answer_without_call(error);
    return error;
}

int crew_request_call(crew_request *request, const struct crew_call *call,
                      const struct crew_answer **answer) {
    const struct crew_group alone = {.calls = call, .count = 1};
    return crew_request_group(request, &alone, answer);
}

int crew_request_publish(crew_request *request, const char *channel,
                         const char *content_type, const void *body, size_t body_bytes) {
    const struct crew_host_port *port = &request_context(request)->port;
    const struct crew_publication publication = {
        .channel = channel,
        .content_type = content_type,
        .body = body,
        .body_bytes = body_bytes,
        .expiration_ms = call_expiration_ms(request, 0),
    };
    int error = publication_check(&publication);
    return error != CREW_OK ? error : port->publish(port->arg, &publication);
}

void crew_request_log(crew_request *request, enum crew_log_level level,
                      const char *format, ...) {
    char text[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct crew_host_port *port = &request_context(request)->port;
    port->log(port->arg, level, crew_request_id(request), text);
}
