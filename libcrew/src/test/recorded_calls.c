#include "test/recorded_calls.h"

#include "base/xalloc.h"
#include "test/answer.h"
#include <stdlib.h>

/* Pairs, content type and body are fields of crew_answer too, so crew_answer_copy copies
 * them. */
void recorded_calls_add(struct recorded_calls *recorded, const struct crew_call *call) {
    struct crew_answer *content =
        answer_copy(&(struct crew_answer){.content_type = call->content_type,
                                          .pairs = call->pairs,
                                          .pair_count = call->pair_count,
                                          .body = call->body,
                                          .body_bytes = call->body_bytes});
    struct crew_call copy = *call;
    copy.task = xstrdup(call->task);
    copy.id = xstrdup(call->id);
    copy.content_type = content->content_type;
    copy.pairs = content->pairs;
    copy.body = content->body;

    size_t count = recorded->count + 1;
    recorded->calls = xreallocarray(recorded->calls, count, sizeof *recorded->calls);
    recorded->records =
        xreallocarray(recorded->records, count, sizeof *recorded->records);
    recorded->calls[recorded->count] = copy;
    recorded->records[recorded->count] = (struct recorded_call){.content = content};
    recorded->count = count;
}

const struct crew_answer *recorded_calls_answer(struct recorded_calls *recorded,
                                                size_t index,
                                                const struct crew_answer *answer) {
    return recorded->records[index].answer = answer_copy(answer);
}

void recorded_calls_fini(struct recorded_calls *recorded) {
    for (size_t i = 0; i < recorded->count; i++) {
        free((char *)recorded->calls[i].task);
        free((char *)recorded->calls[i].id);
        crew_answer_free(recorded->records[i].content);
        crew_answer_free(recorded->records[i].answer);
    }
    free(recorded->calls);
    free(recorded->records);
    *recorded = (struct recorded_calls){0};
}
