/* The options that say where the broker is and how to log in. */
#ifndef CREW_DAEMON_BROKER_OPTIONS_H
#define CREW_DAEMON_BROKER_OPTIONS_H

#include "daemon/options.h"

extern const struct option_row broker_option_rows[];

/* Fill BROKER from the rows' values and the environment. The base is --url, else
 * CREW_AMQP_URL, else the default; what the other options give explicitly then holds for
 * every address. */
void broker_options_apply(const struct options *options, struct crew_broker *broker);

#endif
