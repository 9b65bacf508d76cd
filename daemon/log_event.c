/* libcrew's events as log lines.
 *
 * A broker that is away is tried again every few seconds by each connection. Each reason
 * is logged once, then once a minute with a count, until a connection succeeds: a new
 * reason (first refused, then a wrong password) shows at once.
 */
#include "daemon/log.h"

#include "base/clock.h"
#include <stdio.h>
#include <string.h>

#define REPEAT_AFTER_MS 60000u
#define REASONS 8u
#define REASON_BYTES 200u

struct reason {
    char text[REASON_BYTES]; /* "": free */
    uint64_t logged_ms;
    unsigned held_back; /* since then */
};

static struct reason reasons[REASONS];

/* The reason with this text; a new one takes the place of the one logged longest ago. */
static struct reason *find_reason(const char *text) {
    struct reason *oldest = &reasons[0];
    for (struct reason *r = reasons; r < reasons + REASONS; r++) {
        if (r->text[0] != '\0' && strncmp(r->text, text, REASON_BYTES - 1) == 0)
            return r;
        if (r->logged_ms < oldest->logged_ms)
            oldest = r;
    }
    *oldest = (struct reason){0};
    snprintf(oldest->text, REASON_BYTES, "%s", text);
    return oldest;
}

static void log_disconnected(const char *text) {
    uint64_t now_ms = clock_ms();
    struct reason *reason = find_reason(text);
    if (reason->logged_ms != 0 && now_ms - reason->logged_ms < REPEAT_AFTER_MS) {
        reason->held_back++;
        return;
    }
    if (reason->held_back > 0)
        log_warning("broker: %s (%u times more)", text, reason->held_back);
    else
        log_warning("broker: %s", text);
    reason->logged_ms = now_ms;
    reason->held_back = 0;
}

void log_crew_event(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    switch (kind) {
    case CREW_EVENT_CONNECTED:
        memset(reasons, 0, sizeof reasons);
        log_info("broker: %s", text);
        break;
    case CREW_EVENT_DISCONNECTED:
        log_disconnected(text);
        break;
    case CREW_EVENT_BLOCKED:
        log_warning("broker: blocked: %s", text);
        break;
    case CREW_EVENT_UNBLOCKED:
        log_info("broker: %s", text);
        break;
    case CREW_EVENT_WARNING:
        log_warning("%s", text);
        break;
    }
}
