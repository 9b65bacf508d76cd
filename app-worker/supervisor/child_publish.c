/* What a handler publishes, while its process waits for the broker's word. It counts as
 * busy all the while: nobody else has to work for that word to come. */
#include "child_internal.h"

#include "app-worker/ipc/ipc_protocol.h"
#include "wire/limits.h"

enum { BEHIND_LIMIT_MS = 500 };

static void send_published(struct child *child, int error) {
    ipc_put_publish_result(&child->socket.out, error);
    child_send_frames(child);
}

static void on_published(void *arg, int error) {
    struct child *child = arg;
    child->publication = NULL;
    send_published(child, error);
}

/* A little longer than the handler may take: then the limit comes first, and what it
 * hears is that its time is over. */
static uint32_t patience_ms(uint32_t left_ms) {
    uint32_t most_ms = LIMIT_EXPIRATION_MS - BEHIND_LIMIT_MS;
    return (left_ms < most_ms ? left_ms : most_ms) + BEHIND_LIMIT_MS;
}

static void publish(struct child *child, struct ipc_publish *wanted) {
    struct crew_publication *publication = &wanted->publication;
    struct buffer bytes;
    publication->expiration_ms = patience_ms(publication->expiration_ms);
    ipc_socket_detach(&child->socket, &bytes);
    int error = subcalls_publish(child->context->subcalls, wanted, &bytes, on_published,
                                 child, &child->publication);
    if (error != CREW_OK)
        send_published(child, error);
}

/* What is behind this task would wait as long as it does, and is thrown away where the
 * process waits for the word. */
void child_take_publish(struct child *child, const struct wire_item *item) {
    struct ipc_publish wanted;
    if (!ipc_get_publish(item, &wanted) || child->publication != NULL) {
        ipc_publish_fini(&wanted);
        child_kill(child, CHILD_PROTOCOL_ERROR, CREW_ECRASHED);
        return;
    }
    child->context->revoke(child->context->arg, child, true);
    if (child->state == CHILD_STOPPING) {
        ipc_publish_fini(&wanted);
        send_published(child, CREW_ETIMEOUT);
    } else {
        publish(child, &wanted);
    }
    child->context->revoked(child->context->arg);
}

bool child_forget_publication(struct child *child) {
    bool waits = child->publication != NULL;
    subcalls_forget_publication(child->publication);
    child->publication = NULL;
    return waits;
}

void child_end_publication(struct child *child) {
    if (child_forget_publication(child))
        send_published(child, CREW_ETIMEOUT);
}
