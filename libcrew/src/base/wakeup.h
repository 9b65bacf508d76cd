/* Wakes a thread that polls a descriptor (eventfd(2)). */
#ifndef CREW_BASE_WAKEUP_H
#define CREW_BASE_WAKEUP_H

int wakeup_open(void); /* descriptor, or -1 with errno */
void wakeup_signal(int fd);
void wakeup_clear(int fd);

#endif
