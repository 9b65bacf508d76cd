/* A person waits here: unlike the daemons, which try for ever, one round of the broker's
 * addresses is enough to say that it is not there. */
#include "opening.h"

#include "daemon/log.h"
#include "daemon/log_event.h"
#include <stdio.h>
#include <string.h>

static void note_trouble(struct opening *opening, const char *text) {
    size_t used = strlen(opening->trouble);
    snprintf(opening->trouble + used, sizeof opening->trouble - used, "%s%s",
             used > 0 ? "; " : "", text);
}

/* What happens before the connection stands is told in one line at the end. */
void opening_note(struct opening *opening, enum crew_event_kind kind, const char *text) {
    if (opening->succeeded) {
        log_event(NULL, kind, text);
        return;
    }
    log_debug("broker: %s", text);
    if (kind == CREW_EVENT_DISCONNECTED)
        opening->refusals++;
    if (kind != CREW_EVENT_CONNECTED && kind != CREW_EVENT_UNBLOCKED)
        note_trouble(opening, text);
}

bool opening_refused(const struct opening *opening) {
    return opening->refusals >= opening->addresses;
}

void opening_explain(const struct opening *opening, const struct crew_broker *broker) {
    char where[512];
    crew_broker_describe(broker, where, sizeof where);
    if (opening->trouble[0] != '\0')
        fprintf(stderr, "crewctl: broker: %s\n", opening->trouble);
    else
        fprintf(stderr, "crewctl: broker: no answer from %s in time\n", where);
}
