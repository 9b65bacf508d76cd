#include "amqp/link_op.h"

#include "base/xalloc.h"
#include <assert.h>
#include <stdlib.h>

struct link_op *link_op_new(enum link_op_kind kind, const char *name) {
    struct link_op *op = xcalloc(1, sizeof *op);
    op->kind = kind;
    op->name = xstrdup(name);
    return op;
}

void link_op_free(struct link_op *op) {
    if (op == NULL)
        return;
    free(op->name);
    free(op->type);
    free(op->exchange);
    free(op->key);
    for (size_t i = 0; i < op->argument_count; i++)
        free(op->arguments[i].text);
    free(op->reply_text);
    free(op);
}

static struct link_argument *add_argument(struct link_op *op, const char *name) {
    assert(op->argument_count < LINK_ARGUMENTS_MAX);
    struct link_argument *argument = &op->arguments[op->argument_count++];
    argument->name = name;
    return argument;
}

void link_op_text(struct link_op *op, const char *name, const char *text) {
    add_argument(op, name)->text = xstrdup(text);
}

void link_op_number(struct link_op *op, const char *name, int64_t number) {
    add_argument(op, name)->number = number;
}
