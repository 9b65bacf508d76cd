/* crewctl is used interactively: unlike the daemons, which retry without end, it gives up
 * when every address of the broker has failed once.
 */
#include "connect_wait.h"

#include "daemon/log.h"
#include "daemon/log_event.h"
#include <stdio.h>
#include <string.h>

void connect_wait_init(struct connect_wait *w, const struct crew_broker *broker) {
    *w = (struct connect_wait){.addresses = broker->url_count};
}

static void add_error(struct connect_wait *w, const char *text) {
    size_t used = strlen(w->errors);
    snprintf(w->errors + used, sizeof w->errors - used, "%s%s", used > 0 ? "; " : "",
             text);
}

void connect_wait_event(struct connect_wait *w, enum crew_event_kind kind,
                        const char *text) {
    if (w->connected) {
        log_event(NULL, kind, text);
        return;
    }
    log_debug("broker: %s", text);
    if (kind == CREW_EVENT_DISCONNECTED)
        w->failures++;
    if (kind != CREW_EVENT_CONNECTED && kind != CREW_EVENT_UNBLOCKED)
        add_error(w, text);
}

bool connect_wait_failed(const struct connect_wait *w) {
    return w->failures >= w->addresses;
}

void connect_wait_done(struct connect_wait *w) {
    w->connected = true;
}

bool connect_wait_succeeded(const struct connect_wait *w) {
    return w->connected;
}

void connect_wait_explain(const struct connect_wait *w,
                          const struct crew_broker *broker) {
    char address[512];
    crew_broker_describe(broker, address, sizeof address);
    if (w->errors[0] != '\0')
        fprintf(stderr, "crewctl: broker: %s\n", w->errors);
    else
        fprintf(stderr, "crewctl: broker: no answer from %s in time\n", address);
}
