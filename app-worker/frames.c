/* Frames to bytes and back.
 *
 * What an item has no field for stands before the body: the form of a request or call, a
 * call's priority and flags, the level of a log line. How a call ended travels as its
 * number (in `sequence`), because a call that was never accepted has no word. */
#include "frames.h"

#include "base/xalloc.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024 };

enum call_flag { CALL_PERSISTENT = 1, CALL_REPEAT = 2, CALL_FAIL_WITHOUT_WORKERS = 4 };

#define CALL_HEAD_BYTES 4 /* form, priority, flags, gzip */

void frame_parts_fini(struct frame_parts *parts) {
    free(parts->pairs);
    buffer_fini(&parts->texts);
    *parts = (struct frame_parts){0};
}

/* ---- parts ---- */

static bool take_pairs(struct wire_bytes block, struct frame_parts *parts,
                       size_t *count) {
    if (!wire_pairs_valid(block, count))
        return false;
    if (*count > parts->pair_cap) {
        parts->pairs = xreallocarray(parts->pairs, *count, sizeof *parts->pairs);
        parts->pair_cap = *count;
    }
    for (size_t i = 0; i < *count; i++)
        wire_pairs_next(&block, &parts->pairs[i]);
    return true;
}

/* Room for texts of so many bytes in all: their addresses stay while they are added. */
static bool make_room(struct frame_parts *parts, size_t bytes, size_t texts) {
    buffer_reset(&parts->texts, KEPT_BYTES);
    return buffer_reserve(&parts->texts, bytes + texts) != NULL;
}

static const char *add_text(struct frame_parts *parts, struct wire_bytes text) {
    size_t at = parts->texts.len;
    buffer_append(&parts->texts, text.data, text.len);
    buffer_u8(&parts->texts, 0);
    return (const char *)parts->texts.data + at;
}

static const char *add_text_or_null(struct frame_parts *parts, struct wire_bytes text) {
    return text.len > 0 ? add_text(parts, text) : NULL;
}

/* ---- SETUP ---- */

static void put_setting(struct buffer *to, const char *name, const char *value) {
    wire_put_pair(to, name, strlen(name), value, strlen(value));
}

static void put_number(struct buffer *to, size_t value) {
    wire_put_pair(to, "", 0, (const char *)&value, sizeof value);
}

/* Two numbers, four names, then the words of the command line, in this order. */
enum setup_pair {
    SETUP_MAX_RESPONSE,
    SETUP_MAX_MEMORY,
    SETUP_UUID,
    SETUP_NODE_UUID,
    SETUP_ROUTE_TASK,
    SETUP_APP,
    SETUP_ARGV
};

void frame_put_setup(struct buffer *to, const struct frame_setup *setup) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = FRAME_SETUP});
    put_number(to, setup->max_response_bytes);
    put_number(to, setup->max_memory_bytes);
    put_setting(to, "uuid", setup->uuid);
    put_setting(to, "node_uuid", setup->node_uuid);
    put_setting(to, "route_task", setup->route_task);
    put_setting(to, "app", setup->app);
    for (int i = 0; i < setup->argc; i++)
        put_setting(to, "argv", setup->argv[i]);
    wire_open_body(to, mark);
    wire_close(to, mark);
}

static const char *add_value(struct frame_parts *parts, size_t index) {
    const struct crew_pair *pair = &parts->pairs[index];
    return add_text(parts,
                    (struct wire_bytes){(const uint8_t *)pair->value, pair->value_bytes});
}

static size_t number_value(const struct frame_parts *parts, size_t index) {
    size_t value = 0;
    if (parts->pairs[index].value_bytes == sizeof value)
        memcpy(&value, parts->pairs[index].value, sizeof value);
    return value;
}

bool frame_get_setup(const struct wire_item *item, struct frame_parts *parts,
                     struct frame_setup *setup) {
    size_t count;
    if (item->kind != FRAME_SETUP || !take_pairs(item->pairs, parts, &count) ||
        count <= SETUP_ARGV || !make_room(parts, item->pairs.len, count))
        return false;
    setup->max_response_bytes = number_value(parts, SETUP_MAX_RESPONSE);
    setup->max_memory_bytes = number_value(parts, SETUP_MAX_MEMORY);
    setup->uuid = add_value(parts, SETUP_UUID);
    setup->node_uuid = add_value(parts, SETUP_NODE_UUID);
    setup->route_task = add_value(parts, SETUP_ROUTE_TASK);
    setup->app = add_value(parts, SETUP_APP);
    setup->argc = (int)(count - SETUP_ARGV);
    char **argv = xreallocarray(NULL, count - SETUP_ARGV + 1, sizeof *argv);
    for (size_t i = SETUP_ARGV; i < count; i++)
        argv[i - SETUP_ARGV] = (char *)(uintptr_t)add_value(parts, i);
    argv[count - SETUP_ARGV] = NULL;
    setup->argv = argv;
    return true;
}

