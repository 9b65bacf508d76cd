/* Handlers' own calls, and what they publish.
 *
 * Most apps never call, so the client and its connections are made by the first call.
 * That one, and those that come meanwhile, wait for the connection; later, a broker that
 * is away fails calls at once, as it does for every client.
 */
#include "calls.h"

#include "base/random.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include "wire/limits.h"
#include <crew/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { FIRST_CONNECTION_MS = 5000, GZIP_ABOVE_BYTES = 32 * 1024 };

enum calls_state {
    CALLS_NONE,       /* no client: no handler has called yet */
    CALLS_CONNECTING, /* calls wait for the first connection, or until patience ends */
    CALLS_OPEN        /* calls are handed to the client as they come */
};

struct calls {
    enum calls_state state;
    uv_loop_t *loop;
    const struct crew_broker *broker;
    crew_client *client;
    uv_poll_t poll;
    uv_timer_t patience;
    int open_handles;
    struct calls_group *waiting;
    struct calls_publication *unpublished; /* the same */
    struct call_id *ids;                   /* of all calls under way */
    char instance[17]; /* the beginning of the ids that are made here */
    uint64_t next_id;
};

struct call_id {
    char text[LIMIT_ITEM_ID_BYTES + 1];
    UT_hash_handle hh; /* calls->ids */
};

struct calls_group {
    struct calls *calls;
    struct calls_frame wanted; /* while it waits: points into bytes */
    struct buffer bytes;
    struct call_id *ids;         /* one for each call */
    size_t id_count;             /* of these, those that are listed */
    crew_pending_group *pending; /* null while it waits */
    calls_done_fn *fn;
    void *arg;
    struct calls_group *prev;
    struct calls_group *next;
};

struct calls_publication {
    struct calls *calls;
    struct publish_frame wanted; /* while it waits: points into bytes */
    struct buffer bytes;
    bool waits;
    calls_published_fn *fn; /* null: forgotten */
    void *arg;
    struct calls_publication *prev;
    struct calls_publication *next;
};

struct calls *calls_new(uv_loop_t *loop, const struct crew_broker *broker) {
    struct calls *calls = xcalloc(1, sizeof *calls);
    calls->loop = loop;
    calls->broker = broker;
    random_hex(calls->instance, 8);
    return calls;
}

/* ---- one group ---- */

static void forget_wanted(struct calls_group *group) {
    calls_frame_fini(&group->wanted);
    group->wanted = (struct calls_frame){.calls = NULL};
    buffer_fini(&group->bytes);
}

static void group_free(struct calls_group *group) {
    for (size_t i = 0; i < group->id_count; i++)
        HASH_DELETE(hh, group->calls->ids, &group->ids[i]);
    free(group->ids);
    forget_wanted(group);
    free(group);
}

static void group_end(struct calls_group *group, int error,
                      const struct crew_answer *const answers[], size_t count) {
    calls_done_fn *fn = group->fn;
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
static int prepare(struct calls_group *group) {
    struct calls *calls = group->calls;
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
        if (calls_have(calls, id->text))
            return CREW_EEXIST;
        HASH_ADD_KEYPTR(hh, calls->ids, id->text, strlen(id->text), id);
        group->id_count++;
        call->id = id->text;
        call->priority = UINT8_MAX;
    }
    return CREW_OK;
}

static int group_send(struct calls_group *group) {
    int error = crew_client_group(group->calls->client, &group->wanted.group, on_answers,
                                  group, &group->pending);
    forget_wanted(group);
    return error;
}

bool calls_have(const struct calls *calls, const char *id) {
    struct call_id *found = NULL;
    HASH_FIND_STR(calls->ids, id, found);
    return found != NULL;
}

/* ---- one publication ---- */

static void forget_message(struct calls_publication *publication) {
    publish_frame_fini(&publication->wanted);
    buffer_fini(&publication->bytes);
}

static void on_published(void *arg, int error, const char *id) {
    struct calls_publication *publication = arg;
    (void)id;
    if (publication->fn != NULL)
        publication->fn(publication->arg, error);
    free(publication);
}

static int publication_send(struct calls_publication *publication) {
    int error =
        crew_client_publish(publication->calls->client, &publication->wanted.publication,
                            on_published, publication);
    forget_message(publication);
    publication->waits = false;
    return error;
}

