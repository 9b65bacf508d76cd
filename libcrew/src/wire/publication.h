/* What may be published. */
#ifndef CREW_WIRE_PUBLICATION_H
#define CREW_WIRE_PUBLICATION_H

#include <crew/message.h>

/* 0; CREW_EINVAL: a field is out of its range; CREW_ETOOLARGE: the body is. */
int publication_check(const struct crew_publication *publication);

#endif
