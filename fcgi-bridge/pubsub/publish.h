/* The publication of a request's body (CREW_PUBLISH): what is asked of the client, and
 * how it ends.
 *
 * It cannot be taken back. When nobody waits for its end any more it goes on, and so does
 * the bridge; until the client knows how it ended it counts as in flight, body included.
 */
#ifndef BRIDGE_PUBLISH_H
#define BRIDGE_PUBLISH_H

#include "base/buffer.h"
#include "fcgi-bridge/http/params.h"

struct bridge;
struct publish;

/* Called once, never in publish_begin. ERROR 0: ANSWER tells the message's id; valid
 * during the call. */
typedef void publish_end_fn(void *arg, int error, const struct crew_answer *answer);

/* publish_begin - publish BODY, which is copied, as PARAMS say. 0, or why it cannot be
 * done. *PUBLISH is good until FN is called, or publish_forget. */
int publish_begin(struct bridge *bridge, const struct params *params,
                  const struct buffer *body, publish_end_fn *fn, void *arg,
                  struct publish **publish);

/* publish_sentence - what such an error means for who wanted to publish; or null. */
const char *publish_sentence(int error);

/* publish_forget - FN is not called any more. */
void publish_forget(struct publish *publish);

#endif
