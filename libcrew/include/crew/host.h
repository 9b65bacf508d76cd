/* crew/host.h - run the handlers of an app, as app-worker's handler processes do.
 *
 * A host is an app that is loaded and set up, and a port: the functions through which its
 * handlers reach the outside. It uses no broker and no socket itself. A host is used by
 * one thread; handlers, hooks, set-up and tear-down run on it.
 */
#ifndef CREW_HOST_H
#define CREW_HOST_H

#include <crew/app.h>
#include <crew/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_host crew_host;

/* How handlers reach the outside. All functions but flush are required. */
struct crew_host_port {
    void *arg;
    /* Make the calls of a group and wait until it ends; returns what
     * crew_client_group_wait would. ANSWERS has one element per call; the answers must
     * stay valid until the handler has returned. If the group was not made, ANSWERS is
     * untouched. */
    int (*group)(void *arg, const struct crew_group *group,
                 const struct crew_answer *answers[]);
    /* Log a line about the request with this id. */
    void (*log)(void *arg, enum crew_log_level level, const char *request_id,
                const char *text);
    bool (*stopping)(void *arg); /* true: the handler is to stop */
    /* Send a part of a streamed answer: HEAD (null if it was sent already) and BYTES
     * bytes of the body. Blocks until they may be sent. On an error the handler is to
     * stop. Null: answers are not streamed. */
    int (*flush)(void *arg, const struct crew_answer *head, const void *data,
                 size_t bytes);
    /* Publish a message and wait for the broker's confirm; returns what
     * crew_client_publish_wait would. */
    int (*publish)(void *arg, const struct crew_publication *publication);
};

/* Options of a host. What they point to must outlive it. */
struct crew_host_options {
    const char *path; /* the .so */
    /* Null: load PATH. Else crew_app_init of an app that is linked into the program; PATH
     * is its name in messages. */
    int (*init)(crew_app *app);
    int argc; /* argv[0]: the app as on app-worker's command line */
    char *const *argv;
    const char *route_task; /* the task of the app's routes */
    const char *uuid;       /* of this handler process */
    const char *node_uuid;  /* of its app-worker */
    size_t max_response_bytes;
    struct crew_host_port port;
};

/* crew_host_new - load the .so, check its ABI, run its CREW_APP and its set-up. OPTIONS
 * itself is copied. On an error WHY, a buffer of WHY_BYTES bytes, gets the reason in one
 * line. Blocks as long as CREW_APP and set-up do. Errors:
 *
 *     CREW_EINVAL   there is no .so, it is not a crew app or has another ABI, or the app
 *                   registers nothing, or something that is invalid
 *     CREW_EEXIST   a route or task is registered twice
 *     CREW_EFAILED  CREW_APP or the set-up has returned an error */
CREW_API int crew_host_new(const struct crew_host_options *options, crew_host **host,
                           char *why, size_t why_bytes);

/* crew_host_tasks - the names of the tasks that the app serves, with the route task if it
 * has routes, and their number. Owned by the host and constant. */
CREW_API const char *const *crew_host_tasks(const crew_host *host, size_t *count);

/* crew_host_run - run the handler of TASK, which has LEFT_MS milliseconds. ANSWER is
 * always set: a handler's failure, an invalid response, 404 and 405 are answers as well,
 * and CREW_ENOWORKERS if the app does not serve the task. If the answer was streamed
 * through the port's flush, only error and run_us are set. TASK is not used after the
 * call. ANSWER's memory belongs to the host and is valid until the next run. Blocks as
 * long as the handler does. */
CREW_API void crew_host_run(crew_host *host, const struct crew_task_view *task,
                            uint32_t left_ms, struct crew_answer *answer);

/* crew_host_free - run the tear-down and unload the app. HOST may be null. */
CREW_API void crew_host_free(crew_host *host);

#ifdef __cplusplus
}
#endif
#endif
