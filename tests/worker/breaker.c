/* breaker.so PREFIX - plain tasks named PREFIX.NAME, for the tests of app-worker. */
#include "app-worker/ipc/ipc_protocol.h"
#include <crew/app.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *prefix = "";

static const char *body_text(const crew_request *request) {
    size_t bytes;
    return crew_request_body(request, &bytes);
}

static void sleep_ms(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* ---- tasks that work ---- */

static int ping(crew_request *request, crew_response *response) {
    (void)request;
    return crew_response_text(response, "pong");
}

static int who(crew_request *request, crew_response *response) {
    return crew_response_printf(response, "%d %s %s", (int)getpid(),
                                crew_request_uuid(request),
                                crew_request_node_uuid(request));
}

static int echo(crew_request *request, crew_response *response) {
    size_t bytes;
    const void *body = crew_request_body(request, &bytes);
    crew_response_header(response, "Content-Type", crew_request_content_type(request));
    return crew_response_write(response, body, bytes);
}

static int bytes(crew_request *request, crew_response *response) {
    size_t count = strtoul(body_text(request), NULL, 10);
    char *data = calloc(count + 1, 1);
    int error = data == NULL ? ENOMEM : crew_response_write(response, data, count);
    free(data);
    return error;
}

/* The body: milliseconds, a file, a line for it. The line is written before the sleep. */
static int note(crew_request *request, crew_response *response) {
    char file[256], line[128];
    long ms;
    if (sscanf(body_text(request), "%ld %255s %126s", &ms, file, line) != 3)
        return EINVAL;
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    size_t length = strlen(line);
    line[length] = '\n';
    if (fd < 0 || write(fd, line, length + 1) < 0)
        return EIO;
    close(fd);
    sleep_ms(ms);
    return crew_response_text(response, "noted");
}

static int shout(crew_request *request, crew_response *response) {
    crew_request_log(request, CREW_LOG_WARNING, "shouted: %s", body_text(request));
    return crew_response_text(response, "ok");
}

/* The body: how many pieces of ten bytes, each flushed. */
static int pieces(crew_request *request, crew_response *response) {
    long count = strtol(body_text(request), NULL, 10);
    int error = 0;
    for (long i = 0; i < count && error == 0; i++) {
        error = crew_response_printf(response, "%9ld\n", i);
        if (error == 0)
            error = crew_response_flush(response);
    }
    return error;
}

/* ---- those that call ---- */

static int call_other(crew_request *request, const char *name, const char *text,
                      const struct crew_answer **answer) {
    char task[256];
    snprintf(task, sizeof task, "%s.%s", prefix, name);
    return crew_request_call(request,
                             &(struct crew_call){.task = task,
                                                 .content_type = "text/plain",
                                                 .body = text,
                                                 .body_bytes = strlen(text)},
                             answer);
}

#define GATHER_MOST 64

/* "all NAME=TEXT NAME=TEXT ...": calls these at once; a line for each answer, and one for
 * the whole. */
static int gather(crew_request *request, crew_response *response) {
    static const char *const ends[] = {"all", "any", "first"};
    struct crew_call calls[GATHER_MOST] = {0};
    char tasks[GATHER_MOST][256];
    const struct crew_answer *answers[GATHER_MOST];
    struct crew_group group = {.calls = calls, .expiration_ms = 3000};
    char *rest, *words = strdup(body_text(request));
    const char *end = strtok_r(words, " ", &rest);
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(end, ends[i]) == 0)
            group.end = (enum crew_group_end)i;
    char *word;
    while ((word = strtok_r(NULL, " ", &rest)) != NULL && group.count < GATHER_MOST) {
        char *text = strchr(word, '=');
        *text++ = '\0';
        snprintf(tasks[group.count], sizeof tasks[0], "%s.%s", prefix, word);
        calls[group.count].task = tasks[group.count];
        crew_call_text(&calls[group.count++], text);
    }
    int error = crew_request_group(request, &group, answers);
    free(words);
    for (size_t i = 0; i < group.count; i++) {
        if (answers[i]->error != 0)
            crew_response_printf(response, "%s\n", crew_error_word(answers[i]->error));
        else
            crew_response_printf(response, "%.*s\n", (int)answers[i]->body_bytes,
                                 (const char *)answers[i]->body);
    }
    return crew_response_printf(response, "%s\n",
                                error == 0 ? "ok" : crew_error_word(error));
}

/* Calls itself as often as the body says, and lists the processes that ran it. */
static int chain(crew_request *request, crew_response *response) {
    const struct crew_answer *answer;
    char text[32];
    long depth = strtol(body_text(request), NULL, 10);
    crew_response_printf(response, "%d", (int)getpid());
    if (depth <= 0)
        return 0;
    snprintf(text, sizeof text, "%ld", depth - 1);
    int error = call_other(request, "chain", text, &answer);
    if (error != CREW_OK)
        return error;
    crew_response_text(response, " ");
    return crew_response_write(response, answer->body, answer->body_bytes);
}

