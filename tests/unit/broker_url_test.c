/* crew/broker.h */
#include "unit.h"

#include <crew/broker.h>

static void assert_url(const char *text, bool tls, const char *host, int port,
                       const char *username, const char *password, const char *vhost) {
    crew_broker broker;
    char why[200] = "";
    crew_broker_init(&broker);
    if (crew_broker_parse(&broker, text, why, sizeof why) != CREW_OK)
        fail_msg("%s: %s", text, why);
    assert_int_equal(broker.url_count, 1);
    const struct crew_broker_url *url = &broker.urls[0];
    assert_int_equal(url->tls, tls);
    assert_string_equal(url->host, host);
    assert_int_equal(url->port, port);
    assert_string_equal(url->username, username);
    assert_string_equal(url->password, password);
    assert_string_equal(url->vhost, vhost);
    crew_broker_fini(&broker);
}

static void test_broker_url_defaults(void **state) {
    (void)state;
    assert_url("amqp://", false, "localhost", 5672, "guest", "guest", "/");
    assert_url("amqp://h", false, "h", 5672, "guest", "guest", "/");
    assert_url("AMQPS://h", true, "h", 5671, "guest", "guest", "/");
    assert_url("amqp://u@h", false, "h", 5672, "u", "guest", "/");
    assert_url("amqp://u:@h:", false, "h", 5672, "u", "", "/");
}

static void test_broker_url_parts(void **state) {
    (void)state;
    assert_url("amqp://u:p@h:1/v", false, "h", 1, "u", "p", "v");
    assert_url("amqps://u:p@h:65535/v", true, "h", 65535, "u", "p", "v");
    assert_url("amqp://u%40x:p%2F%3a%2c@h", false, "h", 5672, "u@x", "p/:,", "/");
    assert_url("amqp://u:a@b:c@h", false, "h", 5672, "u", "a@b:c", "/");
    assert_url("amqp://[::1]", false, "::1", 5672, "guest", "guest", "/");
    assert_url("amqp://u:p@[fe80::1%25lo]:7/v", false, "fe80::1%lo", 7, "u", "p", "v");
}

static void test_broker_url_vhosts(void **state) {
    (void)state;
    assert_url("amqp://h/", false, "h", 5672, "guest", "guest", "/");
    assert_url("amqp://h/%2f", false, "h", 5672, "guest", "guest", "/");
    assert_url("amqp://h//", false, "h", 5672, "guest", "guest", "/");
    assert_url("amqp://h/a%20b", false, "h", 5672, "guest", "guest", "a b");
}

static void test_broker_url_several(void **state) {
    (void)state;
    crew_broker broker;
    char text[100];
    crew_broker_init(&broker);
    assert_int_equal(
        crew_broker_parse(&broker, "amqp://a/v, amqps://[::1]:9 ,amqp://c", NULL, 0),
        CREW_OK);
    assert_int_equal(broker.url_count, 3);
    crew_broker_describe(&broker, text, sizeof text);
    assert_string_equal(text, "a:5672/v, [::1]:9/, c:5672/");
    char small[5];
    crew_broker_describe(&broker, small, sizeof small);
    assert_string_equal(small, "a:56");
    crew_broker_fini(&broker);
}

/* Each contains SECRET where a password may be meant. */
static const char *const broken[] = {
    "",
    ",",
    "amqp://a,",
    "http://u:SECRET@h",
    "u:SECRET@h",
    "amqp://u:SECRET@h:0",
    "amqp://u:SECRET@h:65536",
    "amqp://u:SECRET@h:99999999999999999999",
    "amqp://u:SECRET@h:5672x",
    "amqp://u:SECRET%zz@h",
    "amqp://u:SECRET%0@h",
    "amqp://u:SECRET%00@h",
    "amqp://u:SECRET%0a@h",
    "amqp://u:SECRET/SECRET@h",
    "amqp://u:1/SECRET@h",
    "amqp://u:SECRET,SECRET@h",
    "amqp://u:SECRET?SECRET@h",
    "amqp://u:SECRET#SECRET@h",
    "amqp://u:SECRET@h/v?heartbeat=3",
    "amqp://u:SECRET@[::1",
    "amqp://u:SECRET@[::1]x",
    "amqp://u:SECRET@a b",
    "amqp://u:SECRET@h/v\n",
};

static void test_broker_url_errors_change_nothing_and_show_no_secret(void **state) {
    (void)state;
    crew_broker broker;
    char why[200];
    crew_broker_init(&broker);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        why[0] = '\0';
        int error = crew_broker_parse(&broker, broken[i], why, sizeof why);
        if (error != CREW_EMALFORMED)
            fail_msg("%s was taken", broken[i]);
        assert_int_equal(strncmp(why, "broker address ", 15), 0);
        assert_null(strstr(why, "SECRET"));
        assert_int_equal(broker.url_count, 1);
        assert_string_equal(broker.urls[0].host, "localhost");
    }
    assert_int_equal(crew_broker_parse(&broker, "no", NULL, 0), CREW_EMALFORMED);
    crew_broker_fini(&broker);
}

static void test_broker_url_vhost_is_a_short_string(void **state) {
    (void)state;
    crew_broker broker;
    char url[300] = "amqp://h/";
    crew_broker_init(&broker);
    memset(url + 9, 'v', 255);
    assert_int_equal(crew_broker_parse(&broker, url, NULL, 0), CREW_OK);
    url[9 + 255] = 'v';
    assert_int_equal(crew_broker_parse(&broker, url, NULL, 0), CREW_EMALFORMED);
    crew_broker_fini(&broker);
}

static void test_broker_url_copy_is_deep(void **state) {
    (void)state;
    crew_broker broker, copy;
    crew_broker_init(&broker);
    assert_int_equal(broker.heartbeat_s, 10);
    crew_broker_parse(&broker, "amqps://u:p@h/v,amqp://second", NULL, 0);
    broker.ca_file = strdup("ca");
    broker.heartbeat_s = 3;
    assert_int_equal(crew_broker_copy(&copy, &broker), CREW_OK);
    crew_broker_fini(&broker);
    assert_null(broker.urls);
    assert_int_equal(copy.url_count, 2);
    assert_true(copy.urls[0].tls);
    assert_string_equal(copy.urls[0].password, "p");
    assert_string_equal(copy.urls[1].host, "second");
    assert_string_equal(copy.ca_file, "ca");
    assert_null(copy.key_file);
    assert_int_equal(copy.heartbeat_s, 3);
    crew_broker_fini(&copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker_url_defaults),
        cmocka_unit_test(test_broker_url_parts),
        cmocka_unit_test(test_broker_url_vhosts),
        cmocka_unit_test(test_broker_url_several),
        cmocka_unit_test(test_broker_url_errors_change_nothing_and_show_no_secret),
        cmocka_unit_test(test_broker_url_vhost_is_a_short_string),
        cmocka_unit_test(test_broker_url_copy_is_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
