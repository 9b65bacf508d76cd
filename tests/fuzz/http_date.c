/* Any text as a date: an error, or a time that is the same when written and read
 * again. */
#include "wire/http_date.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const int64_t now_s = 1700000000;
    char *text = strndup(bytes > 0 ? (const char *)data : "", bytes);
    char written[HTTP_DATE_BYTES];
    int64_t unix_s, again_s;
    if (http_date_read(text, now_s, &unix_s)) {
        http_date_write(unix_s, written);
        assert(strlen(written) == HTTP_DATE_BYTES - 1);
        assert(http_date_read(written, now_s, &again_s) && again_s == unix_s);
    }
    free(text);
    return 0;
}
