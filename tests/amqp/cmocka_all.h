/* cmocka and the standard headers that it requires. */
#ifndef CREW_TEST_AMQP_CMOCKA_ALL_H
#define CREW_TEST_AMQP_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
