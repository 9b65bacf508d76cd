/* Test subscribers that record what they receive. */
#ifndef CREW_TESTS_PUBSUB_LISTENER_H
#define CREW_TESTS_PUBSUB_LISTENER_H

#include <crew/subscriber.h>
#include <stddef.h>

#define RECEIVED_MAX 4096

struct received {
    uint64_t cursor;
    bool gap;
    char channel[64];
    char id[64];
    char content_type[64];
    char body[64]; /* the first bytes */
    size_t body_bytes;
};

struct listener {
    crew_subscriber *subscriber;
    crew_subscription *subscription;
    unsigned calls;
    bool idle; /* does not read when it is called */
    size_t count;
    struct received received[RECEIVED_MAX];
};

/* A subscriber of the broker of the tests (URL null), or of the one at URL. */
crew_subscriber *listener_subscriber(const char *url,
                                     const struct crew_subscriber_options *options);
void listener_spin(crew_subscriber *s); /* dispatch, after at most 20 ms */
void listener_until_live(crew_subscriber *s);

/* Subscribe with OPTIONS and a callback of its own. */
void listener_start(struct listener *l, crew_subscriber *s,
                    const struct crew_subscription_options *options);
void listener_stop(struct listener *l);
void listener_take(struct listener *l); /* read all messages */
/* Wait until it has received COUNT messages, and check that there are no more. */
void listener_until(struct listener *l, size_t count);
uint64_t listener_cursor(const struct listener *l);

#endif
