/* While a broker is down each connection retries every few seconds. Each error is logged
 * once, then once a minute with a count, until a connection succeeds. A different error
 * (connection refused, then wrong password) is logged at once.
 */
#include "daemon/log_event.h"

#include "base/clock.h"
#include "daemon/log.h"
#include <stdio.h>
#include <string.h>

#define REPEAT_AFTER_MS 60000u
#define ERROR_COUNT 8u
#define ERROR_BYTES 200u

struct logged_error {
    char text[ERROR_BYTES]; /* "": free */
    uint64_t logged_ms;
    unsigned suppressed; /* since then */
};

static struct logged_error errors[ERROR_COUNT];

/* The entry for this text; a new one replaces the entry logged longest ago. */
static struct logged_error *find_error(const char *text) {
    struct logged_error *oldest = &errors[0];
    for (struct logged_error *e = errors; e < errors + ERROR_COUNT; e++) {
        if (e->text[0] != '\0' && strncmp(e->text, text, ERROR_BYTES - 1) == 0)
            return e;
        if (e->logged_ms < oldest->logged_ms)
            oldest = e;
    }
    *oldest = (struct logged_error){0};
    snprintf(oldest->text, ERROR_BYTES, "%s", text);
    return oldest;
}

static void log_disconnected(const char *text) {
    uint64_t now_ms = clock_ms();
    struct logged_error *error = find_error(text);
    if (error->logged_ms != 0 && now_ms - error->logged_ms < REPEAT_AFTER_MS) {
        error->suppressed++;
        return;
    }
    if (error->suppressed > 0)
        log_warning("broker: %s (%u times more)", text, error->suppressed);
    else
        log_warning("broker: %s", text);
    error->logged_ms = now_ms;
    error->suppressed = 0;
}

void log_event(void *arg, enum crew_event_kind kind, const char *text) {
    (void)arg;
    switch (kind) {
    case CREW_EVENT_CONNECTED:
        memset(errors, 0, sizeof errors);
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
