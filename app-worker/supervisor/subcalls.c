/* Most apps never call, so the client and its connections are created by the first call.
 * That one, and those that arrive meanwhile, wait for the connection; later, calls fail
 * at once while the broker is disconnected, as for every client. */
#include "subcalls.h"

#include "base/random.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "daemon/log_event.h"
#include "wire/limits.h"
#include <crew/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { FIRST_CONNECTION_MS = 5000, GZIP_ABOVE_BYTES = 32 * 1024 };

enum subcalls_state {
    SUBCALLS_NONE,       /* no client: no handler has called yet */
    SUBCALLS_CONNECTING, /* calls wait for the first connection, or connect_timer */
    SUBCALLS_OPEN        /* calls are passed to the client at once */
};

struct subcalls {
    enum subcalls_state state;
    uv_loop_t *loop;
    const struct crew_broker *broker;
    crew_client *client;
    uv_poll_t poll;
    uv_timer_t connect_timer;
    int open_handles;
    struct subcall_group *waiting;
    struct subcall_publication *waiting_publications; /* the same */
    struct call_id *ids;                              /* of all calls that are running */
    char instance[17]; /* the prefix of ids that are generated here */
    uint64_t next_id;
};

struct call_id {
    char text[LIMIT_ITEM_ID_BYTES + 1];
    UT_hash_handle hh; /* subcalls->ids */
};

struct subcall_group {
    struct subcalls *subcalls;
    struct ipc_call frame; /* while it waits: points into bytes */
    struct buffer bytes;
    struct call_id *ids;         /* one for each call */
    size_t id_count;             /* of these, those that are in subcalls->ids */
    crew_pending_group *pending; /* null while it waits */
    subcalls_done_fn *fn;
    void *arg;
    struct subcall_group *prev;
    struct subcall_group *next;
};

struct subcall_publication {
    struct subcalls *subcalls;
    struct ipc_publish frame; /* while it waits: points into bytes */
    struct buffer bytes;
    bool waits;
    subcalls_published_fn *fn; /* null: forgotten */
    void *arg;
    struct subcall_publication *prev;
    struct subcall_publication *next;
};

struct subcalls *subcalls_new(uv_loop_t *loop, const struct crew_broker *broker) {
    struct subcalls *subcalls = xcalloc(1, sizeof *subcalls);
    subcalls->loop = loop;
    subcalls->broker = broker;
    random_hex(subcalls->instance, 8);
    return subcalls;
}

/* ---- one group ---- */

static void free_frame(struct subcall_group *group) {
    ipc_call_fini(&group->frame);
    group->frame = (struct ipc_call){.calls = NULL};
    buffer_fini(&group->bytes);
}

static void group_free(struct subcall_group *group) {
    for (size_t i = 0; i < group->id_count; i++)
        HASH_DELETE(hh, group->subcalls->ids, &group->ids[i]);
    free(group->ids);
    free_frame(group);
    free(group);
}

static void group_end(struct subcall_group *group, int error,
                      const struct crew_answer *const answers[], size_t count) {
    subcalls_done_fn *fn = group->fn;
    void *arg = group->arg;
    group_free(group);
    fn(arg, error, answers, count);
}

static void on_answers(void *arg, int error, const struct crew_answer *const answers[],
                       size_t count) {
    group_end(arg, error, answers, count);
}

/* Give each call an id that is known here, and the highest priority: a handler waits for
 * it. */
static int assign_ids(struct subcall_group *group) {
    struct subcalls *subcalls = group->subcalls;
    size_t count = group->frame.group.count;
    group->ids = xcalloc(1, count * sizeof *group->ids);
    for (size_t i = 0; i < count; i++) {
        struct crew_call *call = &group->frame.calls[i];
        struct call_id *id = &group->ids[i];
        if (call->id != NULL)
            snprintf(id->text, sizeof id->text, "%s", call->id);
        else
            snprintf(id->text, sizeof id->text, "%s-%" PRIx64, subcalls->instance,
                     ++subcalls->next_id);
        if (subcalls_have(subcalls, id->text))
            return CREW_EEXIST;
        HASH_ADD_KEYPTR(hh, subcalls->ids, id->text, strlen(id->text), id);
        group->id_count++;
        call->id = id->text;
        call->priority = UINT8_MAX;
    }
    return CREW_OK;
}

static int group_send(struct subcall_group *group) {
    int error = crew_client_group(group->subcalls->client, &group->frame.group,
                                  on_answers, group, &group->pending);
    free_frame(group);
    return error;
}

bool subcalls_have(const struct subcalls *subcalls, const char *id) {
    struct call_id *found = NULL;
    HASH_FIND_STR(subcalls->ids, id, found);
    return found != NULL;
}

/* ---- one publication ---- */

static void free_publish_frame(struct subcall_publication *publication) {
    ipc_publish_fini(&publication->frame);
    buffer_fini(&publication->bytes);
}

static void on_published(void *arg, int error, const char *id) {
    struct subcall_publication *publication = arg;
    (void)id;
    if (publication->fn != NULL)
        publication->fn(publication->arg, error);
    free(publication);
}

