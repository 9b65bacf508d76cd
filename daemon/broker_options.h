/* The options for the address of the broker and the login. */
#ifndef CREW_DAEMON_BROKER_OPTIONS_H
#define CREW_DAEMON_BROKER_OPTIONS_H

#include "daemon/option_row.h"
#include <crew/broker.h>
#include <stdbool.h>

extern const struct option_row broker_option_rows[];

/* Initialize BROKER from the options and the environment. The base is --url, else
 * CREW_AMQP_URL, else the default; the other options then apply to every address. False:
 * ERROR is the reason, to be shown to the user. */
bool broker_options_apply(struct crew_broker *broker, char *error, size_t error_bytes);

#endif
