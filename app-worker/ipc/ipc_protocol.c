/* What an item has no field for is put before the body: the form of a request or call, a
 * call's priority and flags, the end of a group, the level of a log line. How a call
 * ended is sent as its number (in `sequence`), because a call that was not accepted has
 * no error word. */
#include "app-worker/ipc/ipc_protocol.h"

#include "base/xalloc.h"
#include "wire/limits.h"
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024 };

enum call_flag { CALL_PERSISTENT = 1, CALL_REPEAT = 2, CALL_FAIL_WITHOUT_WORKERS = 4 };

#define CALL_HEAD_BYTES 4                   /* form, priority, flags, gzip */
#define ANSWERS_MAX_BYTES ((size_t)1 << 30) /* an item's length has 32 bits */

void ipc_scratch_fini(struct ipc_scratch *scratch) {
    free(scratch->pairs);
    buffer_fini(&scratch->strings);
    *scratch = (struct ipc_scratch){0};
}

/* ---- scratch ---- */

static bool take_pairs(struct wire_bytes block, struct ipc_scratch *scratch,
                       size_t *count) {
    if (!wire_pairs_valid(block, count))
        return false;
    if (*count > scratch->pair_cap) {
        scratch->pairs = xreallocarray(scratch->pairs, *count, sizeof *scratch->pairs);
        scratch->pair_cap = *count;
    }
    for (size_t i = 0; i < *count; i++)
        wire_pairs_next(&block, &scratch->pairs[i]);
    return true;
}

/* Reserve BYTES for strings: their addresses do not change while they are added. */
static bool reserve_strings(struct ipc_scratch *scratch, size_t bytes, size_t strings) {
    buffer_reset(&scratch->strings, KEPT_BYTES);
    return buffer_reserve(&scratch->strings, bytes + strings) != NULL;
}

static const char *add_string(struct ipc_scratch *scratch, struct wire_bytes text) {
    size_t at = scratch->strings.len;
    buffer_append(&scratch->strings, text.data, text.len);
    buffer_u8(&scratch->strings, 0);
    return (const char *)scratch->strings.data + at;
}

static const char *add_string_or_null(struct ipc_scratch *scratch,
                                      struct wire_bytes text) {
    return text.len > 0 ? add_string(scratch, text) : NULL;
}

/* ---- SETUP ---- */

static void put_setting(struct buffer *to, const char *name, const char *value) {
    wire_put_pair(to, name, strlen(name), value, strlen(value));
}

static void put_number(struct buffer *to, size_t value) {
    wire_put_pair(to, "", 0, (const char *)&value, sizeof value);
}

/* Two numbers, four names, then the arguments of the command line, in this order. */
enum setup_pair {
    SETUP_MAX_RESPONSE,
    SETUP_MAX_MEMORY,
    SETUP_UUID,
    SETUP_NODE_UUID,
    SETUP_ROUTE_TASK,
    SETUP_APP,
    SETUP_ARGV
};

void ipc_put_setup(struct buffer *to, const struct ipc_setup *setup) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = IPC_SETUP});
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

static const char *add_value(struct ipc_scratch *scratch, size_t index) {
    const struct crew_pair *pair = &scratch->pairs[index];
    return add_string(
        scratch, (struct wire_bytes){(const uint8_t *)pair->value, pair->value_bytes});
}

static size_t number_value(const struct ipc_scratch *scratch, size_t index) {
    size_t value = 0;
    if (scratch->pairs[index].value_bytes == sizeof value)
        memcpy(&value, scratch->pairs[index].value, sizeof value);
    return value;
}

