/* Where requests meet on their way into a message.
 *
 * A lane is a task queue as one kind of message sees it: of one level, persistent or not.
 * Requests wait in it for the end of the turn, and then, if handlers are fast, for each
 * other: a message costs the broker as much as many requests in it.
 *
 * How many go into one message follows from the run time that workers report: no more
 * than BATCH_WORK_US of work, so that with slow handlers it is one, and each is sent at
 * once. How long they wait follows from what is under way. A request alone is sent at
 * once, and so is one for each worker that answers. Beyond that a message waits until it
 * is full, or half of all requests that are open are in it, or a place is free: the next
 * answers are not far. A message that stays unanswered gives up its place after a while.
 */
#include "client/client_internal.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BATCH_WORK_US 2000u  /* of one message */
#define RUN_SHARE 8u         /* a new run time counts for an eighth */
#define RUN_MAX_US 100000u   /* one very slow run says little about the next */
#define OPEN_SHARE 2u        /* of the open requests that shall be in the next message */
#define PLACE_MS 20u         /* that a message counts as under way */
#define WORKER_SEEN_MS 2000u /* that a worker counts after an answer */
#define SMALL_BYTES 16384u   /* larger requests travel alone and are not copied */
#define BATCH_BYTES 65536u
#define MAX_LANES 1000u
#define KEY_HEAD_BYTES 2

/* ---- lanes ---- */

static bool is_idle(const struct lane *lane) {
    return lane->open == 0 && lane->parcel_count == 0;
}

static void rest_if_idle(struct lane *lane) {
    if (is_idle(lane))
        DL_APPEND2(lane->client->idle, lane, idle_prev, idle_next);
}

static void lane_free(struct crew_client *c, struct lane *lane) {
    assert(is_idle(lane));
    broker_session_timer_clear(&c->session, &lane->timer);
    if (lane->is_busy)
        DL_DELETE(c->busy, lane);
    DL_DELETE2(c->idle, lane, idle_prev, idle_next);
    HASH_DEL(c->lanes, lane);
    free(lane);
}

/* Task names may come from variables of a web server's configuration: keep their number
 * bounded. */
static void make_room(struct crew_client *c) {
    while (HASH_COUNT(c->lanes) >= MAX_LANES && c->idle != NULL)
        lane_free(c, c->idle);
}

static void on_place_free(struct broker_session_timer *timer) {
    lane_wake((struct lane *)((char *)timer - offsetof(struct lane, timer)));
}

static struct lane *lane_new(struct crew_client *c, const char *key, size_t key_bytes,
                             uint8_t level, bool persistent) {
    make_room(c);
    struct lane *lane = xcalloc(1, sizeof *lane + key_bytes + 1);
    lane->client = c;
    lane->timer.fire = on_place_free;
    memcpy(lane->key, key, key_bytes);
    lane->queue = lane->key + KEY_HEAD_BYTES;
    lane->level = level;
    lane->persistent = persistent;
    lane->batch = 1; /* until it is known that the handlers are fast */
    HASH_ADD_KEYPTR(hh, c->lanes, lane->key, key_bytes, lane);
    rest_if_idle(lane);
    return lane;
}

static struct lane *lane_of(struct crew_client *c, const char *task, uint8_t level,
                            bool persistent) {
    char key[KEY_HEAD_BYTES + sizeof NAME_TASK_QUEUE_PREFIX + LIMIT_TASK_NAME_BYTES];
    size_t prefix_bytes = sizeof NAME_TASK_QUEUE_PREFIX - 1;
    size_t task_bytes = strlen(task);
    key[0] = (char)('0' + level);
    key[1] = persistent ? 'P' : 'T';
    memcpy(key + KEY_HEAD_BYTES, NAME_TASK_QUEUE_PREFIX, prefix_bytes);
    memcpy(key + KEY_HEAD_BYTES + prefix_bytes, task, task_bytes);
    size_t key_bytes = KEY_HEAD_BYTES + prefix_bytes + task_bytes;
    struct lane *lane;
    HASH_FIND(hh, c->lanes, key, key_bytes, lane);
    return lane != NULL ? lane : lane_new(c, key, key_bytes, level, persistent);
}

