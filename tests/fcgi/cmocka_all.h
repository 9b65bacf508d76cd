/* cmocka, after the headers that it needs. */
#ifndef CREW_TEST_FCGI_CMOCKA_ALL_H
#define CREW_TEST_FCGI_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