bool ipc_get_setup(const struct wire_item *item, struct ipc_scratch *scratch,
                   struct ipc_setup *setup) {
    size_t count;
    if (item->kind != IPC_SETUP || !take_pairs(item->pairs, scratch, &count) ||
        count <= SETUP_ARGV || !reserve_strings(scratch, item->pairs.len, count))
        return false;
    setup->max_response_bytes = number_value(scratch, SETUP_MAX_RESPONSE);
    setup->max_memory_bytes = number_value(scratch, SETUP_MAX_MEMORY);
    setup->uuid = add_value(scratch, SETUP_UUID);
    setup->node_uuid = add_value(scratch, SETUP_NODE_UUID);
    setup->route_task = add_value(scratch, SETUP_ROUTE_TASK);
    setup->app = add_value(scratch, SETUP_APP);
    setup->argc = (int)(count - SETUP_ARGV);
    char **argv = xreallocarray(NULL, count - SETUP_ARGV + 1, sizeof *argv);
    for (size_t i = SETUP_ARGV; i < count; i++)
        argv[i - SETUP_ARGV] = (char *)(uintptr_t)add_value(scratch, i);
    argv[count - SETUP_ARGV] = NULL;
    setup->argv = argv;
    return true;
}

/* ---- HELLO ---- */

void ipc_put_hello(struct buffer *to, const char *const *tasks, size_t count) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = IPC_HELLO});
    for (size_t i = 0; i < count; i++)
        put_setting(to, tasks[i], "");
    wire_open_body(to, mark);
    wire_close(to, mark);
}

void ipc_put_load_error(struct buffer *to, const char *why) {
    wire_put(to, &(struct wire_item){.kind = IPC_HELLO, .body = wire_text(why)});
}

/* ---- RUN ---- */

void ipc_put_run(struct buffer *to, const struct crew_task_view *task,
                 const struct ipc_run_terms *terms) {
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = IPC_RUN,
                                          .id = wire_text(task->id),
                                          .budget_ms = terms->left_ms,
                                          .sequence = terms->generation,
                                          .credit_bytes = terms->slot,
                                          .task = wire_text(task->task),
                                          .content_type = wire_text(task->content_type)});
    buffer_append(to, task->pairs, task->pairs_bytes);
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)task->form);
    buffer_append(to, task->body, task->body_bytes);
    wire_close(to, mark);
}

bool ipc_get_run(const struct wire_item *item, struct ipc_scratch *scratch,
                 struct crew_task_view *task, struct ipc_run_terms *terms) {
    if (item->kind != IPC_RUN || item->body.len < 1 ||
        !reserve_strings(scratch, item->task.len + item->id.len + item->content_type.len,
                         3))
        return false;
    *task = (struct crew_task_view){
        .form = item->body.data[0] == CREW_HTTP ? CREW_HTTP : CREW_PLAIN,
        .task = add_string(scratch, item->task),
        .id = add_string(scratch, item->id),
        .content_type = add_string_or_null(scratch, item->content_type),
        .pairs = item->pairs.data,
        .pairs_bytes = item->pairs.len,
        .body = item->body.data + 1,
        .body_bytes = item->body.len - 1,
    };
    *terms = (struct ipc_run_terms){.left_ms = item->budget_ms,
                                    .slot = item->credit_bytes,
                                    .generation = item->sequence};
    return true;
}

/* ---- ANSWER ---- */

