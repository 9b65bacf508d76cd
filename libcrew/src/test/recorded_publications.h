/* The messages that handlers have published. */
#ifndef CREW_TEST_RECORDED_PUBLICATIONS_H
#define CREW_TEST_RECORDED_PUBLICATIONS_H

#include <crew/test.h>

/* Zeroed memory is an empty list. */
struct recorded_publications {
    struct crew_publication *publications;
    struct crew_answer **contents; /* parallel array: copies of content type and body */
    size_t count;
};

/* Append a copy of PUBLICATION. */
void recorded_publications_add(struct recorded_publications *recorded,
                               const struct crew_publication *publication);

/* Remove all publications and free their memory. */
void recorded_publications_fini(struct recorded_publications *recorded);

#endif
