/* What handlers publish: the test sees it, and nobody else. */
#include "test/test_room.h"

#include "base/xalloc.h"
#include <stdlib.h>

int test_publish(void *arg, const struct crew_publication *publication) {
    struct crew_test *test = arg;
    struct crew_answer *parts =
        test_answer_copy(&(struct crew_answer){.content_type = publication->content_type,
                                               .body = publication->body,
                                               .body_bytes = publication->body_bytes});
    struct crew_publication seen = *publication;
    seen.channel = xstrdup(publication->channel);
    seen.content_type = parts->content_type;
    seen.body = parts->body;

    size_t count = test->publish_count + 1;
    test->publishes = xreallocarray(test->publishes, count, sizeof *test->publishes);
    test->publish_parts =
        xreallocarray(test->publish_parts, count, sizeof(struct crew_answer *));
    test->publishes[test->publish_count] = seen;
    test->publish_parts[test->publish_count] = parts;
    test->publish_count = count;
    return test->publish_error;
}

void crew_test_fail_publishes(crew_test *test, int error) {
    test->publish_error = error;
}

const struct crew_publication *crew_test_publishes(const crew_test *test, size_t *count) {
    *count = test->publish_count;
    return test->publishes;
}

void test_forget_publishes(struct crew_test *test) {
    for (size_t i = 0; i < test->publish_count; i++) {
        free((char *)(uintptr_t)test->publishes[i].channel);
        crew_answer_free(test->publish_parts[i]);
    }
    free(test->publishes);
    free(test->publish_parts);
    test->publishes = NULL;
    test->publish_parts = NULL;
    test->publish_count = 0;
}
