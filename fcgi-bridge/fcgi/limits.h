/* All limits that a web server or its clients can reach. Those of the envelope are in
 * wire/limits.h, those that the administrator sets in settings.h. */
#ifndef BRIDGE_LIMITS_H
#define BRIDGE_LIMITS_H

#define LIMIT_PARAMS_BYTES 1048576u       /* all parameters of a request */
#define LIMIT_PARAM_NAME_BYTES 65535u     /* what an envelope can carry */
#define LIMIT_REFUSED_PARAMS_BYTES 16384u /* kept of a request that will be refused */
#define LIMIT_VALUES_BYTES 1024u          /* a GET_VALUES record */
#define LIMIT_REPLY_BYTES 16384u       /* unsent output, above which no input is parsed */
#define LIMIT_PENDING_BYTES 65536u     /* input that cannot be parsed yet */
#define LIMIT_SILENCE_MS 60000u        /* without input inside a request */
#define LIMIT_STALL_MS 300000u         /* without progress of the output */
#define LIMIT_ACCEPTS_AT_ONCE 64       /* accept(2) calls in one iteration of the loop */
#define LIMIT_SPARE_CONNECTIONS 128    /* closed ones whose memory is kept for reuse */
#define LIMIT_KEPT_BUFFER_BYTES 16384u /* buffer memory kept between requests */
#define LIMIT_SUBSCRIBE_TIMEOUT_MS 86400000u /* of a long poll: a day */
#define LIMIT_LIST_MESSAGES 1000u            /* in one JSON response of a long poll */
#define LIMIT_LIST_BYTES 1048576u    /* the same; a single message may be larger */
#define LIMIT_SSE_BATCH_BYTES 65536u /* events written before they are sent */

#endif
