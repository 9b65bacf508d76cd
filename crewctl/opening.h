/* Waiting until the broker lets the program in. */
#ifndef CREWCTL_OPENING_H
#define CREWCTL_OPENING_H

#include <crew/broker.h>
#include <crew/message.h>
#include <stdbool.h>
#include <stddef.h>

struct opening {
    bool succeeded;     /* however it is now; the caller says so */
    size_t addresses;   /* of the broker */
    size_t refusals;    /* attempts to connect that failed */
    char trouble[1024]; /* why, without the password */
};

/* Keep what is told by an event until the opening has ended. Afterwards it is logged. */
void opening_note(struct opening *opening, enum crew_event_kind kind, const char *text);

/* Whether every address has refused. */
bool opening_refused(const struct opening *opening);

/* One line on stderr: why BROKER does not let us in. */
void opening_explain(const struct opening *opening, const struct crew_broker *broker);

#endif
