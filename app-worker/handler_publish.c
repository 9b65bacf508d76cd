/* What a handler publishes, while its process waits for the broker's word. It counts as
 * busy all the while: nobody else has to work for that word to come. */
#include "handler_room.h"

#include "publish_frames.h"

static void send_published(struct handler *handler, int error) {
    frame_put_published(&handler->channel.out, error);
    handler_send_frames(handler);
}

static void on_published(void *arg, int error) {
    struct handler *handler = arg;
    handler->publication = NULL;
    send_published(handler, error);
}

static void publish(struct handler *handler, struct publish_frame *wanted) {
    struct buffer bytes;
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
    if (!frame_get_publish(item, &wanted)) {
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