/* ---- the client ---- */

static void open_up(struct calls *calls) {
    calls->state = CALLS_OPEN;
    uv_timer_stop(&calls->patience);
    struct calls_group *group;
    while ((group = calls->waiting) != NULL) {
        DL_DELETE(calls->waiting, group);
        int error = group_send(group);
        if (error != CREW_OK)
            group_end(group, error, NULL, 0);
    }
    struct calls_publication *publication;
    while ((publication = calls->unpublished) != NULL) {
        DL_DELETE(calls->unpublished, publication);
        int error = publication_send(publication);
        if (error != CREW_OK)
            on_published(publication, error, NULL);
    }
}

static void on_client(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct calls *calls = poll->data;
    crew_client_dispatch(calls->client);
    if (calls->state == CALLS_CONNECTING && crew_client_ready(calls->client))
        open_up(calls);
}

static void on_patience(uv_timer_t *timer) {
    open_up(timer->data);
}

static int connect_client(struct calls *calls) {
    const struct crew_client_options options = {.name = "app-worker calls",
                                                .gzip_above_bytes = GZIP_ABOVE_BYTES,
                                                .on_event = log_crew_event};
    int error = crew_client_new(calls->broker, &options, &calls->client);
    if (error != CREW_OK)
        return error;
    uv_poll_init(calls->loop, &calls->poll, crew_client_fd(calls->client));
    uv_timer_init(calls->loop, &calls->patience);
    calls->open_handles = 2;
    calls->poll.data = calls->patience.data = calls;
    uv_poll_start(&calls->poll, UV_READABLE, on_client);
    uv_timer_start(&calls->patience, on_patience, FIRST_CONNECTION_MS, 0);
    calls->state = CALLS_CONNECTING;
    return CREW_OK;
}

/* ---- for handlers ---- */

int calls_start(struct calls *calls, struct calls_frame *wanted, struct buffer *bytes,
                calls_done_fn *fn, void *arg, struct calls_group **started) {
    struct calls_group *group = xcalloc(1, sizeof *group);
    *group = (struct calls_group){
        .calls = calls, .wanted = *wanted, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = prepare(group);
    if (error == CREW_OK && calls->state == CALLS_NONE)
        error = connect_client(calls);
    if (error == CREW_OK && calls->state == CALLS_CONNECTING)
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

int calls_publish(struct calls *calls, struct publish_frame *wanted, struct buffer *bytes,
                  calls_published_fn *fn, void *arg, struct calls_publication **started) {
    struct calls_publication *publication = xcalloc(1, sizeof *publication);
    *publication = (struct calls_publication){
        .calls = calls, .wanted = *wanted, .bytes = *bytes, .fn = fn, .arg = arg};
    *bytes = BUFFER_INIT;

    int error = calls->state == CALLS_NONE ? connect_client(calls) : CREW_OK;
    publication->waits = error == CREW_OK && calls->state == CALLS_CONNECTING;
    if (publication->waits)
        DL_APPEND(calls->unpublished, publication);
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

void calls_forget_publication(struct calls_publication *publication) {
    if (publication == NULL)
        return;
    publication->fn = NULL;
    if (!publication->waits)
        return; /* the client has it, and frees it with its end */
    DL_DELETE(publication->calls->unpublished, publication);
    forget_message(publication);
    free(publication);
}

bool calls_are_sent(const struct calls *calls) {
    return calls->waiting == NULL;
}

void calls_cancel(struct calls_group *group) {
    if (group == NULL)
        return;
    if (group->pending != NULL)
        crew_client_group_cancel(group->calls->client, group->pending);
    else
        DL_DELETE(group->calls->waiting, group);
    group_free(group);
}

static void on_closed(uv_handle_t *handle) {
    struct calls *calls = handle->data;
    if (--calls->open_handles == 0)
        free(calls);
}

void calls_free(struct calls *calls) {
    if (calls == NULL)
        return;
    if (calls->state == CALLS_NONE) {
        free(calls);
        return;
    }
    uv_poll_stop(&calls->poll);
    crew_client_free(calls->client);
    uv_close((uv_handle_t *)&calls->poll, on_closed);
    uv_close((uv_handle_t *)&calls->patience, on_closed);
}
