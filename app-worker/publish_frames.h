/* The frames PUBLISH and PUBLISHED: what a handler publishes, and what came of it. */
#ifndef CREW_WORKER_PUBLISH_FRAMES_H
#define CREW_WORKER_PUBLISH_FRAMES_H

#include "frames.h"

/* A PUBLISH that was read. */
struct publish_frame {
    struct crew_publication publication; /* its body points into the item */
    struct buffer texts;
};

/* Writing. Failure shows in to->failed. */
void frame_put_publish(struct buffer *to, const struct crew_publication *publication);
void frame_put_published(struct buffer *to, int error);

/* Reading. FRAME is to be freed in any case. False: not such a frame, or memory is out.
 */
bool frame_get_publish(const struct wire_item *item, struct publish_frame *frame);
bool frame_get_published(const struct wire_item *item, int *error);

void publish_frame_fini(struct publish_frame *frame);

#endif