bool ipc_pairs_fit(const struct crew_pair *pairs, size_t count) {
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

uint32_t ipc_generation(const struct wire_item *answer) {
    return answer->credit_bytes;
}

static void put_answer(struct buffer *to, enum ipc_kind kind,
                       const struct crew_answer *answer, uint32_t generation) {
    size_t mark = wire_open(
        to, &(struct wire_item){.kind = (uint8_t)kind,
                                .status = (uint16_t)answer->status,
                                .sequence = (uint32_t)answer->error,
                                .credit_bytes = generation,
                                .run_us = answer->run_us,
                                .worker = wire_text(answer->worker),
                                .content_type = wire_text(answer->content_type)});
    put_pairs(to, answer->pairs, answer->pair_count);
    wire_open_body(to, mark);
    buffer_append(to, answer->body, answer->body_bytes);
    wire_close(to, mark);
}

void ipc_put_answer(struct buffer *to, const struct crew_answer *answer,
                    uint32_t generation) {
    put_answer(to, IPC_ANSWER, answer, generation);
}

void ipc_put_head(struct buffer *to, const struct crew_answer *head,
                  uint32_t generation) {
    put_answer(to, IPC_HEAD, head, generation);
}

bool ipc_get_answer(const struct wire_item *item, struct ipc_scratch *scratch,
                    struct crew_answer *answer) {
    size_t count;
    if (item->sequence >= CREW_ERROR_COUNT || !take_pairs(item->pairs, scratch, &count) ||
        !reserve_strings(scratch, item->content_type.len + item->worker.len, 2))
        return false;
    *answer = (struct crew_answer){
        .error = (int)item->sequence,
        .status = item->status,
        .content_type = add_string_or_null(scratch, item->content_type),
        .pairs = scratch->pairs,
        .pair_count = count,
        .body = item->body.data,
        .body_bytes = item->body.len,
        .run_us = item->run_us,
        .worker = add_string_or_null(scratch, item->worker),
    };
    return true;
}

/* ---- one call of a CALL ---- */

static uint8_t call_flags(const struct crew_call *call) {
    return (uint8_t)((call->persistent ? CALL_PERSISTENT : 0) |
                     (call->repeat == CREW_REPEAT_ALWAYS ? CALL_REPEAT : 0) |
                     (call->fail_without_workers ? CALL_FAIL_WITHOUT_WORKERS : 0));
}

static void put_one_call(struct buffer *to, const struct crew_call *call) {
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = IPC_CALL,
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

static bool get_one_call(const struct wire_item *item, struct ipc_scratch *scratch,
                         struct crew_call *call) {
    size_t count;
    if (item->kind != IPC_CALL || item->body.len < CALL_HEAD_BYTES ||
        !take_pairs(item->pairs, scratch, &count) ||
        !reserve_strings(scratch, item->task.len + item->id.len + item->content_type.len,
                         3))
        return false;
    const uint8_t *head = item->body.data;
    *call = (struct crew_call){
        .form = head[0] <= CREW_PING ? (enum crew_form)head[0] : CREW_PLAIN,
        .task = add_string(scratch, item->task),
        .id = add_string_or_null(scratch, item->id),
        .expiration_ms = item->budget_ms,
        .priority = head[1],
        .persistent = (head[2] & CALL_PERSISTENT) != 0,
        .repeat = (head[2] & CALL_REPEAT) != 0 ? CREW_REPEAT_ALWAYS : CREW_REPEAT_NEVER,
        .fail_without_workers = (head[2] & CALL_FAIL_WITHOUT_WORKERS) != 0,
        .gzip = head[3] <= CREW_GZIP_ALWAYS ? (enum crew_gzip)head[3] : CREW_GZIP_AUTO,
        .content_type = add_string_or_null(scratch, item->content_type),
        .pairs = scratch->pairs,
        .pair_count = count,
        .body = head + CALL_HEAD_BYTES,
        .body_bytes = item->body.len - CALL_HEAD_BYTES,
    };
    return true;
}

/* ---- CALL ---- */

static bool call_fits(const struct crew_call *call, size_t room) {
    return call->body_bytes <= room &&
           (call->id == NULL || strlen(call->id) <= LIMIT_ITEM_ID_BYTES) &&
           (call->content_type == NULL || strlen(call->content_type) <= UINT8_MAX) &&
           ipc_pairs_fit(call->pairs, call->pair_count);
}

bool ipc_call_fits(const struct crew_group *group) {
    size_t room = LIMIT_MESSAGE_BYTES;
    for (size_t i = 0; i < group->count; i++) {
        if (!call_fits(&group->calls[i], room))
            return false;
        room -= group->calls[i].body_bytes;
    }
    return true;
}

void ipc_put_call(struct buffer *to, const struct crew_group *group) {
    size_t mark = wire_open(to, &(struct wire_item){.kind = IPC_CALL,
                                                    .budget_ms = group->expiration_ms,
                                                    .sequence = (uint32_t)group->count});
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)group->end);
    for (size_t i = 0; i < group->count; i++)
        put_one_call(to, &group->calls[i]);
    wire_close(to, mark);
}

