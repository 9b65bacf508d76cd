/* What a child's handler waits for: a group of calls, or a publication. One at a time, as
 * the handler is blocking code. */
#ifndef CREW_WORKER_CHILD_SUBCALLS_H
#define CREW_WORKER_CHILD_SUBCALLS_H

#include "ipc_endpoint.h"
#include "subcalls.h"

struct child_subcalls {
    struct subcalls *client; /* shared by all children */
    struct ipc_endpoint *endpoint;
    struct subcall_group *group;
    struct subcall_publication *publication;
    void (*resumed)(void *arg);
    void *arg;
};

/* RESUMED is called when the calls of child_subcalls_call have ended, before the result
 * is sent to the child: frames that it puts are read after the result. */
void child_subcalls_init(struct child_subcalls *subcalls, struct subcalls *client,
                         struct ipc_endpoint *endpoint, void (*resumed)(void *arg),
                         void *arg);

/* Make the calls of a CALL frame, which is taken over. False: they could not be made, and
 * the child has the error. */
bool child_subcalls_call(struct child_subcalls *subcalls, struct ipc_call *call);

/* Tell the child that its calls were not made. */
void child_subcalls_refuse(struct child_subcalls *subcalls, int error);

/* A PUBLISH frame, decoded, is taken over. IS_STOPPING: it is refused. False: the child
 * waits for one already. */
bool child_subcalls_publish(struct child_subcalls *subcalls, struct ipc_publish *publish,
                            bool is_stopping);

/* The handler was asked to stop: end what it waits for, with CREW_ETIMEOUT. */
void child_subcalls_stop(struct child_subcalls *subcalls);

/* The child is dead: cancel what it waits for. */
void child_subcalls_cancel(struct child_subcalls *subcalls);

#endif
