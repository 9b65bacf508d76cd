/* crew/error.h - the errors of libcrew, and the outcomes of calls.
 *
 * Functions that can fail return one of these; 0 is success. The second group are the
 * outcomes of a call that ends without the handler's answer. Each has a word and an HTTP
 * status (docs/wire.md, "Outcomes").
 */
#ifndef CREW_ERROR_H
#define CREW_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CREW_API __attribute__((visibility("default")))

/* The numbers are valid within one process only. Words are used on the wire. */
enum crew_error {
    CREW_OK = 0,

    /* Errors of functions. */
    CREW_EINVAL,     /* an argument is invalid */
    CREW_ENOMEM,     /* out of memory */
    CREW_ESYSTEM,    /* a system call failed: see errno */
    CREW_ETOOLARGE,  /* over a documented limit */
    CREW_EMALFORMED, /* malformed input */
    CREW_EEXIST,     /* the name or id exists already */
    CREW_ECLOSED,    /* the object is being closed, or belongs to the parent process */

    /* Outcomes of calls, in the order of the table in docs/reference.md. */
    CREW_EBROKER,      /* broker disconnected or blocked; nothing was sent: 503 */
    CREW_EOVERLOADED,  /* a limit is reached, or the queue rejects it: 503 */
    CREW_ENOWORKERS,   /* no such queue, or no consumer: 503 no-workers */
    CREW_EEXPIRED,     /* no worker has taken the task in time: 503 */
    CREW_ETIMEOUT,     /* the handler ran too long and was stopped: 504 */
    CREW_EDEADLINE,    /* a worker has taken it, and no answer came: 504 */
    CREW_ECRASHED,     /* the handler's process died: 502 */
    CREW_ELOST,        /* connection or worker lost; not repeated: 502 */
    CREW_EFAILED,      /* the handler returned an error: 500 */
    CREW_EBADRESPONSE, /* the handler's response is not valid: 502 bad-response */
    CREW_EBADENVELOPE, /* a worker could not read the task: 502 bad-envelope */
    CREW_ECANCELLED,   /* the caller has cancelled the call: 499 */

    /* Returned by a handler for a request that is not acceptable: the client gets status
     * 400, see crew_request_complaint in crew/request.h. Not an outcome. */
    CREW_EBADREQUEST,

    CREW_ERROR_COUNT
};

/* crew_strerror - a description of an error as a sentence. Never null; do not free it.
 * Any thread. */
CREW_API const char *crew_strerror(int error);

/* crew_error_word - the word of an outcome ("no-workers"), as in Crew-Error and on the
 * wire; null if ERROR is not an outcome. Any thread. */
CREW_API const char *crew_error_word(int error);

/* crew_error_status - the HTTP status of an outcome; 500 for any other error. Any
 * thread. */
CREW_API int crew_error_status(int error);

/* crew_error_from_word - the outcome with this word; 0 if there is none. WORD need not be
 * zero-terminated. Any thread. */
CREW_API int crew_error_from_word(const char *word, size_t word_bytes);

#ifdef __cplusplus
}
#endif
#endif
