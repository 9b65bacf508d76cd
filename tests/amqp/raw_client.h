/* A plain rabbitmq-c client, for what a link does not do: other arguments and headers. */
#ifndef CREW_TEST_AMQP_RAW_CLIENT_H
#define CREW_TEST_AMQP_RAW_CLIENT_H

#include "amqp/rabbitmq_c.h"

amqp_connection_state_t raw_open(void); /* channel 1 is open */
void raw_close(amqp_connection_state_t raw);

/* A queue that refuses what is over MAX_LENGTH messages. */
void raw_declare_full(amqp_connection_state_t raw, const char *queue, int max_length);
void raw_delete(amqp_connection_state_t raw, const char *queue);
void raw_publish(amqp_connection_state_t raw, const char *queue,
                 amqp_basic_properties_t *properties, const char *body);

amqp_table_entry_t raw_text(const char *name, const char *text);

#endif
