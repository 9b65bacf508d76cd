/* A broker that violates the protocol: the connection is lost with a reason. Run with the
 * address sanitizer to detect memory errors. */
#include "amqp/rabbitmq_c.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include "proxy.h"
#include <stdlib.h>
#include <string.h>

struct proxied_link {
    struct proxy *proxy;
    struct link_fixture fixture;
};

static void open_proxied(struct proxied_link *p) {
    struct crew_broker broker;
    p->proxy = proxy_new();
    proxy_listen(p->proxy, true);
    proxy_broker(p->proxy, &broker);
    link_fixture_start(&p->fixture, &broker);
    link_fixture_wait_for(&p->fixture, LINK_OPEN);
}

static void close_proxied(struct proxied_link *p) {
    link_fixture_close(&p->fixture);
    proxy_free(p->proxy);
}

/* Send BYTES on a new connection: it must be lost with REASON, and the link
 * reconnects. */
static void expect_lost(const struct buffer *bytes, const char *reason) {
    struct proxied_link p;
    open_proxied(&p);
    proxy_inject(p.proxy, bytes->data, bytes->len);
    struct link_event *event = link_fixture_expect(&p.fixture, LINK_LOST);
    if (strstr(event->text, reason) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", reason, event->text);
    link_event_free(event);
    link_fixture_wait_for(&p.fixture, LINK_OPEN);
    close_proxied(&p);
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
    amqp_bytes_t space = {.len = 1000, .bytes = buffer_reserve(&payload, 1000)};
    int bytes = amqp_encode_method(id, method, space);
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

static void test_bytes_that_are_not_amqp(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    buffer_append_text(&b, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    expect_lost(&b, "not AMQP");
    buffer_reset(&b, 64);
    buffer_append(&b, "\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x3c\xce",
                  12); /* incomplete */
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

static void test_delivery_tags_out_of_order(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    put_deliver(&b, UINT64_MAX);
    expect_lost(&b, "skipped a delivery tag");
    buffer_fini(&b);
}

static void test_confirms_of_unknown_messages(void **state) {
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

static void test_replies_without_a_request(void **state) {
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

static void test_broker_closes_the_connection(void **state) {
    (void)state;
    struct buffer b = BUFFER_INIT;
    amqp_connection_close_t close = {
        .reply_code = 320, .reply_text = amqp_cstring_bytes("CONNECTION_FORCED")};
    put_method(&b, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
    expect_lost(&b, "320 CONNECTION_FORCED");
    buffer_fini(&b);
}

/* A message over the limit is skipped; the next one is delivered. */
static void test_message_over_the_limit_is_skipped(void **state) {
    (void)state;
    struct proxied_link p;
    struct buffer b = BUFFER_INIT;
    open_proxied(&p);
    put_deliver(&b, 1);
    put_header(&b, AMQP_BASIC_CLASS, 1ull << 40);
    put_body(&b, 1, "the start of a terabyte");
    proxy_inject(p.proxy, b.data, b.len);
    assert_null(link_fixture_await(&p.fixture, LINK_LOST, 200));
    close_proxied(&p);

    open_proxied(&p);
    buffer_reset(&b, 64);
    put_deliver(&b, 1);
    put_header(&b, AMQP_BASIC_CLASS, 4);
    put_body(&b, 1, "bo");
    put_body(&b, 1, "dy");
    proxy_inject(p.proxy, b.data, b.len);
    struct message *m = link_fixture_next_delivery(&p.fixture);
    assert_int_equal(m->body.len, 4);
    assert_memory_equal(m->body.data, "body", 4);
    message_free(m);
    close_proxied(&p);
    buffer_fini(&b);
}

static void test_blocked_and_unblocked_are_reported(void **state) {
    (void)state;
    struct proxied_link p;
    struct buffer b = BUFFER_INIT;
    amqp_connection_blocked_t blocked = {.reason = amqp_cstring_bytes("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    open_proxied(&p);
    put_method(&b, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    put_method(&b, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    proxy_inject(p.proxy, b.data, b.len);
    struct link_event *event = link_fixture_expect(&p.fixture, LINK_BLOCKED);
    assert_string_equal(event->text, "low on memory");
    link_event_free(event);
    link_fixture_wait_for(&p.fixture, LINK_UNBLOCKED);
    close_proxied(&p);
    buffer_fini(&b);
}

/* The connection ends after some bytes of the login. */
static void test_login_cut_anywhere(void **state) {
    (void)state;
    for (uint64_t bytes = 1; bytes < 600; bytes += 41) {
        struct crew_broker broker;
        struct link_fixture f;
        struct proxy *p = proxy_new();
        proxy_listen(p, true);
        proxy_limit(p, bytes);
        proxy_broker(p, &broker);
        link_fixture_start(&f, &broker);
        link_fixture_wait_for(&f, LINK_FAILED);
        proxy_limit(p, 0);
        link_fixture_wait_for(&f, LINK_OPEN);
        link_fixture_close(&f);
        proxy_free(p);
    }
}

/* Valid frames with a few flipped bits: the link must not crash or hang. */
static void test_frames_with_flipped_bits(void **state) {
    (void)state;
    unsigned seed = 20240229;
    for (int round = 0; round < 60; round++) {
        struct proxied_link p;
        struct buffer b = BUFFER_INIT;
        amqp_basic_return_t returned = {.routing_key = amqp_cstring_bytes("k")};
        open_proxied(&p);
        for (uint64_t tag = 1; tag < 20; tag++) {
            put_deliver(&b, tag);
            put_header(&b, AMQP_BASIC_CLASS, 4);
            put_body(&b, 1, "body");
            put_method(&b, 1, AMQP_BASIC_RETURN_METHOD, &returned);
            put_header(&b, AMQP_BASIC_CLASS, 0);
        }
        for (int i = 0; i < 1 + round % 8; i++)
            b.data[(size_t)rand_r(&seed) % b.len] ^= (uint8_t)(1 << rand_r(&seed) % 8);
        proxy_inject(p.proxy, b.data, b.len);
        link_event_free(link_fixture_await(&p.fixture, LINK_LOST, 20));
        close_proxied(&p);
        buffer_fini(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_are_not_amqp),
        cmocka_unit_test(test_frames_out_of_order),
        cmocka_unit_test(test_a_header_of_another_class),
        cmocka_unit_test(test_delivery_tags_out_of_order),
        cmocka_unit_test(test_confirms_of_unknown_messages),
        cmocka_unit_test(test_replies_without_a_request),
        cmocka_unit_test(test_broker_closes_the_connection),
        cmocka_unit_test(test_message_over_the_limit_is_skipped),
        cmocka_unit_test(test_blocked_and_unblocked_are_reported),
        cmocka_unit_test(test_login_cut_anywhere),
        cmocka_unit_test(test_frames_with_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
