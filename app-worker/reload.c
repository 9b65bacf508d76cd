/* Generations of handler processes. */
#include "reload.h"

#include "daemon/log.h"
#include <errno.h>
#include <string.h>

static void fail(struct reload *reload, const char *why) {
    reload_cancel(reload);
    log_error("reload failed, the processes that are there stay: %s", why);
}

void reload_begin(struct reload *reload) {
    reload_cancel(reload);
    log_info("reload: starting %u new handler processes", reload->processes);
    reload->state = RELOAD_STARTING;
    reload->awaited = reload->processes;
    if (pool_start_candidates(reload->pool, reload->processes) != 0)
        fail(reload, strerror(errno));
}

bool reload_candidate(struct reload *reload, const char *why) {
    if (reload->state == RELOAD_NONE)
        return false;
    if (why != NULL) {
        fail(reload, why);
        return false;
    }
    if (--reload->awaited > 0)
        return false;
    reload->state = RELOAD_NONE;
    pool_promote_candidates(reload->pool);
    return true;
}

void reload_cancel(struct reload *reload) {
    if (reload->state == RELOAD_STARTING)
        pool_drop_candidates(reload->pool);
    reload->state = RELOAD_NONE;
}
