/* What a handler publishes, while its process waits for the broker's word. It counts as
 * busy all the while: nobody else has to work for that word to come. */
#include "handler_room.h"

#include "publish_frames.h"
#include "wire/limits.h"

enum { BEHIND_LIMIT_MS = 500 };

static void send_published(struct handler *handler, int error) {
    frame_put_published(&handler->channel.out, error);
    handler_send_frames(handler);
}

static void on_published(void *arg, int error) {
    struct handler *handler = arg;
    handler->publication = NULL;
    send_published(handler, error);
}

/* A little longer than the handler may take: then the limit comes first, and what it
 * hears is that its time is over. */
static uint32_t patience_ms(uint32_t left_ms) {
    uint32_t most_ms = LIMIT_EXPIRATION_MS - BEHIND_LIMIT_MS;
    return (left_ms < most_ms ? left_ms : most_ms) + BEHIND_LIMIT_MS;
}

static void publish(struct handler *handler, struct publish_frame *wanted) {
    struct crew_publication *publication = &wanted->publication;
    struct buffer bytes;
    publication->expiration_ms = patience_ms(publication->expiration_ms);
    channel_hold(&handler->channel, &bytes);
    int error = calls_publish(handler->context->calls, wanted, &bytes, on_published,
                              handler, &handler->publication);
    if (error != CREW_OK)
        send_published(handler, error);
}

/* What is behind this task would wait as long as it does, and is thrown away where the
 * process waits for the word. */
void handler_take_publish(struct handler *handler, const struct wire_item *item) {
    struct publish_frame wanted;
    if (!frame_get_publish(item, &wanted) || handler->publication != NULL) {
        publish_frame_fini(&wanted);
        handler_kill(handler, HANDLER_BABBLED, CREW_ECRASHED);
        return;
    }
    handler->is_slow = true;
    handler_take_back(handler, HANDLER_AHEAD_MOST);
    if (handler->state == HANDLER_STOPPING) {
        publish_frame_fini(&wanted);
        send_published(handler, CREW_ETIMEOUT);
    } else {
        publish(handler, &wanted);
    }
    handler->context->gave_back(handler->context->arg);
}

bool handler_forget_publication(struct handler *handler) {
    bool waits = handler->publication != NULL;
    calls_forget_publication(handler->publication);
    handler->publication = NULL;
    return waits;
}

void handler_end_publication(struct handler *handler) {
    if (handler_forget_publication(handler))
        send_published(handler, CREW_ETIMEOUT);
}
