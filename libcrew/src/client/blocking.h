/* The blocking functions of crew/client.h: start, wait, take the result. */
#ifndef CREW_CLIENT_BLOCKING_H
#define CREW_CLIENT_BLOCKING_H

#include "client/call.h"
#include "client/publisher.h"
#include "client/reply_queue.h"
#include <crew/client.h>

/* crew_client_call_wait, and so on. */
int blocking_call(struct dispatch_lock *lock, struct calls *c,
                  const struct crew_call *call, struct crew_answer **answer);
int blocking_group(struct dispatch_lock *lock, struct calls *c,
                   const struct crew_group *group, struct crew_answer *answers[]);
int blocking_publish(struct dispatch_lock *lock, struct publisher *p,
                     const struct crew_publication *publication,
                     char id[CREW_PUBLICATION_ID_BYTES]);
int blocking_wait_ready(struct dispatch_lock *lock, const struct reply_queue *reply_queue,
                        uint32_t timeout_ms, char *why, size_t why_bytes);

#endif
