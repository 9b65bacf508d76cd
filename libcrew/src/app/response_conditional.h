/* Validators of a response and the preconditions of its request. */
#ifndef CREW_APP_RESPONSE_CONDITIONAL_H
#define CREW_APP_RESPONSE_CONDITIONAL_H

#include "app/conditional.h"
#include <crew/response.h>

/* ETAG with its quotes (null: none), and the time of the last change. */
struct validators response_validators(const char *etag, time_t modified);

/* Add CURRENT to the response, and check the preconditions of REQUEST. True: they decide
 * the response (304, 412), or it is invalid. */
bool response_is_decided(const crew_request *request, crew_response *response,
                         const struct validators *current);

#endif
