#include "task_maker.h"

#include "wire/envelope.h"
#include <string.h>

void task_maker_init(struct task_maker *maker, enum crew_form form, const char *task,
                     const char *const *params) {
    *maker = (struct task_maker){0};
    for (; *params != NULL; params += 2)
        wire_put_pair(&maker->pairs, params[0], strlen(params[0]), params[1],
                      strlen(params[1]));
    maker->view = (struct crew_task_view){.form = form,
                                          .task = task,
                                          .id = "id-1",
                                          .pairs = maker->pairs.data,
                                          .pairs_bytes = maker->pairs.len};
}

void task_maker_body(struct task_maker *maker, const void *body, size_t bytes) {
    maker->view.body = body;
    maker->view.body_bytes = bytes;
}

void task_maker_fini(struct task_maker *maker) {
    buffer_fini(&maker->pairs);
}
