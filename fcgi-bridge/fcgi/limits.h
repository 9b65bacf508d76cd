/* Every cap that a web server can reach, in one place; those of the envelope are in
 * wire/limits.h, those that an administrator sets in settings.h. */
#ifndef BRIDGE_LIMITS_H
#define BRIDGE_LIMITS_H

#define LIMIT_PARAMS_BYTES 1048576u       /* all parameters of a request */
#define LIMIT_PARAM_NAME_BYTES 65535u     /* what an envelope can carry */
#define LIMIT_REFUSED_PARAMS_BYTES 16384u /* of a request that is refused anyway */
#define LIMIT_VALUES_BYTES 1024u          /* a GET_VALUES record */
#define LIMIT_REPLY_BYTES 16384u          /* unsent output, before more input is read */
#define LIMIT_PENDING_BYTES 65536u        /* input that has to wait its turn */
#define LIMIT_SILENCE_MS 60000u           /* inside a request */
#define LIMIT_STALL_MS 300000u            /* a peer that takes no output */
#define LIMIT_ACCEPTS_AT_ONCE 64          /* before others get a turn */
#define LIMIT_SPARE_CONNECTIONS 128       /* freed ones that are kept for reuse */
#define LIMIT_KEPT_BUFFER_BYTES 16384u    /* memory that an idle connection keeps */
#define LIMIT_SUBSCRIBE_TIMEOUT_MS 86400000u /* of a poll: a day */
#define LIMIT_LIST_MESSAGES 1000u            /* in the answer of a poll, as JSON */
#define LIMIT_LIST_BYTES 1048576u            /* the same; one message may be larger */
#define LIMIT_EVENTS_AT_ONCE_BYTES 65536u    /* of an event stream, till they are sent */

#endif
