/* A descriptor that one thread makes readable to wake another (eventfd). */
#ifndef CREW_BASE_WAKE_H
#define CREW_BASE_WAKE_H

int wake_open(void); /* descriptor, or -1 with errno */
void wake_up(int fd);
void wake_clear(int fd);

#endif
