#include "host_port.h"

#include <assert.h>

static const struct crew_answer *on_call(struct host_port *port,
                                         const struct crew_call *call) {
    port->call_expiration_ms = call->expiration_ms;
    assert(port->calls < HOST_PORT_ANSWERS);
    return port->given[port->calls++] = crew_answer_copy(&port->answer);
}

static int on_group(void *arg, const struct crew_group *group,
                    const struct crew_answer *answers[]) {
    int error = 0;
    for (size_t i = 0; i < group->count; i++) {
        answers[i] = on_call(arg, &group->calls[i]);
        if (error == 0)
            error = answers[i]->error;
    }
    return error;
}

static void on_log(void *arg, enum crew_log_level level, const char *request_id,
                   const char *text) {
    struct host_port *port = arg;
    buffer_printf(&port->log, "%d %s %s\n", (int)level, request_id, text);
}

static bool on_stopping(void *arg) {
    return ((struct host_port *)arg)->stopping;
}

static int on_publish(void *arg, const struct crew_publication *publication) {
    struct host_port *port = arg;
    port->publish_expiration_ms = publication->expiration_ms;
    buffer_printf(&port->published, "%s %s %.*s\n", publication->channel,
                  publication->content_type != NULL ? publication->content_type : "-",
                  (int)publication->body_bytes, (const char *)publication->body);
    return port->publish_error;
}

static int on_flush(void *arg, const struct crew_answer *head, const void *data,
                    size_t bytes) {
    struct host_port *port = arg;
    if (port->flush_error != 0)
        return port->flush_error;
    if (head != NULL)
        buffer_printf(&port->flushed, "[%d %zu]", head->status, head->pair_count);
    buffer_append(&port->flushed, data, bytes);
    buffer_append_text(&port->flushed, "|");
    return 0;
}

struct crew_host_options host_port_options(struct host_port *port, const char *path,
                                           char *argv[2]) {
    return (struct crew_host_options){
        .path = path,
        .argc = 2,
        .argv = argv,
        .route_task = "http",
        .uuid = "process-uuid",
        .node_uuid = "node-uuid",
        .max_response_bytes = 1000,
        .port = {port, on_group, on_log, on_stopping, on_flush, on_publish}};
}

void host_port_fini(struct host_port *port) {
    buffer_fini(&port->log);
    buffer_fini(&port->published);
    buffer_fini(&port->flushed);
    for (unsigned i = 0; i < port->calls; i++)
        crew_answer_free(port->given[i]);
}
