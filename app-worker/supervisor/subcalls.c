/* Handlers' own calls, and what they publish.
 *
 * Most apps never call, so the client and its connections are made by the first call.
 * That one, and those that come meanwhile, wait for the connection; later, a broker that
 * is away fails calls at once, as it does for every client.
 */
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
    SUBCALLS_CONNECTING, /* calls wait for the first connection, or until connect_timer ends */
    SUBCALLS_OPEN        /* calls are handed to the client as they come */
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
    struct call_id *ids;                              /* of all calls under way */
    char instance[17]; /* the beginning of the ids that are made here */
    uint64_t next_id;
};

struct call_id {
    char text[LIMIT_ITEM_ID_BYTES + 1];
    UT_hash_handle hh; /* calls->ids */
};

struct subcall_group {
    struct subcalls *calls;
    struct ipc_call wanted; /* while it waits: points into bytes */
    struct buffer bytes;
    struct call_id *ids;         /* one for each call */
    size_t id_count;             /* of these, those that are listed */
    crew_pending_group *pending; /* null while it waits */
    subcalls_done_fn *fn;
    void *arg;
    struct subcall_group *prev;
    struct subcall_group *next;
};

struct subcall_publication {
    struct subcalls *calls;
    struct ipc_publish wanted; /* while it waits: points into bytes */
    struct buffer bytes;
    bool waits;
    subcalls_published_fn *fn; /* null: forgotten */
    void *arg;
    struct subcall_publication *prev;
    struct subcall_publication *next;
};

struct subcalls *subcalls_new(uv_loop_t *loop, const struct crew_broker *broker) {
    struct subcalls *calls = xcalloc(1, sizeof *calls);
    calls->loop = loop;
    calls->broker = broker;
    random_hex(calls->instance, 8);
    return calls;
}

/* ---- one group ---- */

static void forget_wanted(struct subcall_group *group) {
    ipc_call_fini(&group->wanted);
    group->wanted = (struct ipc_call){.calls = NULL};
    buffer_fini(&group->bytes);
}

