/* Parameters of a request: what the bridge does with it (CREW_*, set by the web server's
 * administrator), and what the handler sees of it (RFC 3875 §4.1). */
#ifndef BRIDGE_PARAMS_H
#define BRIDGE_PARAMS_H

#include "response.h"
#include <crew/message.h>

enum purpose {
    PURPOSE_CALL,      /* call a task */
    PURPOSE_PUBLISH,   /* publish the body */
    PURPOSE_SUBSCRIBE, /* wait for messages */
    PURPOSE_COUNT
};

enum subscribe_mode {
    SUBSCRIBE_BY_ACCEPT, /* as Accept says; only while the parameters are read */
    SUBSCRIBE_LONG_POLL,
    SUBSCRIBE_SSE
};

/* How a subscriber wants its messages. */
struct subscribe_params {
    const char *channel; /* NULL: CREW_SUBSCRIBE is not set */
    bool pattern;        /* the channel is a list of patterns */
    enum subscribe_mode mode;
    bool list;  /* long poll: a JSON array */
    bool since; /* the client has sent a cursor */
    uint64_t cursor;
    uint32_t timeout_ms;
};

struct params {
    enum purpose purpose;
    struct crew_call call; /* all but the body */
    struct subscribe_params subscribe;
    char task[256];              /* call.task, if CREW_TASK is set */
    const char *publish_channel; /* NULL: CREW_PUBLISH is not set */
    bool repeat_by_method;       /* CREW_REPEAT safe */
    struct response_style style; /* with style.allow, the method is not allowed */
    int64_t content_length;      /* -1: not given */
    const char *complaint;       /* NULL, or what is wrong, in one sentence */
    const char *advice; /* for the log, if the web server's configuration is wrong */
};

/* Where the location sets none. */
struct params_defaults {
    const char *task;
    uint32_t expiration_ms;
};

/* params_read - read PAIRS, and reorder them: those that the handler must not see are
 * removed. PARAMS points into PAIRS and DEFAULTS. */
void params_read(struct params *params, const struct params_defaults *defaults,
                 struct crew_pair *pairs, size_t count);

#endif
