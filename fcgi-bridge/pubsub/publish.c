#include "publish.h"

#include "base/xalloc.h"
#include "fcgi-bridge/bridge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct publish {
    struct bridge *bridge;
    size_t body_bytes; /* what the client keeps for it */
    bool json;
    publish_end_fn *fn; /* null: nobody waits */
    void *arg;
};

const char *publish_sentence(int error) {
    switch (error) {
    case CREW_EBROKER:
        return "The message cannot be published at present";
    case CREW_EOVERLOADED:
        return "A subscriber takes no more messages";
    case CREW_ELOST:
        return "It is not known whether the message was published";
    case CREW_EINVAL: /* all else was looked at with the parameters */
        return "CONTENT_TYPE is too long";
    default:
        return NULL;
    }
}

static void tell_id(const struct publish *p, const char *id) {
    char text[CREW_PUBLICATION_ID_BYTES + sizeof "{\"id\":\"\"}\n"];
    int bytes = snprintf(text, sizeof text, p->json ? "{\"id\":\"%s\"}\n" : "%s\n", id);
    const struct crew_answer answer = {
        .status = 202,
        .content_type = p->json ? "application/json" : "text/plain; charset=utf-8",
        .body = text,
        .body_bytes = (size_t)bytes};
    p->fn(p->arg, 0, &answer);
}

static void on_published(void *arg, int error, const char *id) {
    struct publish *p = arg;
    struct bridge *bridge = p->bridge;
    bridge->inflight--;
    bridge->buffered_bytes -= p->body_bytes;
    if (p->fn && error)
        p->fn(p->arg, error, NULL);
    else if (p->fn)
        tell_id(p, id);
    free(p);
    bridge_leave_when_done(bridge);
}

/* Null when nothing is said. */
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

int publish_begin(struct bridge *bridge, const struct params *params,
                  const struct buffer *body, publish_end_fn *fn, void *arg,
                  struct publish **publish) {
    const struct crew_publication publication = {
        .channel = params->publish,
        .content_type = content_type(params),
        .body = body->len > 0 ? (const void *)body->data : "",
        .body_bytes = body->len,
        .persistent = params->call.persistent,
        .expiration_ms = params->call.expiration_ms};
    struct publish *p = xcalloc(1, sizeof *p);
    *p = (struct publish){.bridge = bridge,
                          .body_bytes = body->len,
                          .json = params->style.json,
                          .fn = fn,
                          .arg = arg};
    int error = crew_client_publish(bridge->client, &publication, on_published, p);
    if (error) {
        free(p);
        return error;
    }
    bridge->inflight++;
    bridge->buffered_bytes += body->len;
    *publish = p;
    return 0;
}

void publish_forget(struct publish *p) {
    p->fn = NULL;
}