struct lane *lane_enter(struct crew_client *c, const char *task, uint8_t level,
                        bool persistent) {
    struct lane *lane = lane_of(c, task, level, persistent);
    if (is_idle(lane))
        DL_DELETE2(c->idle, lane, idle_prev, idle_next);
    lane->open++;
    return lane;
}

void lane_leave(struct lane *lane) {
    lane->open--;
    rest_if_idle(lane);
}

void lanes_fini(struct crew_client *c) {
    struct lane *lane, *next;
    HASH_ITER (hh, c->lanes, lane, next)
        lane_free(c, lane);
}

/* ---- what workers say ---- */

static size_t limit(size_t value, size_t most) {
    return value < most ? value : most;
}

/* An average that forgets. */
static void note_run_time(struct lane *lane, uint64_t run_us) {
    uint32_t latest = (uint32_t)limit(run_us, RUN_MAX_US);
    if (lane->run_us == 0)
        lane->run_us = latest;
    lane->run_us = (lane->run_us * (RUN_SHARE - 1) + latest) / RUN_SHARE;
    size_t batch = limit(BATCH_WORK_US / lane->run_us, lane->client->max_batch);
    lane->batch = batch > 1 ? batch : 1;
}

/* Remember the worker in its place, or in that of the one not heard of for the longest.
 */
static void note_worker(struct lane *lane, const char *uuid, size_t bytes) {
    uint64_t id = 0;
    memcpy(&id, uuid, limit(bytes, sizeof id)); /* random digits */
    struct lane_worker *place = &lane->workers[0];
    for (size_t i = 0; i < LANE_WORKERS; i++) {
        struct lane_worker *w = &lane->workers[i];
        if (w->id == id) {
            place = w;
            break;
        }
        if (w->seen_ms < place->seen_ms)
            place = w;
    }
    *place = (struct lane_worker){id, clock_ms()};
}

/* A worker that does not tell how long it took may be a slow one. */
void lane_note_answer(struct lane *lane, const struct wire_item *item) {
    if (item->run_us != 0)
        note_run_time(lane, item->run_us);
    if (item->worker.len > 0)
        note_worker(lane, (const char *)item->worker.data, item->worker.len);
}

static size_t count_workers(const struct lane *lane) {
    uint64_t now_ms = clock_ms();
    size_t count = 0;
    for (size_t i = 0; i < LANE_WORKERS; i++)
        count += lane->workers[i].seen_ms + WORKER_SEEN_MS > now_ms;
    return count > 0 ? count : 1;
}

/* ---- messages under way ---- */

static void give_up_place(struct parcel *p) {
    if (!p->has_place)
        return;
    p->has_place = false;
    DL_DELETE(p->lane->under_way, p);
    p->lane->under_way_count--;
    if (p->lane->waiting.count > 0)
        lane_wake(p->lane);
}

static void parcel_free(struct parcel *p) {
    give_up_place(p);
    p->lane->parcel_count--;
    rest_if_idle(p->lane);
    DL_DELETE2(p->lane->client->parcels, p, all_prev, all_next);
    free(p);
}

void parcel_leave(struct crew_pending *call) {
    struct parcel *p = call->parcel;
    if (p == NULL)
        return;
    call->parcel = NULL;
    DL_DELETE2(p->calls, call, parcel_prev, parcel_next);
    if (p->calls != NULL)
        return;
    give_up_place(p);
    if (!p->with_link)
        parcel_free(p);
}

static void enter_parcel(struct parcel *p, struct crew_pending *call) {
    call_list_move(call, NULL);
    call_sent(call);
    call->parcel = p;
    DL_APPEND2(p->calls, call, parcel_prev, parcel_next);
    p->count++;
}

