/* Server-sent events. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include "fcgi-bridge/pubsub/sse.h"
#include "records.h"
#include <string.h>

static struct crew_subscribed message_of(const void *body, size_t bytes) {
    return (struct crew_subscribed){.cursor = 12,
                                    .channel = "a.b",
                                    .id = "",
                                    .content_type = "text/plain",
                                    .body = body,
                                    .body_bytes = bytes};
}

static const char *put(const struct crew_subscribed *message, bool named) {
    struct buffer out = BUFFER_INIT;
    bool ended;
    sse_put(&out, 1, message, named);
    const char *text = records_text(&out, &ended);
    assert_false(ended);
    return text;
}

static const char *body(const char *text) {
    struct crew_subscribed message = message_of(text, strlen(text));
    return put(&message, false);
}

static void test_head(void **state) {
    (void)state;
    struct buffer out = BUFFER_INIT;
    sse_begin(&out, 1, false);
    assert_string_equal(records_text(&out, NULL), "Status: 200 OK\r\n"
                                                  "Content-Type: text/event-stream\r\n"
                                                  "Cache-Control: no-store\r\n"
                                                  "X-Accel-Buffering: no\r\n"
                                                  "\r\n"
                                                  "retry: 2000\n\n");
    sse_begin(&out, 1, true);
    assert_null(strstr(records_text(&out, NULL), "retry"));
}

static void test_line_breaks(void **state) {
    (void)state;
    assert_string_equal(body("hello"), "id: 12\ndata: hello\n\n");
    assert_string_equal(body(""), "id: 12\ndata: \n\n");
    assert_string_equal(body("a\nb"), "id: 12\ndata: a\ndata: b\n\n");
    assert_string_equal(body("a\rb"), "id: 12\ndata: a\ndata: b\n\n");
    assert_string_equal(body("a\r\nb"), "id: 12\ndata: a\ndata: b\n\n");
    assert_string_equal(body("a\n\rb"), "id: 12\ndata: a\ndata: \ndata: b\n\n");
    assert_string_equal(body("a\r\r\nb"), "id: 12\ndata: a\ndata: \ndata: b\n\n");
    assert_string_equal(body("\n"), "id: 12\ndata: \ndata: \n\n");
    assert_string_equal(body("a\r"), "id: 12\ndata: a\ndata: \n\n");
    assert_string_equal(body("a\r\n"), "id: 12\ndata: a\ndata: \n\n");
    assert_string_equal(body(" a: b\nid: 9"), "id: 12\ndata:  a: b\ndata: id: 9\n\n");
}

static void test_names(void **state) {
    (void)state;
    struct crew_subscribed message = message_of("x", 1);
    assert_string_equal(put(&message, true), "id: 12\nevent: a.b\ndata: x\n\n");
    message.channel = "a\ndata: evil";
    assert_string_equal(put(&message, true), "id: 12\ndata: x\n\n");
}

static void test_not_text(void **state) {
    (void)state;
    struct crew_subscribed message = message_of("\xff\x00\x01\x02", 4);
    assert_string_equal(put(&message, false),
                        "id: 12\nevent: message;base64\ndata: /wABAg==\n\n");
    assert_string_equal(put(&message, true),
                        "id: 12\nevent: a.b;base64\ndata: /wABAg==\n\n");
    message.body_bytes = 3;
    assert_non_null(strstr(put(&message, false), "data: /wAB\n\n"));
    message.body_bytes = 2;
    assert_non_null(strstr(put(&message, false), "data: /wA=\n\n"));
}

static void test_gap(void **state) {
    (void)state;
    struct crew_subscribed message = message_of("x", 1);
    message.gap = true;
    assert_string_equal(put(&message, false),
                        "event: gap\ndata: 12\n\nid: 12\ndata: x\n\n");
}

static void test_beat(void **state) {
    (void)state;
    struct buffer out = BUFFER_INIT;
    uint64_t cursor = UINT64_MAX;
    sse_put_comment(&out, 1, NULL);
    assert_string_equal(records_text(&out, NULL), ":\n\n");
    sse_put_comment(&out, 1, &cursor);
    assert_string_equal(records_text(&out, NULL), ":\nid: 18446744073709551615\n\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),  cmocka_unit_test(test_line_breaks),
        cmocka_unit_test(test_names), cmocka_unit_test(test_not_text),
        cmocka_unit_test(test_gap),   cmocka_unit_test(test_beat),
    };
    return cmocka_run_group_tests(tests, records_begin, records_end);
}
