/* Responses to long polls. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/fcgi/limits.h"
#include "fcgi-bridge/pubsub/long_poll.h"
#include "records.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct crew_subscribed hello = {.cursor = 12,
                                             .channel = "a.b",
                                             .id = "p.1",
                                             .content_type = "text/plain",
                                             .body = "hello",
                                             .body_bytes = 5};

static const char *put(const struct crew_subscribed *message, bool head) {
    struct buffer out = BUFFER_INIT;
    bool ended;
    long_poll_put_message(&out, 1, head, message);
    const char *text = records_text(&out, &ended);
    assert_true(ended);
    return text;
}

static const char *put_list(struct long_poll_list *list) {
    struct buffer out = BUFFER_INIT;
    long_poll_put_list(&out, 1, false, list);
    assert_int_equal(list->count, 0);
    return records_text(&out, NULL);
}

static const char *list_of(const struct crew_subscribed *message) {
    struct long_poll_list list = {.count = 0};
    assert_true(long_poll_list_add(&list, message));
    return strstr(put_list(&list), "\r\n\r\n") + 4;
}

static void test_message(void **state) {
    (void)state;
    assert_string_equal(put(&hello, false), "Status: 200 OK\r\n"
                                            "Cache-Control: no-store\r\n"
                                            "Crew-Cursor: 12\r\n"
                                            "Content-Type: text/plain\r\n"
                                            "Crew-Channel: a.b\r\n"
                                            "Content-Length: 5\r\n"
                                            "\r\n"
                                            "hello");
    assert_null(strstr(put(&hello, true), "hello"));
    assert_non_null(strstr(put(&hello, true), "Content-Length: 5\r\n"));
}

static void test_gap(void **state) {
    (void)state;
    struct crew_subscribed message = hello;
    message.gap = true;
    assert_non_null(strstr(put(&message, false), "\r\nCrew-Gap: 1\r\n"));
}

/* Publishers choose these texts. */
static void test_fields_are_not_trusted(void **state) {
    (void)state;
    struct crew_subscribed message = hello;
    message.content_type = "text/plain\r\nSet-Cookie: a=b";
    message.channel = "a\nb";
    const char *text = put(&message, false);
    assert_null(strstr(text, "Set-Cookie"));
    assert_null(strstr(text, "Crew-Channel"));
    assert_non_null(strstr(text, "Content-Type: application/octet-stream\r\n"));
    message.content_type = "";
    assert_non_null(strstr(put(&message, false), "Content-Type: application/octet-st"));
}

static void test_nothing(void **state) {
    (void)state;
    struct buffer out = BUFFER_INIT;
    long_poll_put_nothing(&out, 1, UINT64_MAX);
    assert_string_equal(records_text(&out, NULL), "Status: 204 No Content\r\n"
                                                  "Cache-Control: no-store\r\n"
                                                  "Crew-Cursor: 18446744073709551615\r\n"
                                                  "\r\n");
}

static void test_list(void **state) {
    (void)state;
    struct long_poll_list list = {.count = 0};
    struct crew_subscribed second = hello;
    second.cursor = 14;
    second.body = "\xff\x00";
    second.body_bytes = 2;
    second.gap = true;
    assert_true(long_poll_list_add(&list, &hello));
    assert_true(long_poll_list_add(&list, &second));
    const char *text = put_list(&list);
    assert_non_null(strstr(text, "Crew-Cursor: 14\r\n"));
    assert_non_null(strstr(text, "Crew-Gap: 1\r\n"));
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    const char *json = strstr(text, "\r\n\r\n") + 4;
    assert_string_equal(json,
                        "[{\"cursor\":\"12\",\"id\":\"p.1\",\"channel\":\"a.b\","
                        "\"content_type\":\"text/plain\",\"data\":\"hello\"},\n"
                        "{\"cursor\":\"14\",\"id\":\"p.1\",\"channel\":\"a.b\","
                        "\"content_type\":\"text/plain\",\"data_base64\":\"/wA=\"}]\n");
    char length[40];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(json));
    assert_non_null(strstr(text, length));
}

static void test_strings(void **state) {
    (void)state;
    struct crew_subscribed message = hello;
    message.body = "\"\\\n\x01\x7f\xc3\xa4";
    message.body_bytes = 7;
    assert_non_null(strstr(list_of(&message),
                           "\"data\":\"\\u0022\\u005c\\u000a\\u0001\x7f\xc3\xa4\"}"));
    message.body = "";
    message.body_bytes = 0;
    assert_non_null(strstr(list_of(&message), "\"data\":\"\"}"));
    message.id = "\xff";
    assert_non_null(strstr(list_of(&message), "\"id\":\"\","));
}

static void test_list_is_bounded(void **state) {
    (void)state;
    struct long_poll_list list = {.count = 0};
    while (long_poll_list_add(&list, &hello)) {
    }
    assert_int_equal(list.count, LIMIT_LIST_MESSAGES);
    put_list(&list);
    struct crew_subscribed large = hello;
    large.body_bytes = LIMIT_LIST_BYTES / 2;
    large.body = memset(malloc(large.body_bytes), 'x', large.body_bytes);
    while (long_poll_list_add(&list, &large)) {
    }
    assert_int_equal(list.count, 1);
    buffer_fini(&list.json);
    free((void *)large.body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_fields_are_not_trusted),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_list_is_bounded),
    };
    return cmocka_run_group_tests(tests, records_begin, records_end);
}
