#include "test/recorded_publications.h"

#include "base/xalloc.h"
#include "test/answer.h"
#include <stdlib.h>

void recorded_publications_add(struct recorded_publications *recorded,
                               const struct crew_publication *publication) {
    struct crew_answer *content =
        answer_copy(&(struct crew_answer){.content_type = publication->content_type,
                                          .body = publication->body,
                                          .body_bytes = publication->body_bytes});
    struct crew_publication copy = *publication;
    copy.channel = xstrdup(publication->channel);
    copy.content_type = content->content_type;
    copy.body = content->body;

    size_t count = recorded->count + 1;
    recorded->publications =
        xreallocarray(recorded->publications, count, sizeof *recorded->publications);
    recorded->contents =
        xreallocarray(recorded->contents, count, sizeof(struct crew_answer *));
    recorded->publications[recorded->count] = copy;
    recorded->contents[recorded->count] = content;
    recorded->count = count;
}

void recorded_publications_fini(struct recorded_publications *recorded) {
    for (size_t i = 0; i < recorded->count; i++) {
        free((char *)(uintptr_t)recorded->publications[i].channel);
        crew_answer_free(recorded->contents[i]);
    }
    free(recorded->publications);
    free(recorded->contents);
    *recorded = (struct recorded_publications){0};
}
