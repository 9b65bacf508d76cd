/* Prints a published message as a line. */
#ifndef CREWCTL_MESSAGE_H
#define CREWCTL_MESSAGE_H

#include <crew/subscriber.h>

/* Channel, a tab and the body. Control characters are escaped as in C, so the line
 * contains only its own tab and line end. A body that is not UTF-8 is described, not
 * printed. */
void message_print_text(const struct crew_subscribed *message);

/* All fields, as a JSON object. */
void message_print_json(const struct crew_subscribed *message);

#endif