/* Calls a task that hangs; the error of that call is logged when it returns. */
static int call_hang(crew_request *request, crew_response *response) {
    const struct crew_answer *answer;
    int error = call_other(request, "hang", "polite", &answer);
    crew_request_log(request, CREW_LOG_WARNING, "the call ended with %s",
                     crew_error_word(error));
    return crew_response_text(response, "late");
}

/* "MS CHANNEL": sleeps, and publishes "said" on the channel; tells what came of it, and
 * in the log, too. */
static int say(crew_request *request, crew_response *response) {
    char channel[256];
    long ms;
    if (sscanf(body_text(request), "%ld %255s", &ms, channel) != 2)
        return EINVAL;
    sleep_ms(ms);
    int error = crew_request_publish(request, channel, "text/x-said", "said", 4);
    const char *word = crew_error_word(error);
    const char *outcome = error == 0 ? "ok" : word != NULL ? word : crew_strerror(error);
    crew_request_log(request, CREW_LOG_WARNING, "publishing ended with %s", outcome);
    return crew_response_text(response, outcome);
}

/* ---- those that break ---- */

/* A descendant holds the socket open when the handler process has exited. */
static void leave_child_behind(void) {
    if (fork() == 0)
        sleep_ms(60 * 1000);
}

/* An answer to the running task may not come while the process waits for a call. */
static void answer_while_it_waits(void) {
    char name[256];
    const struct crew_call call = {.task = name, .expiration_ms = 60 * 1000};
    const struct crew_group group = {.calls = &call, .count = 1};
    const struct crew_answer answer = {.status = 200};
    struct buffer out = BUFFER_INIT;
    snprintf(name, sizeof name, "%s.absent", prefix);
    ipc_put_call(&out, &group);
    for (uint32_t generation = 1; generation <= 1000; generation++)
        ipc_put_answer(&out, &answer, generation);
    if (out.failed || write(3, out.data, out.len) < 0)
        abort();
    buffer_fini(&out);
}

static int crash(crew_request *request, crew_response *response) {
    const char *how = body_text(request);
    (void)response;
    if (strcmp(how, "segv") == 0)
        raise(SIGSEGV);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(how, "exit") == 0)
        exit(0);
    else if (strcmp(how, "closefds") == 0)
        close_range(0, ~0U, 0);
    else if (strcmp(how, "garbage") == 0 && write(3, "\0\0\0\1\377garbage", 12) < 0)
        return EIO;
    else if (strcmp(how, "huge") == 0 && write(3, "\377\377\377\377", 4) < 0)
        return EIO;
    else if (strcmp(how, "answer") == 0)
        answer_while_it_waits();
    else if (strcmp(how, "orphan") == 0)
        leave_child_behind(), _exit(3);
    for (;;)
        pause();
}

static int hang(crew_request *request, crew_response *response) {
    const char *how = body_text(request);
    if (strcmp(how, "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    while (strcmp(how, "polite") != 0 || !crew_request_stopping(request))
        sleep_ms(5);
    return crew_response_text(response, "stopped");
}

/* Starts a process that remains, writes its id into the file that the body names, and
 * crashes. */
static int family(crew_request *request, crew_response *response) {
    (void)response;
    pid_t child = fork();
    if (child == 0) {
        close_range(0, ~0U, 0);
        sleep_ms(600 * 1000);
        _exit(0);
    }
    FILE *file = fopen(body_text(request), "we");
    if (file == NULL)
        return EIO;
    fprintf(file, "%d\n", (int)child);
    fclose(file);
    abort();
}

/* Allocates memory and does not free it; answers whether that succeeded. */
static int leak(crew_request *request, crew_response *response) {
    size_t count = strtoul(body_text(request), NULL, 10);
    char *volatile kept = malloc(count);
    if (kept != NULL)
        memset(kept, 1, count);
    return crew_response_text(response, kept != NULL ? "leaked" : "no memory");
}

CREW_APP(app) {
    static const struct {
        const char *name;
        crew_handler *handler;
    } tasks[] = {
        {"ping", ping},     {"who", who},       {"echo", echo},
        {"bytes", bytes},   {"note", note},     {"shout", shout},
        {"chain", chain},   {"crash", crash},   {"call_hang", call_hang},
        {"hang", hang},     {"leak", leak},     {"family", family},
        {"gather", gather}, {"pieces", pieces}, {"say", say},
    };
    if (crew_app_argc(app) < 2)
        return EINVAL;
    prefix = crew_app_argv(app)[1];
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s.%s", prefix, tasks[i].name);
        int error = crew_app_task(app, name, tasks[i].handler);
        if (error != 0)
            return error;
    }
    return 0;
}
