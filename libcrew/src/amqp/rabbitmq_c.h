/* The headers of rabbitmq-c: before version 0.12 they have no folder of their own, and
 * later versions warn about the old names. */
#ifndef CREW_AMQP_RABBITMQ_C_H
#define CREW_AMQP_RABBITMQ_C_H

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#endif
