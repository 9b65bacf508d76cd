#include "amqp/backoff.h"

#include "base/random.h"

#define FIRST_WAIT_MS 100u
#define LONGEST_WAIT_MS 5000u

/* Half of the delay is random, so that the clients of a broker that restarts do not
 * reconnect all at once. */
static uint32_t wait_ms(unsigned rounds) {
    uint32_t ms = FIRST_WAIT_MS;
    for (unsigned i = 0; i < rounds && ms < LONGEST_WAIT_MS; i++)
        ms *= 2;
    if (ms > LONGEST_WAIT_MS)
        ms = LONGEST_WAIT_MS;
    return ms / 2 + random_below(ms / 2 + 1);
}

static void move_on(struct backoff *b) {
    b->url = (b->url + 1) % b->url_count;
}

uint32_t backoff_after_failure_ms(struct backoff *b) {
    move_on(b);
    if (b->url != 0)
        return wait_ms(0); /* another address may work */
    return wait_ms(b->rounds++);
}

uint32_t backoff_after_loss_ms(struct backoff *b, uint64_t lasted_ms) {
    if (lasted_ms >= LONGEST_WAIT_MS)
        b->rounds = 0;
    else if (b->rounds > 0)
        move_on(b);
    return wait_ms(b->rounds++);
}
