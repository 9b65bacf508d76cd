/* The frames CALL and CALLED: a group of calls that a handler makes, and what came of it.
 * Both are items with items inside: one for each call, or each answer. */
#ifndef CREW_WORKER_GROUP_FRAMES_H
#define CREW_WORKER_GROUP_FRAMES_H

#include "frames.h"

/* A CALL that was read. Zeroed memory is valid. */
struct calls_frame {
    struct crew_group group;
    struct crew_call *calls;   /* group.calls */
    struct frame_parts *parts; /* one for each */
};

/* A CALLED that was read. Zeroed memory is valid. */
struct called_frame {
    int error; /* of the group */
    struct crew_answer *answers;
    size_t count; /* 0: the group was not made */
    struct frame_parts *parts;
};

/* Does the group fit a frame? */
bool calls_frame_fits(const struct crew_group *group);

/* Writing. Failure shows in to->failed. An answer that would make the frame too large
 * gives way to CREW_ETOOLARGE. */
void frame_put_calls(struct buffer *to, const struct crew_group *group);
void frame_put_called(struct buffer *to, int error,
                      const struct crew_answer *const answers[], size_t count);

/* Reading. What is given points into the item and FRAME, which is to be freed in any
 * case. False: not such a frame, or memory is out. */
bool frame_get_calls(const struct wire_item *item, struct calls_frame *frame);
bool frame_get_called(const struct wire_item *item, struct called_frame *frame);

void calls_frame_fini(struct calls_frame *frame);
void called_frame_fini(struct called_frame *frame);

#endif
