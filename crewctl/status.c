/* crewctl status: shows the messages and consumers of task queues. It declares nothing
 * and sends nothing.
 */
#include "base/xalloc.h"
#include "command.h"
#include "commands.h"
#include "connection.h"
#include "exit_status.h"
#include "output.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TASK "http"
#define ANSWER_WAIT_MS 5000

static struct { bool json; } values;

const struct option_row status_rows[] = {
    {.kind = OPTION_FLAG,
     .name = "json",
     .value = &values.json,
     .help = "print a JSON array of objects"},
    {.name = NULL},
};

struct task_status {
    const char *task;
    struct crew_queue queue;
};

static const char *state_of(const struct crew_queue *queue) {
    if (queue->error == CREW_ENOWORKERS)
        return "no-queue";
    if (queue->error != 0)
        return "unknown";
    return queue->consumers == 0 ? "no-consumers" : "ok";
}

static int status_of(const struct task_status *tasks, size_t count) {
    int worst = EXIT_ANSWERED;
    for (size_t i = 0; i < count; i++) {
        const struct crew_queue *queue = &tasks[i].queue;
        int error =
            queue->error == 0 && queue->consumers == 0 ? CREW_ENOWORKERS : queue->error;
        int status = exit_status_of(error);
        worst = status > worst ? status : worst;
    }
    return worst;
}

/* ---- text ---- */

static void print_table(const struct task_status *tasks, size_t count) {
    int width = (int)strlen("TASK");
    for (size_t i = 0; i < count; i++) {
        int bytes = (int)strlen(tasks[i].task);
        width = bytes > width ? bytes : width;
    }
    output_text("%-*s  MESSAGES  CONSUMERS  STATE\n", width, "TASK");
    for (size_t i = 0; i < count; i++) {
        const struct crew_queue *queue = &tasks[i].queue;
        output_text("%-*s  ", width, tasks[i].task);
        if (queue->error == 0)
            output_text("%8u  %9u", queue->messages, queue->consumers);
        else
            output_text("%8s  %9s", "-", "-");
        output_text("  %s\n", state_of(queue));
    }
}

/* ---- JSON ---- */

static json_t *number(const struct crew_queue *queue, uint32_t value) {
    return queue->error == 0 ? json_integer(value) : json_null();
}

static void print_json(const struct task_status *tasks, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct crew_queue *queue = &tasks[i].queue;
        json_array_append_new(
            array, json_pack("{s:s, s:s+, s:o, s:o, s:s}", "task", tasks[i].task, "queue",
                             "crew.tasks.", tasks[i].task, "messages",
                             number(queue, queue->messages), "consumers",
                             number(queue, queue->consumers), "state", state_of(queue)));
    }
    char *text = json_dumps(array, JSON_INDENT(2));
    output_text("%s\n", text != NULL ? text : "[]");
    free(text);
    json_decref(array);
}

/* ---- the command ---- */

static void query_all(struct connection *connection, struct task_status *tasks,
                      size_t count) {
    for (size_t i = 0; i < count; i++)
        crew_client_queue_wait(connection->client, tasks[i].task, ANSWER_WAIT_MS,
                               &tasks[i].queue);
}

int status_run(const struct crew_broker *broker, char *const *arguments, size_t count) {
    struct connection connection;
    size_t task_count = count > 0 ? count : 1;
    struct task_status *tasks = xcalloc(1, task_count * sizeof *tasks);
    for (size_t i = 0; i < task_count; i++)
        tasks[i].task = command_task(count > 0 ? arguments[i] : DEFAULT_TASK);
    int status = connection_open(&connection, broker, CONNECT_MAX_MS);
    if (status == 0) {
        query_all(&connection, tasks, task_count);
        (values.json ? print_json : print_table)(tasks, task_count);
        status = status_of(tasks, task_count);
    }
    connection_close(&connection);
    free(tasks);
    return status;
}
