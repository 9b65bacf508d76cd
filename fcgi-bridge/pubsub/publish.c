#include "publish.h"

#include "base/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A publication that the client has. */
struct publication {
    struct request *request; /* NULL: it has ended */
    struct load *load;
    size_t body_bytes; /* what the client keeps for it */
};

/* The backend's state of a request is a pointer to its publication. */
static struct publication **publication_at(struct request *r) {
    return request_backend_state(r);
}

/* ---- responses ---- */

/* NULL: the general message for the error. */
static const char *message_for(int error) {
    switch (error) {
    case CREW_EBROKER:
        return "The message cannot be published at present";
    case CREW_EOVERLOADED:
        return "A subscriber takes no more messages";
    case CREW_ELOST:
        return "It is not known whether the message was published";
    case CREW_EINVAL: /* all else was validated with the parameters */
        return "CONTENT_TYPE is too long";
    default:
        return NULL;
    }
}

static void complete_with_id(struct request *r, const char *id) {
    bool json = request_style(r)->json;
    char text[CREW_PUBLICATION_ID_BYTES + sizeof "{\"id\":\"\"}\n"];
    int bytes = snprintf(text, sizeof text, json ? "{\"id\":\"%s\"}\n" : "%s\n", id);
    const struct crew_answer answer = {.status = 202,
                                       .content_type = json ? "application/json"
                                                            : "text/plain; charset=utf-8",
                                       .body = text,
                                       .body_bytes = (size_t)bytes};
    request_complete_answer(r, &answer);
}

static void on_published(void *arg, int error, const char *id) {
    struct publication *p = arg;
    load_end(p->load, p->body_bytes);
    if (p->request != NULL && error != 0)
        request_complete_error(p->request, error, message_for(error));
    else if (p->request != NULL)
        complete_with_id(p->request, id);
    free(p);
}

/* ---- the publication ---- */

/* NULL: not sent. */
static const char *content_type(const struct params *params) {
    static const char name[] = "CONTENT_TYPE";
    for (size_t i = 0; i < params->call.pair_count; i++) {
        const struct crew_pair *pair = &params->call.pairs[i];
        if (pair->name_bytes == sizeof name - 1 &&
            memcmp(pair->name, name, sizeof name - 1) == 0)
            return pair->value_bytes > 0 ? pair->value : NULL;
    }
    return NULL;
}

static void start(struct request *r, const struct params *params) {
    const struct buffer *body = request_body(r);
    const struct crew_publication publication = {
        .channel = params->publish_channel,
        .content_type = content_type(params),
        .body = body->len > 0 ? (const void *)body->data : "",
        .body_bytes = body->len,
        .persistent = params->call.persistent,
        .expiration_ms = params->call.expiration_ms};
    struct publication *p = xcalloc(1, sizeof *p);
    *p = (struct publication){
        .request = r, .load = request_load(r), .body_bytes = body->len};
    int error = crew_client_publish(request_client(r), &publication, on_published, p);
    if (error != 0) {
        free(p);
        request_complete_error(r, error, message_for(error));
        return;
    }
    load_begin(p->load, p->body_bytes);
    *publication_at(r) = p;
    request_wait(r);
}

static void cancel(struct request *r) {
    (*publication_at(r))->request = NULL;
}

const struct request_backend publish_backend = {
    .name = "publication",
    .start = start,
    .cancel = cancel,
};
