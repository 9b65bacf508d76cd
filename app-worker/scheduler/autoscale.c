#include "autoscale.h"

unsigned autoscale_spares(const struct autoscale *autoscale,
                          const struct autoscale_counts *counts) {
    unsigned most = autoscale->max_processes - autoscale->processes;
    return counts->waiting < most ? counts->waiting : most;
}

unsigned autoscale_target(const struct autoscale *autoscale, enum scheduler_phase phase,
                          const struct autoscale_counts *counts, bool has_queued_tasks) {
    unsigned processes = autoscale->processes + autoscale_spares(autoscale, counts);
    switch (phase) {
    case SCHEDULER_PROBING:
        return 1;
    case SCHEDULER_SERVING:
        return processes;
    case SCHEDULER_DRAINING:
        return has_queued_tasks ? processes : 0;
    case SCHEDULER_CLOSED:
        break;
    }
    return 0;
}

bool autoscale_is_reserved(const struct autoscale *autoscale,
                           const struct autoscale_counts *counts) {
    bool may_call =
        autoscale->calls_itself && autoscale->max_processes > autoscale->processes;
    return (may_call || autoscale->waiting_on_self > 0) &&
           counts->holding + 1 >= autoscale->max_processes;
}

bool autoscale_has_other(const struct autoscale *autoscale,
                         const struct autoscale_counts *counts, bool is_taking) {
    unsigned others = counts->taking - counts->taking_waiting - (is_taking ? 1 : 0);
    return others > 0 || counts->taking < autoscale->max_processes;
}
