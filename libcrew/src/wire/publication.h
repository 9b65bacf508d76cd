/* Validity of publications. */
#ifndef CREW_WIRE_PUBLICATION_H
#define CREW_WIRE_PUBLICATION_H

#include <crew/message.h>

/* 0; CREW_EINVAL: a field is not valid; CREW_ETOOLARGE: the body is over the limit. */
int publication_check(const struct crew_publication *publication);

#endif
