/* Subscribers of the tests, and what they have heard. */
#ifndef CREW_TESTS_PUBSUB_LISTENER_H
#define CREW_TESTS_PUBSUB_LISTENER_H

#include <crew/subscriber.h>
#include <stddef.h>

#define HEARD_MAX 4096

struct heard {
    uint64_t cursor;
    bool gap;
    char channel[64];
    char id[64];
    char content_type[64];
    char body[64]; /* its beginning */
    size_t body_bytes;
};

struct listener {
    crew_subscriber *subscriber;
    crew_subscription *subscription;
    unsigned calls;
    bool idle; /* takes nothing when it is called */
    size_t count;
    struct heard heard[HEARD_MAX];
};

/* To the broker of the tests (URL null), or to that one. */
crew_subscriber *listener_subscriber(const char *url,
                                     const struct crew_subscriber_options *options);
void listener_spin(crew_subscriber *s); /* one turn, at most 20 ms */
void listener_until_live(crew_subscriber *s);

/* Subscribe; everything of OPTIONS but the callback counts. */
void listener_start(struct listener *l, crew_subscriber *s,
                    const struct crew_subscription_options *options);
void listener_stop(struct listener *l);
void listener_take(struct listener *l); /* what there is */
/* Wait until it has heard COUNT, and see that it is not more. */
void listener_until(struct listener *l, size_t count);
uint64_t listener_cursor(const struct listener *l);

#endif
