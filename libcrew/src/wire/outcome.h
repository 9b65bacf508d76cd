/* Outcomes: one row for each error of libcrew, with all that depends on which error it
 * is: the sentence of crew_strerror, the word and the status of an outcome of a call
 * (docs/wire.md, "Outcomes"), and what the web server's client reads in the response that
 * the bridge makes of it. An outcome is added here and in crew/error.h. */
#ifndef CREW_WIRE_OUTCOME_H
#define CREW_WIRE_OUTCOME_H

#include <crew/error.h>

struct outcome {
    const char *description; /* for developers and administrators */
    const char *word;        /* Crew-Error, crew-error; NULL: not an outcome of a call */
    int status;              /* HTTP; 0 without a word */
    const char *message;    /* for the web server's client: no internals. NULL: the client
                                never sees this outcome */
    unsigned retry_after_s; /* Retry-After; 0: none */
};

/* outcome_find - the row of ERROR; NULL if there is no such error. */
const struct outcome *outcome_find(int error);

#endif