static int publication_send(struct subcall_publication *publication) {
    int error =
        crew_client_publish(publication->subcalls->client,
                            &publication->frame.publication, on_published, publication);
    free_publish_frame(publication);
    publication->waits = false;
    return error;
}

/* ---- the client ---- */

static void send_waiting(struct subcalls *subcalls) {
    subcalls->state = SUBCALLS_OPEN;
    uv_timer_stop(&subcalls->connect_timer);
    struct subcall_group *group;
    while ((group = subcalls->waiting) != NULL) {
        DL_DELETE(subcalls->waiting, group);
        int error = group_send(group);
        if (error != CREW_OK)
            group_end(group, error, NULL, 0);
    }
    struct subcall_publication *publication;
    while ((publication = subcalls->waiting_publications) != NULL) {
        DL_DELETE(subcalls->waiting_publications, publication);
        int error = publication_send(publication);
        if (error != CREW_OK)
            on_published(publication, error, NULL);
    }
}

static void on_client(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct subcalls *subcalls = poll->data;
    crew_client_dispatch(subcalls->client);
    if (subcalls->state == SUBCALLS_CONNECTING && crew_client_ready(subcalls->client))
        send_waiting(subcalls);
}

static void on_connect_timeout(uv_timer_t *timer) {
    send_waiting(timer->data);
}

static int connect_client(struct subcalls *subcalls) {
    const struct crew_client_options options = {.name = "app-worker calls",
                                                .gzip_above_bytes = GZIP_ABOVE_BYTES,
                                                .on_event = log_event};
    int error = crew_client_new(subcalls->broker, &options, &subcalls->client);
    if (error != CREW_OK)
        return error;
    uv_poll_init(subcalls->loop, &subcalls->poll, crew_client_fd(subcalls->client));
    uv_timer_init(subcalls->loop, &subcalls->connect_timer);
    subcalls->open_handles = 2;
    subcalls->poll.data = subcalls->connect_timer.data = subcalls;
    uv_poll_start(&subcalls->poll, UV_READABLE, on_client);
    uv_timer_start(&subcalls->connect_timer, on_connect_timeout, FIRST_CONNECTION_MS, 0);
    subcalls->state = SUBCALLS_CONNECTING;
    return CREW_OK;
}

/* ---- for handlers ---- */

int subcalls_start(struct subcalls *subcalls, struct ipc_call *call, struct buffer *bytes,
                   subcalls_done_fn *fn, void *arg, struct subcall_group **started) {
    struct subcall_group *group = xcalloc(1, sizeof *group);
    *group = (struct subcall_group){
        .subcalls = subcalls, .frame = *call, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = assign_ids(group);
    if (error == CREW_OK && subcalls->state == SUBCALLS_NONE)
        error = connect_client(subcalls);
    if (error == CREW_OK && subcalls->state == SUBCALLS_CONNECTING)
        DL_APPEND(subcalls->waiting, group);
    else if (error == CREW_OK)
        error = group_send(group);
    if (error != CREW_OK) {
        group_free(group);
        return error;
    }
    *started = group;
    return CREW_OK;
}

int subcalls_publish(struct subcalls *subcalls, struct ipc_publish *publish,
                     struct buffer *bytes, subcalls_published_fn *fn, void *arg,
                     struct subcall_publication **started) {
    struct subcall_publication *publication = xcalloc(1, sizeof *publication);
    *publication = (struct subcall_publication){
        .subcalls = subcalls, .frame = *publish, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = subcalls->state == SUBCALLS_NONE ? connect_client(subcalls) : CREW_OK;
    publication->waits = error == CREW_OK && subcalls->state == SUBCALLS_CONNECTING;
    if (publication->waits)
        DL_APPEND(subcalls->waiting_publications, publication);
    else if (error == CREW_OK)
        error = publication_send(publication);
    if (error != CREW_OK) {
        free_publish_frame(publication);
        free(publication);
        return error;
    }
    *started = publication;
    return CREW_OK;
}

void subcalls_forget_publication(struct subcall_publication *publication) {
    if (publication == NULL)
        return;
    publication->fn = NULL;
    if (!publication->waits)
        return; /* the client has it; on_published frees it */
    DL_DELETE(publication->subcalls->waiting_publications, publication);
    free_publish_frame(publication);
    free(publication);
}

bool subcalls_are_sent(const struct subcalls *subcalls) {
    return subcalls->waiting == NULL;
}

void subcalls_cancel(struct subcall_group *group) {
    if (group == NULL)
        return;
    if (group->pending != NULL)
        crew_client_group_cancel(group->subcalls->client, group->pending);
    else
        DL_DELETE(group->subcalls->waiting, group);
    group_free(group);
}

static void on_closed(uv_handle_t *handle) {
    struct subcalls *subcalls = handle->data;
    if (--subcalls->open_handles == 0)
        free(subcalls);
}

void subcalls_free(struct subcalls *subcalls) {
    if (subcalls == NULL)
        return;
    if (subcalls->state == SUBCALLS_NONE) {
        free(subcalls);
        return;
    }
    uv_poll_stop(&subcalls->poll);
    crew_client_free(subcalls->client);
    uv_close((uv_handle_t *)&subcalls->poll, on_closed);
    uv_close((uv_handle_t *)&subcalls->connect_timer, on_closed);
}
