/* Runs tasks on a host. */
#ifndef CREW_TEST_HOST_RUN_H
#define CREW_TEST_HOST_RUN_H

#include "host_port.h"

/* Load the app PATH with a recording port. Returns the result of crew_host_new. */
int host_load(const char *path, struct host_port *port, crew_host **host);
void host_unload(struct host_port *port, crew_host *host);

/* PARAMS: name, value, name, value ..., null. */
struct crew_answer host_run(crew_host *host, enum crew_form form, const char *task,
                            const char *const *params, const char *body);

/* The answer has no error, this status and this body. */
void assert_answer(const struct crew_answer *answer, int status, const char *body);

/* The answer is this outcome. */
void assert_outcome(const struct crew_answer *answer, int outcome);

/* The value of a field; null if there is none. Valid until the next call. */
const char *answer_field(const struct crew_answer *answer, const char *name);

#endif
