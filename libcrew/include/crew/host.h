/* crew/host.h - run an app's handlers: what app-worker's handler processes do.
 *
 * A host is an app, loaded and set up, and a port through which its handlers reach the
 * outside. It knows neither broker nor socket. One thread uses a host; handlers, hooks and
 * the app's set-up and tear-down run on it.
 */
#ifndef CREW_HOST_H
#define CREW_HOST_H

#include <crew/app.h>
#include <crew/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crew_host crew_host;

/* How handlers reach the outside. All functions but flush must be there. */
struct crew_host_port {
    void *arg;
    /* Make the calls of a group and wait for its end; what it returns is that of
     * crew_client_group_wait. ANSWERS, one for each call, stay good until the handler has
     * returned. A group that was not made leaves them untouched. */
    int (*group)(void *arg, const struct crew_group *group,
                 const struct crew_answer *answers[]);
    /* A line for the log, about the request with this id. */
    void (*log)(void *arg, enum crew_log_level level, const char *request_id,
                const char *text);
    bool (*stopping)(void *arg); /* whether the handler has been told to stop */
    /* Send the beginning of an answer (HEAD; null when it has been sent) and so much of the
     * body. Blocks until it may be sent. An error: the handler shall stop. Null: what
     * handlers flush is kept, and answers are whole. */
    int (*flush)(void *arg, const struct crew_answer *head, const void *data,
                 size_t bytes);
};

/* The app and its surroundings. All it points to must outlive the host. */
struct crew_host_options {
    const char *path; /* the .so */
    /* Null: PATH is loaded. Else crew_app_init of an app that is linked in, and PATH what it
     * is called. */
    int (*init)(crew_app *app);
    int argc; /* argv[0] is what the app is called on the command line */
    char *const *argv;
    const char *route_task; /* the task behind which the app's routes live */
    const char *uuid;       /* of this handler process */
    const char *node_uuid;  /* of its app-worker */
    size_t max_response_bytes;
    struct crew_host_port port;
};

/* crew_host_new - load the .so, check its ABI, run its CREW_APP and its set-up. OPTIONS
 * itself is copied. On an error WHY (WHY_BYTES large) says what is wrong, in one line.
 * CREW_EINVAL: no .so, no crew app, another ABI, an app that serves nothing or registers
 * what is not acceptable. CREW_EEXIST: a route or task is there twice. CREW_EFAILED:
 * CREW_APP or the set-up returned an error. Blocks as long as these do. */
CREW_API int crew_host_new(const struct crew_host_options *options, crew_host **host,
                           char *why, size_t why_bytes);

/* crew_host_tasks - the names of the tasks that the app serves, the route task included if
 * it has routes. Owned by the host, the same for its whole life. */
CREW_API const char *const *crew_host_tasks(const crew_host *host, size_t *count);

/* crew_host_run - run the handler for TASK with a budget of LEFT_MS. The answer is complete:
 * a handler's failure, an invalid response, 404 and 405 are answers too; CREW_ENOWORKERS
 * is the answer to a task that the app does not serve. Of an answer whose head went through
 * the port's flush, error and run_us are left to be told. TASK need not live longer than
 * the call. ANSWER's memory is the host's, good until the next run. Blocks as long as the
 * handler does. */
CREW_API void crew_host_run(crew_host *host, const struct crew_task_view *task,
                            uint32_t left_ms, struct crew_answer *answer);

/* crew_host_free - tear-down, then unload. Null is fine. */
CREW_API void crew_host_free(crew_host *host);

#ifdef __cplusplus
}
#endif
#endif
