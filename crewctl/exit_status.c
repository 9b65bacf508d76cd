#include "exit_status.h"

#include <assert.h>
#include <crew/error.h>

static_assert(CREW_EBADENVELOPE - CREW_EBROKER == EXIT_BAD_ENVELOPE - EXIT_BROKER,
              "a new error of calls: its exit status goes to the end of the enum");

int exit_status_of(int error) {
    if (error == CREW_OK)
        return EXIT_ANSWERED;
    if (error >= CREW_EBROKER && error <= CREW_EBADENVELOPE)
        return EXIT_BROKER + (error - CREW_EBROKER);
    return error == CREW_ETOOLARGE || error == CREW_EINVAL ? EXIT_USAGE : EXIT_LOCAL;
}