/* The next of the items inside another. Their number is checked by the caller. */
static bool next_inside(struct wire_reader *reader, struct wire_item *item) {
    reader->items = 0;
    return wire_next(reader, item) == 1;
}

static bool get_calls(struct wire_reader *reader, struct ipc_call *call) {
    struct wire_item item;
    for (size_t i = 0; i < call->group.count; i++)
        if (!next_inside(reader, &item) ||
            !get_one_call(&item, &call->scratch[i], &call->calls[i]))
            return false;
    return reader->at == reader->end;
}

bool ipc_get_call(const struct wire_item *item, struct ipc_call *call) {
    *call = (struct ipc_call){.group.calls = NULL};
    if (item->kind != IPC_CALL || item->body.len < 1 || item->sequence == 0 ||
        item->sequence > CREW_GROUP_MAX || item->body.data[0] > CREW_GROUP_FIRST)
        return false;
    call->group = (struct crew_group){.end = (enum crew_group_end)item->body.data[0],
                                      .count = item->sequence,
                                      .expiration_ms = item->budget_ms};
    call->calls = xcalloc(1, call->group.count * sizeof *call->calls);
    call->scratch = xcalloc(1, call->group.count * sizeof *call->scratch);
    call->group.calls = call->calls;
    struct wire_reader reader = {.at = item->body.data + 1,
                                 .end = item->body.data + item->body.len};
    return get_calls(&reader, call);
}

static void scratch_fini(struct ipc_scratch *scratch, size_t count) {
    for (size_t i = 0; scratch != NULL && i < count; i++)
        ipc_scratch_fini(&scratch[i]);
    free(scratch);
}

void ipc_call_fini(struct ipc_call *call) {
    scratch_fini(call->scratch, call->group.count);
    free(call->calls);
}

/* ---- CALLED ---- */

void ipc_put_call_result(struct buffer *to, int error,
                         const struct crew_answer *const answers[], size_t count) {
    const struct crew_answer too_large = {.error = CREW_ETOOLARGE,
                                          .status = crew_error_status(CREW_ETOOLARGE)};
    size_t room = ANSWERS_MAX_BYTES;
    size_t mark = wire_open(to, &(struct wire_item){.kind = IPC_CALL_RESULT,
                                                    .status = (uint16_t)error,
                                                    .sequence = (uint32_t)count});
    wire_open_body(to, mark);
    for (size_t i = 0; i < count; i++) {
        bool fits = answers[i]->body_bytes <= room;
        ipc_put_answer(to, fits ? answers[i] : &too_large, 0);
        room -= fits ? answers[i]->body_bytes : 0;
    }
    wire_close(to, mark);
}

bool ipc_get_call_result(const struct wire_item *item, struct ipc_call_result *result) {
    *result = (struct ipc_call_result){.error = item->status, .count = item->sequence};
    if (item->kind != IPC_CALL_RESULT || result->count > CREW_GROUP_MAX) {
        result->count = 0;
        return false;
    }
    result->answers = xcalloc(1, (result->count + 1) * sizeof *result->answers);
    result->scratch = xcalloc(1, (result->count + 1) * sizeof *result->scratch);
    struct wire_reader reader = {.at = item->body.data,
                                 .end = item->body.data + item->body.len};
    struct wire_item inside;
    for (size_t i = 0; i < result->count; i++)
        if (!next_inside(&reader, &inside) ||
            !ipc_get_answer(&inside, &result->scratch[i], &result->answers[i]))
            return false;
    return true;
}

void ipc_call_result_fini(struct ipc_call_result *result) {
    scratch_fini(result->scratch, result->count);
    free(result->answers);
}

/* ---- PUBLISH and PUBLISH_RESULT: the channel is in the field for a task ---- */

