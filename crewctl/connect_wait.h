/* Waiting for the first connection to the broker. */
#ifndef CREWCTL_CONNECT_WAIT_H
#define CREWCTL_CONNECT_WAIT_H

#include <crew/broker.h>
#include <crew/message.h>
#include <stdbool.h>
#include <stddef.h>

struct connect_wait {
    bool connected;    /* the first connection succeeded */
    size_t addresses;  /* of the broker */
    size_t failures;   /* attempts to connect that failed */
    char errors[1024]; /* their errors, without passwords */
};

void connect_wait_init(struct connect_wait *w, const struct crew_broker *broker);

/* An event of libcrew: keep its text while connecting; log it when connected. */
void connect_wait_event(struct connect_wait *w, enum crew_event_kind kind,
                        const char *text);

/* Whether an attempt has failed at every address. */
bool connect_wait_failed(const struct connect_wait *w);

/* The connection is open: later events are logged. */
void connect_wait_done(struct connect_wait *w);
bool connect_wait_succeeded(const struct connect_wait *w);

/* Print one line on stderr: why BROKER could not be reached. */
void connect_wait_explain(const struct connect_wait *w, const struct crew_broker *broker);

#endif
