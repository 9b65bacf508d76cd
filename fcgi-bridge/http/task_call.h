/* Backend for requests that call a task: the request becomes a call of the client, the
 * answer its response. A streamed answer is sent as it comes; the handler gets credit for
 * what has left the bridge. */
#ifndef BRIDGE_TASK_CALL_H
#define BRIDGE_TASK_CALL_H

#include "request.h"

extern const struct request_backend task_call_backend;

#endif
