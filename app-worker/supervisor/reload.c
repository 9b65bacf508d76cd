#include "reload.h"

#include "app_snapshot.h"
#include "base/xalloc.h"
#include "daemon/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file that processes load ---- */

static char *make_app_file(const struct reload *reload) {
    const char *path = reload->settings->app_argv[0];
    return reload->settings->reload ? app_snapshot_new(path) : xstrdup(path);
}

static void remove_app_file(const struct reload *reload, char **app) {
    if (reload->settings->reload)
        app_snapshot_remove(*app);
    else
        free(*app);
    *app = NULL;
}

int reload_init(struct reload *reload, const struct settings *settings) {
    *reload = (struct reload){.settings = settings};
    reload->app = make_app_file(reload);
    return reload->app != NULL ? 0 : -1;
}

void reload_set_pool(struct reload *reload, struct process_pool *pool) {
    reload->pool = pool;
}

const char *reload_app(const struct reload *reload) {
    return reload->app;
}

bool reload_is_running(const struct reload *reload) {
    return reload->is_running;
}

void reload_fini(struct reload *reload) {
    remove_app_file(reload, &reload->app);
    remove_app_file(reload, &reload->next_app);
}

/* ---- the change ---- */

static void fail(struct reload *reload, const char *why) {
    reload_cancel(reload);
    log_error("reload failed, the present processes stay: %s", why);
}

static void fail_with_errno(struct reload *reload, const char *what) {
    char why[512];
    snprintf(why, sizeof why, "cannot %s: %s", what, strerror(errno));
    fail(reload, why);
}

void reload_begin(struct reload *reload) {
    unsigned processes = reload->settings->processes;
    reload_cancel(reload);
    log_info("reload: starting %u new handler processes", processes);
    reload->is_running = true;
    reload->awaited = processes;
    reload->next_app = make_app_file(reload);
    if (reload->next_app == NULL)
        fail_with_errno(reload, "copy the app");
    else if (process_pool_start_candidates(reload->pool, processes, reload->next_app) !=
             0)
        fail_with_errno(reload, "start a process");
}

bool reload_candidate(struct reload *reload, const char *why) {
    if (!reload->is_running)
        return false;
    if (why != NULL) {
        fail(reload, why);
        return false;
    }
    if (--reload->awaited > 0)
        return false;
    reload->is_running = false;
    process_pool_promote_candidates(reload->pool);
    remove_app_file(reload, &reload->app);
    reload->app = reload->next_app;
    reload->next_app = NULL;
    return true;
}

void reload_cancel(struct reload *reload) {
    if (reload->is_running) {
        process_pool_drop_candidates(reload->pool);
        remove_app_file(reload, &reload->next_app);
    }
    reload->is_running = false;
}