static void group_free(struct subcall_group *group) {
    for (size_t i = 0; i < group->id_count; i++)
        HASH_DELETE(hh, group->calls->ids, &group->ids[i]);
    free(group->ids);
    forget_wanted(group);
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

/* Give each call an id that is known here. A call waits for nobody less urgent than the
 * handler that waits for it. */
static int prepare(struct subcall_group *group) {
    struct subcalls *calls = group->calls;
    size_t count = group->wanted.group.count;
    group->ids = xcalloc(1, count * sizeof *group->ids);
    for (size_t i = 0; i < count; i++) {
        struct crew_call *call = &group->wanted.calls[i];
        struct call_id *id = &group->ids[i];
        if (call->id != NULL)
            snprintf(id->text, sizeof id->text, "%s", call->id);
        else
            snprintf(id->text, sizeof id->text, "%s-%" PRIx64, calls->instance,
                     ++calls->next_id);
        if (subcalls_have(calls, id->text))
            return CREW_EEXIST;
        HASH_ADD_KEYPTR(hh, calls->ids, id->text, strlen(id->text), id);
        group->id_count++;
        call->id = id->text;
        call->priority = UINT8_MAX;
    }
    return CREW_OK;
}

static int group_send(struct subcall_group *group) {
    int error = crew_client_group(group->calls->client, &group->wanted.group, on_answers,
                                  group, &group->pending);
    forget_wanted(group);
    return error;
}

bool subcalls_have(const struct subcalls *calls, const char *id) {
    struct call_id *found = NULL;
    HASH_FIND_STR(calls->ids, id, found);
    return found != NULL;
}

/* ---- one publication ---- */

static void forget_message(struct subcall_publication *publication) {
    ipc_publish_fini(&publication->wanted);
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
        crew_client_publish(publication->calls->client, &publication->wanted.publication,
                            on_published, publication);
    forget_message(publication);
    publication->waits = false;
    return error;
}

/* ---- the client ---- */

static void send_waiting(struct subcalls *calls) {
    calls->state = SUBCALLS_OPEN;
    uv_timer_stop(&calls->connect_timer);
    struct subcall_group *group;
    while ((group = calls->waiting) != NULL) {
        DL_DELETE(calls->waiting, group);
        int error = group_send(group);
        if (error != CREW_OK)
            group_end(group, error, NULL, 0);
    }
    struct subcall_publication *publication;
    while ((publication = calls->waiting_publications) != NULL) {
        DL_DELETE(calls->waiting_publications, publication);
        int error = publication_send(publication);
        if (error != CREW_OK)
            on_published(publication, error, NULL);
    }
}

static void on_client(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct subcalls *calls = poll->data;
    crew_client_dispatch(calls->client);
    if (calls->state == SUBCALLS_CONNECTING && crew_client_ready(calls->client))
        send_waiting(calls);
}

static void on_connect_timeout(uv_timer_t *timer) {
    send_waiting(timer->data);
}

static int connect_client(struct subcalls *calls) {
    const struct crew_client_options options = {.name = "app-worker calls",
                                                .gzip_above_bytes = GZIP_ABOVE_BYTES,
                                                .on_event = log_event};
    int error = crew_client_new(calls->broker, &options, &calls->client);
    if (error != CREW_OK)
        return error;
    uv_poll_init(calls->loop, &calls->poll, crew_client_fd(calls->client));
    uv_timer_init(calls->loop, &calls->connect_timer);
    calls->open_handles = 2;
    calls->poll.data = calls->connect_timer.data = calls;
    uv_poll_start(&calls->poll, UV_READABLE, on_client);
    uv_timer_start(&calls->connect_timer, on_connect_timeout, FIRST_CONNECTION_MS, 0);
    calls->state = SUBCALLS_CONNECTING;
    return CREW_OK;
}

/* ---- for handlers ---- */

int subcalls_start(struct subcalls *calls, struct ipc_call *wanted, struct buffer *bytes,
                   subcalls_done_fn *fn, void *arg, struct subcall_group **started) {
    struct subcall_group *group = xcalloc(1, sizeof *group);
    *group = (struct subcall_group){
        .calls = calls, .wanted = *wanted, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = prepare(group);
    if (error == CREW_OK && calls->state == SUBCALLS_NONE)
        error = connect_client(calls);
    if (error == CREW_OK && calls->state == SUBCALLS_CONNECTING)
        DL_APPEND(calls->waiting, group);
    else if (error == CREW_OK)
        error = group_send(group);
    if (error != CREW_OK) {
        group_free(group);
        return error;
    }
    *started = group;
    return CREW_OK;
}

int subcalls_publish(struct subcalls *calls, struct ipc_publish *wanted,
                     struct buffer *bytes, subcalls_published_fn *fn, void *arg,
                     struct subcall_publication **started) {
    struct subcall_publication *publication = xcalloc(1, sizeof *publication);
    *publication = (struct subcall_publication){
        .calls = calls, .wanted = *wanted, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = calls->state == SUBCALLS_NONE ? connect_client(calls) : CREW_OK;
    publication->waits = error == CREW_OK && calls->state == SUBCALLS_CONNECTING;
    if (publication->waits)
        DL_APPEND(calls->waiting_publications, publication);
    else if (error == CREW_OK)
        error = publication_send(publication);
    if (error != CREW_OK) {
        forget_message(publication);
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
        return; /* the client has it, and frees it with its end */
    DL_DELETE(publication->calls->waiting_publications, publication);
    forget_message(publication);
    free(publication);
}

bool subcalls_are_sent(const struct subcalls *calls) {
    return calls->waiting == NULL;
}

void subcalls_cancel(struct subcall_group *group) {
    if (group == NULL)
        return;
    if (group->pending != NULL)
        crew_client_group_cancel(group->calls->client, group->pending);
    else
        DL_DELETE(group->calls->waiting, group);
    group_free(group);
}

static void on_closed(uv_handle_t *handle) {
    struct subcalls *calls = handle->data;
    if (--calls->open_handles == 0)
        free(calls);
}

void subcalls_free(struct subcalls *calls) {
    if (calls == NULL)
        return;
    if (calls->state == SUBCALLS_NONE) {
        free(calls);
        return;
    }
    uv_poll_stop(&calls->poll);
    crew_client_free(calls->client);
    uv_close((uv_handle_t *)&calls->poll, on_closed);
    uv_close((uv_handle_t *)&calls->connect_timer, on_closed);
}