/* ---- HELLO ---- */

void frame_put_hello(struct buffer *to, const char *const *tasks, size_t count) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = FRAME_HELLO});
    for (size_t i = 0; i < count; i++)
        put_setting(to, tasks[i], "");
    wire_open_body(to, mark);
    wire_close(to, mark);
}

void frame_put_refusal(struct buffer *to, const char *why) {
    wire_put(to, &(struct wire_item){.kind = FRAME_HELLO, .body = wire_text(why)});
}

/* ---- RUN ---- */

void frame_put_run(struct buffer *to, const struct crew_task_view *task,
                   const struct frame_terms *terms) {
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = FRAME_RUN,
                                          .id = wire_text(task->id),
                                          .budget_ms = terms->left_ms,
                                          .sequence = terms->ticket,
                                          .credit_bytes = terms->place,
                                          .task = wire_text(task->task),
                                          .content_type = wire_text(task->content_type)});
    buffer_append(to, task->pairs, task->pairs_bytes);
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)task->form);
    buffer_append(to, task->body, task->body_bytes);
    wire_close(to, mark);
}

bool frame_get_run(const struct wire_item *item, struct frame_parts *parts,
                   struct crew_task_view *task, struct frame_terms *terms) {
    if (item->kind != FRAME_RUN || item->body.len < 1 ||
        !make_room(parts, item->task.len + item->id.len + item->content_type.len, 3))
        return false;
    *task = (struct crew_task_view){
        .form = item->body.data[0] == CREW_HTTP ? CREW_HTTP : CREW_PLAIN,
        .task = add_text(parts, item->task),
        .id = add_text(parts, item->id),
        .content_type = add_text_or_null(parts, item->content_type),
        .pairs = item->pairs.data,
        .pairs_bytes = item->pairs.len,
        .body = item->body.data + 1,
        .body_bytes = item->body.len - 1,
    };
    *terms = (struct frame_terms){.left_ms = item->budget_ms,
                                  .place = item->credit_bytes,
                                  .ticket = item->sequence};
    return true;
}

/* ---- ANSWER ---- */

bool frame_pairs_fit(const struct crew_pair *pairs, size_t count) {
    const size_t pair_head_bytes = 6;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].name_bytes > UINT16_MAX || pairs[i].value_bytes > LIMIT_PAIRS_BYTES)
            return false;
        bytes += pair_head_bytes + pairs[i].name_bytes + pairs[i].value_bytes;
    }
    return count <= LIMIT_PAIR_COUNT && bytes <= LIMIT_PAIRS_BYTES;
}

static void put_pairs(struct buffer *to, const struct crew_pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++)
        wire_put_pair(to, pairs[i].name, pairs[i].name_bytes, pairs[i].value,
                      pairs[i].value_bytes);
}

uint32_t frame_ticket(const struct wire_item *answer) {
    return answer->credit_bytes;
}

static void put_answer(struct buffer *to, enum frame_kind kind,
                       const struct crew_answer *answer, uint32_t ticket) {
    size_t mark = wire_open(
        to, &(struct wire_item){.kind = (uint8_t)kind,
                                .status = (uint16_t)answer->status,
                                .sequence = (uint32_t)answer->error,
                                .credit_bytes = ticket,
                                .run_us = answer->run_us,
                                .worker = wire_text(answer->worker),
                                .content_type = wire_text(answer->content_type)});
    put_pairs(to, answer->pairs, answer->pair_count);
    wire_open_body(to, mark);
    buffer_append(to, answer->body, answer->body_bytes);
    wire_close(to, mark);
}

void frame_put_answer(struct buffer *to, const struct crew_answer *answer,
                      uint32_t ticket) {
    put_answer(to, FRAME_ANSWER, answer, ticket);
}

