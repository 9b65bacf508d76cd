#include "host_run.h"

#include "cmocka_all.h"
#include "task_maker.h"
#include "wire/http_fields.h"
#include <stdio.h>
#include <string.h>

int host_load(const char *path, struct host_port *port, crew_host **host) {
    static char word[] = "argument";
    static char *argv[] = {word, word};
    const struct crew_host_options options = host_port_options(port, path, argv);
    char why[256];
    *port = (struct host_port){0};
    return crew_host_new(&options, host, why, sizeof why);
}

void host_unload(struct host_port *port, crew_host *host) {
    crew_host_free(host);
    host_port_fini(port);
}

struct crew_answer host_run(crew_host *host, enum crew_form form, const char *task,
                            const char *const *params, const char *body) {
    struct task_maker maker;
    struct crew_answer answer;
    task_maker_init(&maker, form, task, params);
    task_maker_body(&maker, body, strlen(body));
    crew_host_run(host, &maker.view, 5000, &answer);
    task_maker_fini(&maker);
    return answer;
}

void assert_answer(const struct crew_answer *answer, int status, const char *body) {
    assert_int_equal(answer->error, CREW_OK);
    assert_int_equal(answer->status, status);
    assert_int_equal(answer->body_bytes, strlen(body));
    if (answer->body_bytes > 0)
        assert_memory_equal(answer->body, body, answer->body_bytes);
}

void assert_outcome(const struct crew_answer *answer, int outcome) {
    assert_int_equal(answer->error, outcome);
    assert_int_equal(answer->status, crew_error_status(outcome));
    assert_int_equal(answer->body_bytes, 0);
}

const char *answer_field(const struct crew_answer *answer, const char *name) {
    static char value[300];
    for (size_t i = 0; i < answer->pair_count; i++) {
        const struct crew_pair *pair = &answer->pairs[i];
        if (http_name_equal(pair->name, pair->name_bytes, name)) {
            snprintf(value, sizeof value, "%.*s", (int)pair->value_bytes, pair->value);
            return value;
        }
    }
    return NULL;
}
