/* A connection that is lent to the owner of its link, whose thread does the turns then.
 *
 * Design notes. There is one link, and one thread that has it: `lent` says which, and
 * changes hands under the lock. Its own thread sleeps meanwhile. What the owner hands
 * over goes through the inbox as ever, but wakes nobody: the owner comes for it itself.
 */
#include "amqp/link_internal.h"

#include "base/clock.h"
#include <assert.h>
#include <poll.h>
#include <sys/epoll.h>

static bool begin(struct link *l) {
    pthread_mutex_lock(&l->lock);
    l->caller_driven = !l->reclaimed;
    if (l->caller_driven) {
        inbox_attend(&l->inbox, true);
        l->state = LINK_STATE_CALLER_DRIVEN;
    }
    bool caller_driven = l->caller_driven;
    pthread_mutex_unlock(&l->lock);
    return caller_driven;
}

void link_run_caller_driven(struct link *l) {
    if (!begin(l))
        return;
    link_emit(l);
    pthread_mutex_lock(&l->lock);
    while (l->caller_driven)
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    link_take_inbox(l);
}

/* With the lock held. */
static void end(struct link *l) {
    inbox_attend(&l->inbox, false);
    l->caller_driven = false;
    pthread_cond_broadcast(&l->changed);
}

void link_reclaim(struct link *l) {
    pthread_mutex_lock(&l->lock);
    l->reclaimed = true;
    if (l->caller_driven) {
        link_disarm(l);
        l->state = LINK_STATE_OPEN;
        end(l);
    }
    pthread_mutex_unlock(&l->lock);
}

static void watch(struct link *l) {
    bool writes = (connection_poll_events(&l->connection) & POLLOUT) != 0;
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0u),
                                .data.u32 = l->epoll_tag};
    if (event.events == l->watched)
        return;
    int change = l->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(l->epoll_fd, change, l->connection.transport.fd, &event) == 0)
        l->watched = event.events;
    else
        connection_leave(&l->connection, "its socket cannot be watched");
}

void link_disarm(struct link *l) {
    if (l->watched != 0) {
        epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, l->connection.transport.fd, NULL);
        l->watched = 0;
    }
}

bool link_drive(struct link *l, bool readable, struct link_event **events) {
    assert(l->state == LINK_STATE_CALLER_DRIVEN);
    link_take_inbox(l);
    connection_turn(&l->connection, readable);
    if (l->connection.state != CONNECTION_LOST)
        watch(l);
    if (l->connection.state != CONNECTION_LOST) {
        *events = event_list_take(&l->events);
        return true;
    }
    link_disarm(l);
    link_lost(l);
    *events = event_list_take(&l->events);
    pthread_mutex_lock(&l->lock);
    end(l);
    pthread_mutex_unlock(&l->lock);
    return false;
}

int link_drive_due_ms(const struct link *l) {
    return connection_timeout_ms(&l->connection, clock_ms());
}