void frame_put_head(struct buffer *to, const struct crew_answer *head, uint32_t ticket) {
    put_answer(to, FRAME_HEAD, head, ticket);
}

bool frame_get_answer(const struct wire_item *item, struct frame_parts *parts,
                      struct crew_answer *answer) {
    size_t count;
    if (item->sequence >= CREW_ERROR_COUNT || !take_pairs(item->pairs, parts, &count) ||
        !make_room(parts, item->content_type.len + item->worker.len, 2))
        return false;
    *answer = (struct crew_answer){
        .error = (int)item->sequence,
        .status = item->status,
        .content_type = add_text_or_null(parts, item->content_type),
        .pairs = parts->pairs,
        .pair_count = count,
        .body = item->body.data,
        .body_bytes = item->body.len,
        .run_us = item->run_us,
        .worker = add_text_or_null(parts, item->worker),
    };
    return true;
}

/* ---- one call of a CALL ---- */

static uint8_t call_flags(const struct crew_call *call) {
    return (uint8_t)((call->persistent ? CALL_PERSISTENT : 0) |
                     (call->repeat == CREW_REPEAT_ALWAYS ? CALL_REPEAT : 0) |
                     (call->fail_without_workers ? CALL_FAIL_WITHOUT_WORKERS : 0));
}

void frame_put_call(struct buffer *to, const struct crew_call *call) {
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = FRAME_CALL,
                                          .id = wire_text(call->id),
                                          .budget_ms = call->expiration_ms,
                                          .task = wire_text(call->task),
                                          .content_type = wire_text(call->content_type)});
    put_pairs(to, call->pairs, call->pair_count);
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)call->form);
    buffer_u8(to, call->priority);
    buffer_u8(to, call_flags(call));
    buffer_u8(to, (uint8_t)call->gzip);
    buffer_append(to, call->body, call->body_bytes);
    wire_close(to, mark);
}

bool frame_get_call(const struct wire_item *item, struct frame_parts *parts,
                    struct crew_call *call) {
    size_t count;
    if (item->kind != FRAME_CALL || item->body.len < CALL_HEAD_BYTES ||
        !take_pairs(item->pairs, parts, &count) ||
        !make_room(parts, item->task.len + item->id.len + item->content_type.len, 3))
        return false;
    const uint8_t *head = item->body.data;
    *call = (struct crew_call){
        .form = head[0] <= CREW_PING ? (enum crew_form)head[0] : CREW_PLAIN,
        .task = add_text(parts, item->task),
        .id = add_text_or_null(parts, item->id),
        .expiration_ms = item->budget_ms,
        .priority = head[1],
        .persistent = (head[2] & CALL_PERSISTENT) != 0,
        .repeat = (head[2] & CALL_REPEAT) != 0 ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER,
        .fail_without_workers = (head[2] & CALL_FAIL_WITHOUT_WORKERS) != 0,
        .gzip = head[3] <= CREW_GZIP_ALWAYS ? (enum crew_gzip)head[3] : CREW_GZIP_AUTO,
        .content_type = add_text_or_null(parts, item->content_type),
        .pairs = parts->pairs,
        .pair_count = count,
        .body = head + CALL_HEAD_BYTES,
        .body_bytes = item->body.len - CALL_HEAD_BYTES,
    };
    return true;
}

/* ---- LOG and QUIT ---- */

void frame_put_log(struct buffer *to, enum crew_log_level level, const char *request_id,
                   const char *text) {
    size_t mark = wire_open(
        to, &(struct wire_item){.kind = FRAME_LOG, .id = wire_text(request_id)});
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)level);
    buffer_append_text(to, text);
    wire_close(to, mark);
}

bool frame_get_log(const struct wire_item *item, struct frame_parts *parts,
                   enum crew_log_level *level, const char **request_id,
                   const char **text) {
    if (item->kind != FRAME_LOG || item->body.len < 1 ||
        !make_room(parts, item->id.len + item->body.len, 2))
        return false;
    *level = item->body.data[0] <= CREW_LOG_ERROR
                 ? (enum crew_log_level)item->body.data[0]
                 : CREW_LOG_ERROR;
    *request_id = add_text_or_null(parts, item->id);
    *text = add_text(parts, (struct wire_bytes){item->body.data + 1, item->body.len - 1});
    return true;
}

void frame_put_quit(struct buffer *to) {
    wire_put(to, &(struct wire_item){.kind = FRAME_QUIT});
}
