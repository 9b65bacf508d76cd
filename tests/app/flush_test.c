/* Streamed responses: what is sent through the port, and what flush returns. */
#include "cmocka_all.h"

#include "app/response.h"
#include "host_port.h"
#include <string.h>

enum { MAX_BODY_BYTES = 100 };

static struct host_port port;
static struct crew_host_options options;
static struct crew_response response;
static struct crew_answer answer;

static int begin(void **state) {
    (void)state;
    static char *argv[2];
    port = (struct host_port){0};
    options = host_port_options(&port, "", argv);
    response_begin(&response, MAX_BODY_BYTES);
    response_stream_to(&response, &options.port, false, false);
    return 0;
}

static int end(void **state) {
    (void)state;
    response_fini(&response);
    response = (struct crew_response){0};
    host_port_fini(&port);
    return 0;
}

static void assert_flushed(const char *text) {
    buffer_u8(&port.flushed, 0);
    port.flushed.len--;
    assert_string_equal((char *)port.flushed.data, text);
}

static void write_and_flush(const char *text) {
    assert_int_equal(crew_response_text(&response, text), 0);
    assert_int_equal(crew_response_flush(&response), 0);
}

static void finish(int error) {
    response_answer(&response, CREW_HTTP, false, &answer);
    assert_int_equal(answer.error, error);
}

static void test_each_flush_sends_what_was_written(void **state) {
    (void)state;
    crew_response_status(&response, 202);
    crew_response_header(&response, "X-One", "1");
    write_and_flush("one");
    assert_flushed("[202 2]one|"); /* with a Content-Type */
    write_and_flush("two");
    assert_flushed("[202 2]one|two|");
    assert_int_equal(crew_response_text(&response, "rest"), 0);
    finish(0);
    assert_flushed("[202 2]one|two|rest|");
    assert_int_equal(answer.body_bytes, 0);
}

static void test_flush_before_the_body_sends_the_head(void **state) {
    (void)state;
    assert_int_equal(crew_response_flush(&response), 0);
    assert_flushed("[200 0]|");
}

static void test_the_head_stays_as_it_was_sent(void **state) {
    (void)state;
    write_and_flush("one");
    assert_int_equal(crew_response_status(&response, 500), CREW_EINVAL);
    assert_int_equal(crew_response_header(&response, "X", "a\r\nb"), CREW_EINVAL);
    assert_int_equal(crew_response_error(&response, 404, NULL), CREW_EINVAL);
    assert_int_equal(crew_response_redirect(&response, 303, "/"), CREW_EINVAL);
    assert_int_equal(crew_response_file(NULL, &response, "/etc/passwd"), CREW_EINVAL);
    write_and_flush("two");
    finish(0);
    assert_int_equal(answer.status, 200);
}

static void test_the_limit_is_per_flush(void **state) {
    (void)state;
    static char piece[MAX_BODY_BYTES + 1];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_response_write(&response, piece, MAX_BODY_BYTES), 0);
        assert_int_equal(crew_response_flush(&response), 0);
    }
    assert_int_equal(crew_response_write(&response, piece, sizeof piece), CREW_ETOOLARGE);
    assert_int_equal(crew_response_flush(&response), CREW_EINVAL);
    assert_int_equal(response.error, CREW_EBADRESPONSE);
}

static void test_cancelled_stream(void **state) {
    (void)state;
    write_and_flush("one");
    port.flush_error = CREW_ECANCELLED;
    crew_response_text(&response, "two");
    assert_int_equal(crew_response_flush(&response), CREW_ECANCELLED);
    port.flush_error = 0;
    assert_int_equal(crew_response_text(&response, "three"), CREW_ECANCELLED);
    assert_int_equal(crew_response_printf(&response, "%d", 4), CREW_ECANCELLED);
    assert_int_equal(crew_response_html(&response, "<p>%d", 5), CREW_ECANCELLED);
    assert_int_equal(crew_response_url(&response, "six"), CREW_ECANCELLED);
    assert_int_equal(crew_response_flush(&response), CREW_ECANCELLED);
    finish(CREW_ECANCELLED);
    assert_flushed("[200 1]one|");
}

static void test_invalid_response_is_not_sent(void **state) {
    (void)state;
    crew_response_status(&response, 99);
    assert_int_equal(crew_response_flush(&response), CREW_EINVAL);
    assert_int_equal(port.flushed.len, 0);
    finish(CREW_EBADRESPONSE);
}

static void test_head_has_no_body(void **state) {
    (void)state;
    response_stream_to(&response, &options.port, false, true);
    write_and_flush("one");
    write_and_flush("two");
    assert_flushed("[200 1]||");
}

static void test_whole_response_without_streaming(void **state) {
    (void)state;
    response_stream_to(&response, &options.port, true, false);
    write_and_flush("one");
    assert_int_equal(crew_response_header(&response, "X", "late, and in time"), 0);
    write_and_flush("two");
    assert_int_equal(port.flushed.len, 0);
    finish(0);
    assert_int_equal(answer.body_bytes, 6);
    assert_memory_equal(answer.body, "onetwo", 6);
    port.stopping = true;
    assert_int_equal(crew_response_flush(&response), CREW_ECANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_each_flush_sends_what_was_written),
        TEST(test_flush_before_the_body_sends_the_head),
        TEST(test_the_head_stays_as_it_was_sent),
        TEST(test_the_limit_is_per_flush),
        TEST(test_cancelled_stream),
        TEST(test_invalid_response_is_not_sent),
        TEST(test_head_has_no_body),
        TEST(test_whole_response_without_streaming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
