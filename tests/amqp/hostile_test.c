/* A broker that sends what it may not: the connection is lost with a reason, and nothing
 * worse. Run with the address sanitizer to see that. */
#include "cmocka_all.h"
#include "proxy.h"
#include "stage.h"
#include <amqp.h>
#include <amqp_framing.h>
#include <stdlib.h>
#include <string.h>

struct scene {
    struct proxy *proxy;
    struct stage stage;
};

static void open_scene(struct scene *scene) {
    struct crew_broker broker;
    scene->proxy = proxy_new();
    proxy_listen(scene->proxy, true);
    proxy_broker(scene->proxy, &broker);
    stage_start(&scene->stage, &broker);
    stage_pass(&scene->stage, LINK_OPEN);
}

static void close_scene(struct scene *scene) {
    stage_close(&scene->stage);
    proxy_free(scene->proxy);
}

/* Send these bytes on a fresh connection; it must be lost with REASON, and then be made
 * anew. */
static void expect_lost(const struct buffer *bytes, const char *reason) {
    struct scene scene;
    open_scene(&scene);
    proxy_inject(scene.proxy, bytes->data, bytes->len);
    struct link_event *event = stage_expect(&scene.stage, LINK_LOST);
    if (strstr(event->text, reason) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", reason, event->text);
    link_event_free(event);
    stage_pass(&scene.stage, LINK_OPEN);
    close_scene(&scene);
}

static void put_frame(struct buffer *to, uint8_t type, uint16_t channel,
                      const struct buffer *payload) {
    buffer_u8(to, type);
    buffer_u16(to, channel);
    buffer_u32(to, (uint32_t)payload->len);
    buffer_append(to, payload->data, payload->len);
    buffer_u8(to, AMQP_FRAME_END);
}

static void put_method(struct buffer *to, uint16_t channel, amqp_method_number_t id,
                       void *method) {
    struct buffer payload = BUFFER_INIT;
    buffer_u32(&payload, id);
    amqp_bytes_t room = {.len = 1000, .bytes = buffer_reserve(&payload, 1000)};
    int bytes = amqp_encode_method(id, method, room);
    assert_true(bytes >= 0);
    payload.len += (size_t)bytes;
    put_frame(to, AMQP_FRAME_METHOD, channel, &payload);
    buffer_fini(&payload);
}

static void put_header(struct buffer *to, uint16_t class_id, uint64_t body_bytes) {
    struct buffer payload = BUFFER_INIT;
    buffer_u16(&payload, class_id);
    buffer_u16(&payload, 0);
    buffer_u64(&payload, body_bytes);
    buffer_u16(&payload, 0);
    put_frame(to, AMQP_FRAME_HEADER, 1, &payload);
    buffer_fini(&payload);
}

static void put_body(struct buffer *to, uint16_t channel, const char *text) {
    struct buffer payload = BUFFER_INIT;
    buffer_append_text(&payload, text);
    put_frame(to, AMQP_FRAME_BODY, channel, &payload);
    buffer_fini(&payload);
}

static void put_deliver(struct buffer *to, uint64_t tag) {
    amqp_basic_deliver_t deliver = {.consumer_tag = amqp_cstring_bytes("c"),
                                    .delivery_tag = tag,
                                    .routing_key = amqp_cstring_bytes("k")};
    put_method(to, 1, AMQP_BASIC_DELIVER_METHOD, &deliver);
}

static void test_garbage(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append_text(&b, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    expect_lost(&b, "not AMQP");
    buffer_reset(&b, 64);
    buffer_append(&b, "\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x3c\xce", 12); /* cut */
    expect_lost(&b, "not AMQP");
    buffer_reset(&b, 64);
    buffer_append(&b, "\x01\x00\x01\x7f\xff\xff\xff", 7); /* a frame of 2 GiB */
    expect_lost(&b, "not AMQP");
    buffer_reset(&b, 64);
    buffer_append(&b, "\x01\x00\x01\x00\x00\x00\x04\x00\x99\x00\x99\xce", 12);
    expect_lost(&b, "not AMQP"); /* no such method */
    buffer_fini(&b);
}

static void test_frames_out_of_order(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    put_body(&b, 1, "body");
    expect_lost(&b, "unexpected frame (idle)");
    buffer_reset(&b, 64);
    put_header(&b, AMQP_BASIC_CLASS, 3);
    expect_lost(&b, "unexpected frame (idle)");
    buffer_reset(&b, 64);
    put_deliver(&b, 1);
    put_deliver(&b, 2);
    expect_lost(&b, "unexpected frame (started)");
    buffer_reset(&b, 64);
    put_deliver(&b, 1);
    put_body(&b, 1, "body");
    expect_lost(&b, "unexpected frame (started)");
    buffer_reset(&b, 64);
    put_deliver(&b, 1);
    put_header(&b, AMQP_BASIC_CLASS, 3);
    put_body(&b, 1, "body");
    expect_lost(&b, "unexpected frame (body)");
    buffer_fini(&b);
}

static void test_a_header_of_another_class(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    put_deliver(&b, 1);
    put_header(&b, AMQP_CONNECTION_CLASS, 0);
    expect_lost(&b, "unexpected");
    buffer_fini(&b);
}

static void test_delivery_tags_out_of_turn(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    put_deliver(&b, UINT64_MAX);
    expect_lost(&b, "skipped a delivery tag");
    buffer_fini(&b);
}

static void test_confirms_of_nothing(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    amqp_basic_ack_t ack = {.delivery_tag = 1};
    put_method(&b, 1, AMQP_BASIC_ACK_METHOD, &ack);
    expect_lost(&b, "does not have");
    buffer_reset(&b, 64);
    amqp_basic_nack_t nack = {.delivery_tag = UINT64_MAX, .multiple = 1};
    put_method(&b, 1, AMQP_BASIC_NACK_METHOD, &nack);
    expect_lost(&b, "does not have");
    buffer_fini(&b);
}

static void test_answers_to_nothing(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    amqp_queue_declare_ok_t declared = {.queue = amqp_cstring_bytes("q")};
    amqp_channel_open_ok_t opened = {.channel_id = amqp_empty_bytes};
    amqp_channel_close_t closed = {.reply_code = 404, .reply_text = amqp_empty_bytes};
    put_method(&b, 2, AMQP_QUEUE_DECLARE_OK_METHOD, &declared);
    expect_lost(&b, "QUEUE_DECLARE_OK_METHOD, idle");
    buffer_reset(&b, 64);
    put_method(&b, 2, AMQP_CHANNEL_OPEN_OK_METHOD, &opened);
    expect_lost(&b, "CHANNEL_OPEN_OK_METHOD, idle");
    buffer_reset(&b, 64);
    put_method(&b, 2, AMQP_CHANNEL_CLOSE_METHOD, &closed);
    expect_lost(&b, "CHANNEL_CLOSE_METHOD, idle");
    buffer_reset(&b, 64);
    put_method(&b, 0, AMQP_CHANNEL_OPEN_OK_METHOD, &opened);
    expect_lost(&b, "unexpected");
    buffer_reset(&b, 64);
    put_method(&b, 7, AMQP_CHANNEL_OPEN_OK_METHOD, &opened);
    expect_lost(&b, "channel 7");
    buffer_fini(&b);
}

static void test_the_broker_says_good_bye(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    amqp_connection_close_t close = {
        .reply_code = 320, .reply_text = amqp_cstring_bytes("CONNECTION_FORCED")};
    put_method(&b, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
    expect_lost(&b, "320 CONNECTION_FORCED");
    buffer_fini(&b);
}

/* A message over the limit is skipped; what follows it is taken. */
static void test_a_message_too_large_is_left_out(void **state) {
    (void)state;
    struct scene scene;
    struct buffer b = BUFFER_INIT;
    open_scene(&scene);
    put_deliver(&b, 1);
    put_header(&b, AMQP_BASIC_CLASS, 1ull << 40);
    put_body(&b, 1, "the beginning of a terabyte");
    proxy_inject(scene.proxy, b.data, b.len);
    assert_null(stage_await(&scene.stage, LINK_LOST, 200));
    close_scene(&scene);

    open_scene(&scene);
    buffer_reset(&b, 64);
    put_deliver(&b, 1);
    put_header(&b, AMQP_BASIC_CLASS, 4);
    put_body(&b, 1, "bo");
    put_body(&b, 1, "dy");
    proxy_inject(scene.proxy, b.data, b.len);
    struct message *m = stage_delivery(&scene.stage);
    assert_int_equal(m->body.len, 4);
    assert_memory_equal(m->body.data, "body", 4);
    message_free(m);
    close_scene(&scene);
    buffer_fini(&b);
}

static void test_blocked_and_unblocked_are_told(void **state) {
    (void)state;
    struct scene scene;
    struct buffer b = BUFFER_INIT;
    amqp_connection_blocked_t blocked = {.reason = amqp_cstring_bytes("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    open_scene(&scene);
    put_method(&b, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    put_method(&b, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    proxy_inject(scene.proxy, b.data, b.len);
    struct link_event *event = stage_expect(&scene.stage, LINK_BLOCKED);
    assert_string_equal(event->text, "low on memory");
    link_event_free(event);
    stage_pass(&scene.stage, LINK_UNBLOCKED);
    close_scene(&scene);
    buffer_fini(&b);
}

/* The stream ends after any number of bytes of the login. */
static void test_login_cut_anywhere(void **state) {
    (void)state;
    for (uint64_t bytes = 1; bytes < 600; bytes += 41) {
        struct crew_broker broker;
        struct stage s;
        struct proxy *p = proxy_new();
        proxy_listen(p, true);
        proxy_limit(p, bytes);
        proxy_broker(p, &broker);
        stage_start(&s, &broker);
        stage_pass(&s, LINK_FAILED);
        proxy_limit(p, 0);
        stage_pass(&s, LINK_OPEN);
        stage_close(&s);
        proxy_free(p);
    }
}

/* Sound frames with a few bytes turned over. Whatever happens, the link ends in peace. */
static void test_frames_with_turned_bits(void **state) {
    (void)state;
    unsigned seed = 20240229;
    for (int round = 0; round < 60; round++) {
        struct scene scene;
        struct buffer b = BUFFER_INIT;
        amqp_basic_return_t returned = {.routing_key = amqp_cstring_bytes("k")};
        open_scene(&scene);
        for (uint64_t tag = 1; tag < 20; tag++) {
            put_deliver(&b, tag);
            put_header(&b, AMQP_BASIC_CLASS, 4);
            put_body(&b, 1, "body");
            put_method(&b, 1, AMQP_BASIC_RETURN_METHOD, &returned);
            put_header(&b, AMQP_BASIC_CLASS, 0);
        }
        for (int i = 0; i < 1 + round % 8; i++)
            b.data[(size_t)rand_r(&seed) % b.len] ^= (uint8_t)(1 << rand_r(&seed) % 8);
        proxy_inject(scene.proxy, b.data, b.len);
        link_event_free(stage_await(&scene.stage, LINK_LOST, 20));
        close_scene(&scene);
        buffer_fini(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_frames_out_of_order),
        cmocka_unit_test(test_a_header_of_another_class),
        cmocka_unit_test(test_delivery_tags_out_of_turn),
        cmocka_unit_test(test_confirms_of_nothing),
        cmocka_unit_test(test_answers_to_nothing),
        cmocka_unit_test(test_the_broker_says_good_bye),
        cmocka_unit_test(test_a_message_too_large_is_left_out),
        cmocka_unit_test(test_blocked_and_unblocked_are_told),
        cmocka_unit_test(test_login_cut_anywhere),
        cmocka_unit_test(test_frames_with_turned_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
