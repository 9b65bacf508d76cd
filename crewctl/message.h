/* A message that was published, as a line. */
#ifndef CREWCTL_MESSAGE_H
#define CREWCTL_MESSAGE_H

#include <crew/subscriber.h>

/* Its channel, a tab and its body. Control characters are written as in C, so that
 * nothing but the line's own tab and end is one. Of a body that is no text the line says
 * what it is. */
void message_print_text(const struct crew_subscribed *message);

/* All there is to know, as a JSON object. */
void message_print_json(const struct crew_subscribed *message);

#endif
