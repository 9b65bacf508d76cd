/* A link over TLS, to the broker of with-tls-broker. */
#include "base/xalloc.h"
#include "cmocka_all.h"
#include "link_fixture.h"
#include <stdlib.h>
#include <string.h>

static int port_of(const char *variable) {
    const char *text = getenv(variable);
    assert_non_null(text);
    return atoi(text);
}

static void start_tls(struct link_fixture *f, const char *host, const char *port_variable,
                      const char *ca_variable) {
    struct crew_broker broker;
    link_fixture_broker(&broker);
    free(broker.urls[0].host);
    broker.urls[0].host = xstrdup(host);
    broker.urls[0].port = port_of(port_variable);
    broker.urls[0].tls = true;
    broker.heartbeat_s = 1;
    if (ca_variable != NULL)
        broker.ca_file = xstrdup(getenv(ca_variable));
    link_fixture_start(f, &broker);
}

static void expect_failure(struct link_fixture *f, const char *part) {
    struct link_event *event = link_fixture_expect(f, LINK_FAILED);
    if (strstr(event->text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, event->text);
    link_event_free(event);
    link_fixture_close(f);
}

static void test_messages_of_all_sizes(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, 131064, 131065, 5u << 20};
    struct link_fixture f;
    char queue[40];
    start_tls(&f, "localhost", "TLS_PORT", "TLS_CA");
    link_fixture_wait_for(&f, LINK_OPEN);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, false);
    uint8_t *body = xcalloc(1, 5u << 20);
    for (size_t i = 0; i < 5u << 20; i++)
        body[i] = (uint8_t)(i * 7 ^ i >> 8);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        link_publish(f.link, f.epoch, link_fixture_message(queue, body, sizes[i]));
        struct message *m = link_fixture_next_delivery(&f);
        assert_int_equal(m->body.len, sizes[i]);
        if (sizes[i] > 0)
            assert_memory_equal(m->body.data, body, sizes[i]);
        link_ack(f.link, f.epoch, m->delivery_tag);
        message_free(m);
        struct link_event *event = link_fixture_expect(&f, LINK_PUBLISHED);
        assert_int_equal(event->message->status, PUBLISH_CONFIRMED);
        link_event_free(event);
    }
    free(body);
    link_fixture_close(&f);
}

static void test_many_at_once(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct link_fixture f;
    char queue[40];
    start_tls(&f, "localhost", "TLS_PORT", "TLS_CA");
    link_fixture_wait_for(&f, LINK_OPEN);
    link_fixture_declare_queue(&f, queue);
    link_fixture_consume(&f, queue, false);
    for (int i = 0; i < COUNT; i++)
        link_publish(f.link, f.epoch, link_fixture_message(queue, "some body", 9));
    for (int i = 0; i < COUNT; i++) {
        struct message *m = link_fixture_next_delivery(&f);
        link_ack(f.link, f.epoch, m->delivery_tag);
        message_free(m);
        link_fixture_wait_for(&f, LINK_PUBLISHED);
    }
    link_fixture_expect_depth(&f, queue, 0);
    link_fixture_close(&f);
}

static void test_idle_connection_stays_open(void **state) {
    (void)state;
    struct link_fixture f;
    start_tls(&f, "localhost", "TLS_PORT", "TLS_CA");
    link_fixture_wait_for(&f, LINK_OPEN);
    assert_null(link_fixture_await(&f, LINK_LOST, 4000));
    assert_int_equal(
        link_fixture_publish(&f, link_fixture_message("crew.test.none", "x", 1)),
        PUBLISH_CONFIRMED);
    link_fixture_close(&f);
}

static void test_unknown_authority_is_refused(void **state) {
    (void)state;
    struct link_fixture f;
    start_tls(&f, "localhost", "TLS_PORT", "TLS_OTHER_CA");
    expect_failure(&f, "self-signed certificate");
    start_tls(&f, "localhost", "TLS_PORT", NULL); /* the system's bundle */
    expect_failure(&f, "self-signed certificate");
}

static void test_wrong_host_name_is_refused(void **state) {
    (void)state;
    struct link_fixture f;
    start_tls(&f, "127.0.0.1", "TLS_PORT", "TLS_CA");
    expect_failure(&f, "IP address mismatch");
}

static void test_expired_certificate_is_refused(void **state) {
    (void)state;
    struct link_fixture f;
    start_tls(&f, "localhost", "TLS_EXPIRED_PORT", "TLS_CA");
    expect_failure(&f, "has expired");
}

static void test_missing_ca_file_is_reported(void **state) {
    (void)state;
    struct link_fixture f;
    setenv("TLS_NONE", "/nonexistent/ca.pem", 1);
    start_tls(&f, "localhost", "TLS_PORT", "TLS_NONE");
    expect_failure(&f, "/nonexistent/ca.pem");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_all_sizes),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_idle_connection_stays_open),
        cmocka_unit_test(test_unknown_authority_is_refused),
        cmocka_unit_test(test_wrong_host_name_is_refused),
        cmocka_unit_test(test_expired_certificate_is_refused),
        cmocka_unit_test(test_missing_ca_file_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
