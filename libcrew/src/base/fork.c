/* Counted by a pthread_atfork handler: getpid(2) would be a system call for each
 * check. */
#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint generation;

static void in_child(void) {
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void install_handler(void) {
    pthread_atfork(NULL, NULL, in_child);
}

unsigned fork_generation(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_handler);
    return atomic_load_explicit(&generation, memory_order_relaxed);
}
