/* A host, and tasks for it, one after the other. */
#ifndef CREW_TEST_HOST_RUN_H
#define CREW_TEST_HOST_RUN_H

#include "host_port.h"

/* The app PATH with a port that notes what comes through it; what crew_host_new returns.
 */
int host_load(const char *path, struct host_port *port, crew_host **host);
void host_unload(struct host_port *port, crew_host *host);

/* PARAMS: name, value, name, value ..., null. */
struct crew_answer host_run(crew_host *host, enum crew_form form, const char *task,
                            const char *const *params, const char *body);

/* No error, and this status and body. */
void assert_answer(const struct crew_answer *answer, int status, const char *body);

/* How a call ended that has no answer of the handler. */
void assert_outcome(const struct crew_answer *answer, int outcome);

/* The value of a field; null when there is none. Good until the next look. */
const char *answer_field(const struct crew_answer *answer, const char *name);

#endif
