/* The contents of FastCGI records. */
#ifndef FCGI_RECORDS_H
#define FCGI_RECORDS_H

#include "base/buffer.h"

/* The contents of OUT's STDOUT records, as a text that is valid until the next call. OUT
 * is freed. *ENDED (may be null) says whether END_REQUEST came, behind them all. */
const char *records_text(struct buffer *out, bool *ended);

/* Setup and teardown of a group of tests that use the codec. */
int records_begin(void **state);
int records_end(void **state);

#endif
