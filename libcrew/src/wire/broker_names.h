/* Names of exchanges, queues and headers that all programs share (docs/wire.md). */
#ifndef CREW_WIRE_BROKER_NAMES_H
#define CREW_WIRE_BROKER_NAMES_H

#define NAME_TASK_QUEUE_PREFIX "crew.tasks."
#define NAME_REPLY_QUEUE_PREFIX "crew.master."
#define NAME_WORKER_QUEUE_PREFIX "crew.worker."
#define NAME_DLX "crew.DLX"
#define NAME_CONTROL "crew.control"
#define NAME_PUBSUB "crew.pubsub"
#define NAME_HISTORY "crew.history"

/* Routing keys of crew.control. */
#define NAME_CONTROL_TASK_PREFIX "task."
#define NAME_CONTROL_WORKER_PREFIX "worker."

/* AMQP headers. */
#define NAME_ORIGINAL_SENDER "x-original-sender" /* reply queue, for the DLX */
#define NAME_VERSION "crew-version"   /* plain call: the caller understands notices */
#define NAME_DEADLINE "crew-deadline" /* plain call: unix milliseconds */
#define NAME_REPEAT "crew-repeat"     /* plain call: 1, may run again after a loss */
#define NAME_REPEATED "crew-repeated" /* the caller sends this call once more */
#define NAME_STATUS "crew-status"     /* plain answer: HTTP status */
#define NAME_ERROR "crew-error"       /* plain answer: word of the outcome */
#define NAME_RUN_US "crew-run-us"     /* plain answer: time in the handler */

/* Levels of a task queue; a priority of 0 to 255 is mapped onto them, rounding up. */
#define TASK_QUEUE_LEVELS 3u

#endif