void ipc_put_publish(struct buffer *to, const struct crew_publication *p) {
    wire_put(to, &(struct wire_item){.kind = IPC_PUBLISH,
                                     .budget_ms = p->expiration_ms,
                                     .status = p->persistent,
                                     .task = wire_text(p->channel),
                                     .content_type = wire_text(p->content_type),
                                     .body = {p->body, p->body_bytes}});
}

bool ipc_get_publish(const struct wire_item *item, struct ipc_publish *publish) {
    *publish = (struct ipc_publish){.strings = BUFFER_INIT};
    if (item->kind != IPC_PUBLISH)
        return false;
    struct buffer *strings = &publish->strings;
    size_t type_at = item->task.len + 1;
    buffer_append(strings, item->task.data, item->task.len);
    buffer_u8(strings, 0);
    buffer_append(strings, item->content_type.data, item->content_type.len);
    buffer_u8(strings, 0);
    if (strings->failed)
        return false;
    const char *channel = (const char *)strings->data;
    publish->publication = (struct crew_publication){
        .channel = channel,
        .content_type = item->content_type.len > 0 ? channel + type_at : NULL,
        .body = item->body.data,
        .body_bytes = item->body.len,
        .persistent = item->status != 0,
        .expiration_ms = item->budget_ms,
    };
    return true;
}

void ipc_publish_fini(struct ipc_publish *publish) {
    buffer_fini(&publish->strings);
}

void ipc_put_publish_result(struct buffer *to, int error) {
    wire_put(to,
             &(struct wire_item){.kind = IPC_PUBLISH_RESULT, .status = (uint16_t)error});
}

bool ipc_get_publish_result(const struct wire_item *item, int *error) {
    if (item->kind != IPC_PUBLISH_RESULT)
        return false;
    *error = item->status;
    return true;
}

/* ---- CHUNK and CREDIT ---- */

void ipc_put_chunk(struct buffer *to, const void *data, size_t bytes,
                   uint32_t generation) {
    wire_put(to, &(struct wire_item){.kind = IPC_CHUNK,
                                     .credit_bytes = generation,
                                     .body = {data, bytes}});
}

void ipc_put_credit(struct buffer *to, const struct ipc_credit *credit) {
    wire_put(to, &(struct wire_item){.kind = IPC_CREDIT,
                                     .sequence = credit->generation,
                                     .credit_bytes = credit->allowed_bytes,
                                     .status = credit->stop});
}

bool ipc_get_credit(const struct wire_item *item, struct ipc_credit *credit) {
    *credit = (struct ipc_credit){.generation = item->sequence,
                                  .allowed_bytes = item->credit_bytes,
                                  .stop = item->status != 0};
    return item->kind == IPC_CREDIT;
}

/* ---- LOG and QUIT ---- */

void ipc_put_log(struct buffer *to, enum crew_log_level level, const char *request_id,
                 const char *text) {
    size_t mark =
        wire_open(to, &(struct wire_item){.kind = IPC_LOG, .id = wire_text(request_id)});
    wire_open_body(to, mark);
    buffer_u8(to, (uint8_t)level);
    buffer_append_text(to, text);
    wire_close(to, mark);
}

bool ipc_get_log(const struct wire_item *item, struct ipc_scratch *scratch,
                 enum crew_log_level *level, const char **request_id, const char **text) {
    if (item->kind != IPC_LOG || item->body.len < 1 ||
        !reserve_strings(scratch, item->id.len + item->body.len, 2))
        return false;
    *level = item->body.data[0] <= CREW_LOG_ERROR
                 ? (enum crew_log_level)item->body.data[0]
                 : CREW_LOG_ERROR;
    *request_id = add_string_or_null(scratch, item->id);
    *text =
        add_string(scratch, (struct wire_bytes){item->body.data + 1, item->body.len - 1});
    return true;
}

void ipc_put_quit(struct buffer *to) {
    wire_put(to, &(struct wire_item){.kind = IPC_QUIT});
}
