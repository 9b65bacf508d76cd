#include "child_subcalls.h"

#include "wire/limits.h"

enum { BEHIND_LIMIT_MS = 500 };

void child_subcalls_init(struct child_subcalls *subcalls, struct subcalls *client,
                         struct ipc_endpoint *endpoint, void (*resumed)(void *arg),
                         void *arg) {
    *subcalls = (struct child_subcalls){
        .client = client, .endpoint = endpoint, .resumed = resumed, .arg = arg};
}

/* ---- calls ---- */

void child_subcalls_refuse(struct child_subcalls *subcalls, int error) {
    ipc_put_call_result(ipc_endpoint_out(subcalls->endpoint), error, NULL, 0);
    ipc_endpoint_send(subcalls->endpoint);
}

static void on_answers(void *arg, int error, const struct crew_answer *const answers[],
                       size_t count) {
    struct child_subcalls *subcalls = arg;
    subcalls->group = NULL;
    ipc_put_call_result(ipc_endpoint_out(subcalls->endpoint), error, answers, count);
    subcalls->resumed(subcalls->arg);
    ipc_endpoint_send(subcalls->endpoint);
}

bool child_subcalls_call(struct child_subcalls *subcalls, struct ipc_call *call) {
    struct buffer bytes;
    ipc_endpoint_detach(subcalls->endpoint, &bytes);
    int error = subcalls_start(subcalls->client, call, &bytes, on_answers, subcalls,
                               &subcalls->group);
    if (error != CREW_OK)
        child_subcalls_refuse(subcalls, error);
    return error == CREW_OK;
}

/* ---- publications ---- */

/* The process of a publication counts as busy: no other process has to work for the
 * confirm to come. */
static void send_publish_result(struct child_subcalls *subcalls, int error) {
    ipc_put_publish_result(ipc_endpoint_out(subcalls->endpoint), error);
    ipc_endpoint_send(subcalls->endpoint);
}

static void on_published(void *arg, int error) {
    struct child_subcalls *subcalls = arg;
    subcalls->publication = NULL;
    send_publish_result(subcalls, error);
}

/* A little longer than the handler may run: so its time limit comes first, and the error
 * of the publication is that of the limit. */
static uint32_t expiration_ms(uint32_t left_ms) {
    uint32_t most_ms = LIMIT_EXPIRATION_MS - BEHIND_LIMIT_MS;
    return (left_ms < most_ms ? left_ms : most_ms) + BEHIND_LIMIT_MS;
}

static int start_publication(struct child_subcalls *subcalls,
                             struct ipc_publish *publish) {
    struct crew_publication *publication = &publish->publication;
    struct buffer bytes;
    publication->expiration_ms = expiration_ms(publication->expiration_ms);
    ipc_endpoint_detach(subcalls->endpoint, &bytes);
    return subcalls_publish(subcalls->client, publish, &bytes, on_published, subcalls,
                            &subcalls->publication);
}

bool child_subcalls_publish(struct child_subcalls *subcalls, struct ipc_publish *publish,
                            bool is_stopping) {
    int error = CREW_ETIMEOUT;
    if (subcalls->publication != NULL || is_stopping)
        ipc_publish_fini(publish);
    if (subcalls->publication != NULL)
        return false;
    if (!is_stopping)
        error = start_publication(subcalls, publish);
    if (error != CREW_OK)
        send_publish_result(subcalls, error);
    return true;
}

/* ---- the end ---- */

static bool forget_publication(struct child_subcalls *subcalls) {
    bool is_pending = subcalls->publication != NULL;
    subcalls_forget_publication(subcalls->publication);
    subcalls->publication = NULL;
    return is_pending;
}

static bool cancel_group(struct child_subcalls *subcalls) {
    bool is_pending = subcalls->group != NULL;
    subcalls_cancel(subcalls->group);
    subcalls->group = NULL;
    return is_pending;
}

void child_subcalls_stop(struct child_subcalls *subcalls) {
    if (forget_publication(subcalls))
        send_publish_result(subcalls, CREW_ETIMEOUT);
    if (cancel_group(subcalls))
        child_subcalls_refuse(subcalls, CREW_ETIMEOUT);
}

void child_subcalls_cancel(struct child_subcalls *subcalls) {
    cancel_group(subcalls);
    forget_publication(subcalls);
}
