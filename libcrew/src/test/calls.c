/* The calls that handlers make: who answers them, and what the test sees of them. */
#include "test/test_room.h"

#include "base/xalloc.h"
#include <stdlib.h>
#include <string.h>

/* ---- who answers ---- */

static void remove_callee(struct crew_test *test, const char *task) {
    struct callee **at = &test->callees;
    while (*at != NULL && strcmp((*at)->task, task) != 0)
        at = &(*at)->next;
    struct callee *found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    crew_answer_free(found->fixed);
    free(found->task);
    free(found);
}

static struct callee *add_callee(struct crew_test *test, const char *task,
                                 crew_test_call_fn *fn, void *arg) {
    struct callee *callee = xcalloc(1, sizeof *callee);
    *callee = (struct callee){
        .task = xstrdup(task), .fn = fn, .arg = arg, .next = test->callees};
    test->callees = callee;
    return callee;
}

void crew_test_on_call(crew_test *test, const char *task, crew_test_call_fn *fn,
                       void *arg) {
    remove_callee(test, task);
    if (fn != NULL)
        add_callee(test, task, fn, arg);
}

static void give_fixed(void *arg, const struct crew_call *call,
                       struct crew_answer *answer) {
    (void)call;
    *answer = *(struct crew_answer *)arg;
}

void crew_test_answer(crew_test *test, const char *task,
                      const struct crew_answer *answer) {
    struct crew_answer *fixed = test_answer_copy(answer);
    remove_callee(test, task);
    add_callee(test, task, give_fixed, fixed)->fixed = fixed;
}

void crew_test_answer_text(crew_test *test, const char *task, const char *text) {
    const struct crew_answer answer = {.content_type = "text/plain; charset=utf-8",
                                       .body = text,
                                       .body_bytes = strlen(text)};
    crew_test_answer(test, task, &answer);
}

void test_forget_callees(struct crew_test *test) {
    while (test->callees != NULL)
        remove_callee(test, test->callees->task);
}

static const struct callee *callee_of(const struct crew_test *test, const char *task) {
    const struct callee *callee = test->callees;
    while (callee != NULL && strcmp(callee->task, task) != 0)
        callee = callee->next;
    return callee;
}

/* ---- what the test sees ---- */

/* A call of the group, with no more time than the whole has. */
static struct crew_call bounded(const struct crew_group *group, size_t index) {
    struct crew_call call = group->calls[index];
    if (call.expiration_ms > group->expiration_ms)
        call.expiration_ms = group->expiration_ms;
    return call;
}

/* Keep a copy of CALL. What an answer has of it as well is copied as an answer. */
static void see(struct crew_test *test, struct crew_call call) {
    struct crew_answer *parts =
        test_answer_copy(&(struct crew_answer){.content_type = call.content_type,
                                               .pairs = call.pairs,
                                               .pair_count = call.pair_count,
                                               .body = call.body,
                                               .body_bytes = call.body_bytes});
    call.task = xstrdup(call.task);
    call.id = xstrdup(call.id);
    call.content_type = parts->content_type;
    call.pairs = parts->pairs;
    call.body = parts->body;

    size_t count = test->call_count + 1;
    test->calls = xreallocarray(test->calls, count, sizeof *test->calls);
    test->seen = xreallocarray(test->seen, count, sizeof *test->seen);
    test->calls[test->call_count] = call;
    test->seen[test->call_count] = (struct seen_call){.parts = parts};
    test->call_count = count;
}

const struct crew_call *crew_test_calls(const crew_test *test, size_t *count) {
    *count = test->call_count;
    return test->calls;
}

void test_forget_calls(struct crew_test *test) {
    for (size_t i = 0; i < test->call_count; i++) {
        free((char *)test->calls[i].task);
        free((char *)test->calls[i].id);
        crew_answer_free(test->seen[i].parts);
        crew_answer_free(test->seen[i].answer);
    }
    free(test->calls);
    free(test->seen);
    test->calls = NULL;
    test->seen = NULL;
    test->call_count = 0;
}

/* ---- the port ---- */

static struct crew_answer answer_of(struct crew_test *test, const struct crew_call *call,
                                    bool is_cancelled) {
    struct crew_answer answer = {0};
    const struct callee *callee = callee_of(test, call->task);
    if (is_cancelled)
        answer.error = CREW_ECANCELLED;
    else if (callee != NULL)
        callee->fn(callee->arg, call, &answer);
    else if (test_serves(test, call->task))
        test_run(test, call, &answer);
    else
        answer.error = CREW_ENOWORKERS;
    if (answer.status == 0)
        answer.status = answer.error != 0 ? crew_error_status(answer.error) : 200;
    return answer;
}

/* As crew_client_group_wait ends a group whose answers come in the order of the calls. */
int test_group(void *arg, const struct crew_group *group,
               const struct crew_answer *answers[]) {
    struct crew_test *test = arg;
    const struct crew_host_port *port = &test->options.port;
    if (port->stopping(port->arg))
        return CREW_ETIMEOUT;
    size_t first = test->call_count;
    for (size_t i = 0; i < group->count; i++)
        see(test, bounded(group, i));

    bool is_over = false, any_answered = false;
    int first_error = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct crew_call call = bounded(group, i);
        struct crew_answer answer = answer_of(test, &call, is_over);
        answers[i] = test->seen[first + i].answer = test_answer_copy(&answer);
        if (is_over)
            continue;
        if (answer.error == 0)
            any_answered = true;
        else if (first_error == 0)
            first_error = answer.error;
        is_over = group->end == CREW_GROUP_FIRST ||
                  (group->end == CREW_GROUP_ANY && any_answered);
    }
    return group->end != CREW_GROUP_ALL && any_answered ? 0 : first_error;
}