/* What goes into one message with others. */
static bool is_small(const struct crew_pending *call) {
    return call->form != CREW_PLAIN && !call->gzipped && !call->written &&
           call->body.len <= SMALL_BYTES;
}

/* The fate of a message is that of all calls in it. No callback runs here. */
static void on_published(struct publish_waiter *waiter, struct message *m) {
    struct parcel *p = (struct parcel *)waiter;
    enum publish_status status = m->status;
    struct crew_pending *call, *next;
    p->with_link = false;
    if (p->calls != NULL && p->count == 1)
        call_take_body(p->calls, m);
    message_free(m);
    if (p->calls == NULL) {
        parcel_free(p);
        return;
    }
    DL_FOREACH_SAFE2(p->calls, call, next, parcel_next) {
        if (status != PUBLISH_CONFIRMED)
            parcel_leave(call);
        call_published(call, status);
    }
}

static struct parcel *fill_parcel(struct lane *lane) {
    struct parcel *p = xcalloc(1, sizeof *p);
    struct crew_pending *call = lane->waiting.head;
    bool shared = is_small(call);
    size_t bytes = call->body.len;
    p->waiter.published = on_published;
    p->lane = lane;
    lane->parcel_count++;
    p->sent_ms = clock_ms();
    DL_APPEND2(lane->client->parcels, p, all_prev, all_next);
    enter_parcel(p, call);
    while (shared && p->count < lane->batch && (call = lane->waiting.head) != NULL &&
           is_small(call) && bytes + call->body.len <= BATCH_BYTES) {
        bytes += call->body.len;
        enter_parcel(p, call);
    }
    return p;
}

static void send_parcel(struct lane *lane) {
    struct parcel *p = fill_parcel(lane);
    struct message *m = parcel_message(p);
    publish_waiter_attach(&p->waiter, m);
    p->with_link = true;
    p->has_place = true;
    DL_APPEND(lane->under_way, p);
    lane->under_way_count++;
    broker_session_publish(&lane->client->session, m);
}

void parcels_fini(struct crew_client *c) {
    while (c->parcels != NULL)
        parcel_free(c->parcels);
}

/* ---- when to send ---- */

static void drop_old_places(struct lane *lane) {
    uint64_t now_ms = clock_ms();
    while (lane->under_way != NULL && lane->under_way->sent_ms + PLACE_MS <= now_ms)
        give_up_place(lane->under_way);
}

static bool may_send(const struct lane *lane) {
    if (lane->batch == 1 || lane->under_way_count < count_workers(lane))
        return true;
    return lane->waiting.count >= limit(lane->open / OPEN_SHARE, lane->batch);
}

void lane_wake(struct lane *lane) {
    if (!lane->is_busy)
        DL_APPEND(lane->client->busy, lane);
    lane->is_busy = true;
    broker_session_wake(&lane->client->session);
}

/* Callbacks of those that cannot go out may queue calls of their own: those wait for the
 * next flush. */
static void turn_away(struct lane *lane) {
    size_t count = lane->waiting.count;
    while (count-- > 0 && lane->waiting.head != NULL)
        call_hold(lane->waiting.head);
}

static void lane_flush(struct lane *lane) {
    drop_old_places(lane);
    while (lane->waiting.count > 0 && may_send(lane))
        send_parcel(lane);
    if (lane->waiting.count > 0)
        broker_session_timer_set(&lane->client->session, &lane->timer,
                                 lane->under_way->sent_ms + PLACE_MS);
}

/* One by one: a callback may queue a call for a new lane, which drops idle ones. */
void lanes_flush(struct crew_client *c, bool open) {
    struct lane *lane;
    size_t count;
    DL_COUNT(c->busy, lane, count);
    while (count-- > 0 && (lane = c->busy) != NULL) {
        DL_DELETE(c->busy, lane);
        lane->is_busy = false;
        if (open)
            lane_flush(lane);
        else
            turn_away(lane);
    }
}
