/* crew/error.h - the errors of libcrew, and how a call can end.
 *
 * Every fallible function returns one of these; 0 is success. The second group are the
 * ways in which a call that was accepted can end without the handler's own answer. Each
 * of those has a word and an HTTP status (docs/wire.md, "Outcomes").
 */
#ifndef CREW_ERROR_H
#define CREW_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CREW_API __attribute__((visibility("default")))

/* What the functions return, and how calls end. The numbers stay within one process; what
 * goes over the wire are the words. */
enum crew_error {
    CREW_OK = 0,

    /* The function itself could not do what was asked. */
    CREW_EINVAL,     /* an argument is not acceptable */
    CREW_ENOMEM,     /* out of memory */
    CREW_ESYSTEM,    /* a system call failed: see errno */
    CREW_ETOOLARGE,  /* over a documented limit */
    CREW_EMALFORMED, /* bytes that are not what they claim to be */
    CREW_EEXIST,     /* the name or id is taken */
    CREW_ECLOSED,    /* the object is being closed, or belongs to the parent process */

    /* How a call can end. The order is that of the table in docs/reference.md. */
    CREW_EBROKER,      /* broker unreachable or blocked; nothing was written: 503 */
    CREW_EOVERLOADED,  /* too much under way, or the queue refuses: 503 */
    CREW_ENOWORKERS,   /* no such queue, or no consumer: 503 no-workers */
    CREW_EEXPIRED,     /* nobody took the task in time: 503 */
    CREW_ETIMEOUT,     /* the handler ran too long and was stopped: 504 */
    CREW_EDEADLINE,    /* taken, then nothing more was heard: 504 */
    CREW_ECRASHED,     /* the handler's process died: 502 */
    CREW_ELOST,        /* the connection or worker was lost, not to be repeated: 502 */
    CREW_EFAILED,      /* the handler returned an error: 500 */
    CREW_EBADRESPONSE, /* the handler's response is not valid: 502 bad-response */
    CREW_EBADENVELOPE, /* a worker could not read the task: 502 bad-envelope */
    CREW_ECANCELLED,   /* the caller took the call back: 499 cancelled */

    /* What a handler returns for a request that is not acceptable. No outcome: the client
     * is answered 400, see crew_request_complaint in crew/request.h. */
    CREW_EBADREQUEST,

    CREW_ERROR_COUNT
};

/* crew_strerror - a sentence for an error, for people. Never null, never to be freed. Any
 * thread. */
CREW_API const char *crew_strerror(int error);

/* crew_error_word - the fixed word of a call's outcome ("no-workers"), as it stands in
 * Crew-Error and on the wire; null for an error that is not an outcome. Any thread. */
CREW_API const char *crew_error_word(int error);

/* crew_error_status - the HTTP status of a call's outcome; 500 for any other error. Any
 * thread. */
CREW_API int crew_error_status(int error);

/* crew_error_from_word - the outcome with this word, or 0 when there is none. WORD needs
 * no terminating zero. Any thread. */
CREW_API int crew_error_from_word(const char *word, size_t word_bytes);

#ifdef __cplusplus
}
#endif
#endif
