/* A response that leaves while its handler still runs. */
#include "app/response.h"

enum { KEPT_BYTES = 64 * 1024 };

void response_stream_to(struct crew_response *response, const struct crew_host_port *port,
                        bool whole, bool head_only) {
    response->stream =
        (struct response_stream){.port = port, .whole = whole, .head_only = head_only};
}

/* Told to stop, whole responses are not wanted any more either. */
static int flush_whole(struct response_stream *stream) {
    if (stream->port != NULL && stream->port->stopping(stream->port->arg))
        stream->error = CREW_ECANCELLED;
    return stream->error;
}

static int send_written(struct crew_response *response, const struct crew_answer *head) {
    struct response_stream *stream = &response->stream;
    size_t bytes = stream->head_only ? 0 : response->body.len;
    stream->begun = true;
    stream->error =
        stream->port->flush(stream->port->arg, head, response->body.data, bytes);
    buffer_reset(&response->body, KEPT_BYTES);
    return stream->error;
}

int crew_response_flush(crew_response *response) {
    struct response_stream *stream = &response->stream;
    struct crew_answer head;
    if (response->error != CREW_OK)
        return CREW_EINVAL;
    if (stream->error != CREW_OK)
        return stream->error;
    if (stream->whole)
        return flush_whole(stream);
    if (stream->begun)
        return send_written(response, NULL);
    response_head(response, &head);
    return response->error != CREW_OK ? CREW_EINVAL : send_written(response, &head);
}
