/* What a request's parameters say: what to do with it (CREW_*, set by the web server's
 * administrator), and what the handler shall see (RFC 3875 §4.1). */
#ifndef BRIDGE_PARAMS_H
#define BRIDGE_PARAMS_H

#include "fcgi-bridge/settings.h"
#include "response.h"
#include <crew/message.h>

/* What a request is for. */
enum purpose {
    PURPOSE_CALL,     /* to call a task */
    PURPOSE_PUBLISH,  /* to publish its body */
    PURPOSE_SUBSCRIBE /* to wait for what is published */
};

/* What a location that subscribes and its client ask for. */
struct subscribe_params {
    const char *channel; /* null: it does not subscribe */
    bool pattern;
    bool events; /* an event stream, not a poll */
    bool list;   /* poll: a JSON array */
    bool since;  /* the client has brought a cursor */
    uint64_t cursor;
    uint32_t timeout_ms;
};

struct params {
    enum purpose purpose;
    struct crew_call call; /* all but the body */
    struct subscribe_params subscribe;
    char task[256];        /* call.task, when the location names one */
    const char *publish;   /* the channel, when the location names one */
    bool repeat_by_method; /* CREW_REPEAT safe */
    enum { MODE_BY_ACCEPT, MODE_POLL, MODE_EVENTS } mode; /* CREW_SUBSCRIBE_MODE */
    struct response_style
        style;              /* with style.allow, the method is none of the location's */
    int64_t content_length; /* -1: not given */
    const char *complaint;  /* null, or what is wrong, in one sentence */
    const char *advice; /* for the log, when the web server's configuration is wrong */
};

/* params_read - read PAIRS, which are rearranged: what the handler must not see is taken
 * out. PARAMS points into PAIRS and SETTINGS. */
void params_read(struct params *params, const struct settings *settings,
                 struct crew_pair *pairs, size_t count);

#endif
