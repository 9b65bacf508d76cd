/* Messages and their encoding. */
#include "amqp/publish.h"
#include "cmocka_all.h"
#include <string.h>

static void test_message_copies_all_properties(void **state) {
    (void)state;
    char text[] = "text";
    struct message_header headers[] = {{"a", text, 0}, {"b", NULL, -7}};
    struct message_properties p = {.exchange = text,
                                   .routing_key = text,
                                   .reply_to = text,
                                   .headers = headers,
                                   .header_count = 2,
                                   .priority = 3};
    struct message *m = message_new(&p);
    memset(text, 'x', 4);
    headers[1].number = 0;

    assert_string_equal(m->p.exchange, "text");
    assert_string_equal(m->p.routing_key, "text");
    assert_string_equal(m->p.reply_to, "text");
    assert_null(m->p.content_type);
    assert_int_equal(m->p.priority, 3);
    assert_string_equal(message_header(m, "a")->text, "text");
    assert_int_equal(message_header(m, "b")->number, -7);
    assert_null(message_header(m, "b")->text);
    assert_null(message_header(m, "c"));
    message_free(m);
    message_free(NULL);
}

static size_t bound_of(const struct message_properties *p) {
    struct message *m = message_new(p);
    size_t bound = publish_properties_bound(m, 4096);
    message_free(m);
    return bound;
}

static void test_publish_properties_bound_is_zero_for_invalid_messages(void **state) {
    (void)state;
    char name[4096];
    memset(name, 'n', sizeof name);
    struct message_header header = {.name = "h", .text = name};

    name[255] = '\0';
    assert_true(bound_of(&(struct message_properties){.routing_key = name}) > 0);
    assert_true(bound_of(&(struct message_properties){.headers = &header,
                                                      .header_count = 1}) > 0);
    name[255] = 'n';
    name[256] = '\0';
    assert_int_equal(bound_of(&(struct message_properties){.routing_key = name}), 0);
    assert_int_equal(bound_of(&(struct message_properties){.type = name}), 0);
    assert_true(bound_of(&(struct message_properties){.headers = &header,
                                                      .header_count = 1}) > 0);
    name[256] = 'n';
    name[4095] = '\0';
    assert_int_equal(
        bound_of(&(struct message_properties){.headers = &header, .header_count = 1}), 0);
    header = (struct message_header){.name = name, .number = 1};
    assert_int_equal(
        bound_of(&(struct message_properties){.headers = &header, .header_count = 1}), 0);
}

/* A transport without a socket: the output is in `encoded`. */
static void test_publish_encodes_frames(void **state) {
    (void)state;
    struct transport t = {.frame_max = 4096};
    struct message *m = message_new(&(struct message_properties){.routing_key = "q"});
    uint8_t body[5000];
    memset(body, 'b', sizeof body);
    buffer_append(&m->body, body, sizeof body);

    publish_write(&t, 1, m, publish_properties_bound(m, t.frame_max));
    assert_null(transport_error(&t));
    assert_int_equal(transport_unsent(&t), t.encoded.len);

    const uint8_t kinds[] = {AMQP_FRAME_METHOD, AMQP_FRAME_HEADER, AMQP_FRAME_BODY,
                             AMQP_FRAME_BODY};
    const size_t body_bytes[] = {4096 - 8, 5000 - 4088};
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t.encoded.data[at], kinds[i]);
        assert_int_equal(bytes_u16(t.encoded.data + at + 1), 1);
        size_t bytes = bytes_u32(t.encoded.data + at + 3);
        assert_int_equal(t.encoded.data[at + 7 + bytes], AMQP_FRAME_END);
        if (i >= 2)
            assert_int_equal(bytes, body_bytes[i - 2]);
        at += bytes + 8;
    }
    assert_int_equal(at, t.encoded.len);
    message_free(m);
    transport_fini(&t);
}

/* A large body is written from its message. */
static void test_publish_does_not_copy_large_bodies(void **state) {
    (void)state;
    struct transport t = {.frame_max = 131072};
    struct message *m = message_new(&(struct message_properties){.routing_key = "q"});
    buffer_reserve(&m->body, 1000000);
    memset(m->body.data, 'b', 1000000);
    m->body.len = 1000000;

    publish_write(&t, 1, m, publish_properties_bound(m, t.frame_max));
    assert_true(t.encoded.len < 1000);
    assert_int_equal(transport_unsent(&t), t.encoded.len + 1000000);
    assert_ptr_equal(t.segments[1].body, m->body.data);
    message_free(m);
    transport_fini(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_copies_all_properties),
        cmocka_unit_test(test_publish_properties_bound_is_zero_for_invalid_messages),
        cmocka_unit_test(test_publish_encodes_frames),
        cmocka_unit_test(test_publish_does_not_copy_large_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
