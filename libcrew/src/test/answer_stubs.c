#include "test/answer_stubs.h"

#include "base/xalloc.h"
#include "test/answer.h"
#include <stdlib.h>
#include <string.h>

struct answer_stub {
    char *task;
    crew_test_call_fn *fn;
    void *arg;
    struct crew_answer *fixed; /* ARG of a fixed answer, or null */
    struct answer_stub *next;
};

static void stub_remove(struct answer_stubs *stubs, const char *task) {
    struct answer_stub **at = &stubs->first;
    while (*at != NULL && strcmp((*at)->task, task) != 0)
        at = &(*at)->next;
    struct answer_stub *found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    crew_answer_free(found->fixed);
    free(found->task);
    free(found);
}

static struct answer_stub *stub_add(struct answer_stubs *stubs, const char *task,
                                    crew_test_call_fn *fn, void *arg) {
    struct answer_stub *stub = xcalloc(1, sizeof *stub);
    *stub = (struct answer_stub){
        .task = xstrdup(task), .fn = fn, .arg = arg, .next = stubs->first};
    stubs->first = stub;
    return stub;
}

void answer_stubs_set(struct answer_stubs *stubs, const char *task, crew_test_call_fn *fn,
                      void *arg) {
    stub_remove(stubs, task);
    if (fn != NULL)
        stub_add(stubs, task, fn, arg);
}

static void answer_fixed(void *arg, const struct crew_call *call,
                         struct crew_answer *answer) {
    (void)call;
    *answer = *(struct crew_answer *)arg;
}

void answer_stubs_set_fixed(struct answer_stubs *stubs, const char *task,
                            const struct crew_answer *answer) {
    struct crew_answer *fixed = answer_copy(answer);
    stub_remove(stubs, task);
    stub_add(stubs, task, answer_fixed, fixed)->fixed = fixed;
}

bool answer_stubs_answer(const struct answer_stubs *stubs, const struct crew_call *call,
                         struct crew_answer *answer) {
    const struct answer_stub *stub = stubs->first;
    while (stub != NULL && strcmp(stub->task, call->task) != 0)
        stub = stub->next;
    if (stub == NULL)
        return false;
    stub->fn(stub->arg, call, answer);
    return true;
}

void answer_stubs_fini(struct answer_stubs *stubs) {
    while (stubs->first != NULL)
        stub_remove(stubs, stubs->first->task);
}
