/* The body as JSON. */
#include "cmocka_all.h"

#include "request_fixture.h"
#include <crew/json.h>
#include <stdlib.h>
#include <string.h>

static struct request_fixture *begin_json(const char *body) {
    return request_fixture_with_body("application/json", body, strlen(body));
}

static void assert_refused(struct request_fixture *b, const char *complaint) {
    json_t *json = NULL;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(crew_request_json(&b->request, &json), CREW_EBADREQUEST);
        assert_string_equal(crew_request_complaint(&b->request), complaint);
        complaint_set(&b->request.complaint, "%s", "of something else");
    }
    assert_null(json);
    request_fixture_free(b);
}

static void test_json_belongs_to_the_request(void **state) {
    (void)state;
    struct request_fixture *b = begin_json("{\"a\": [1, 2.5, \"\xc3\xa4\"]}");
    json_t *json, *again;
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    assert_true(json_is_array(json_object_get(json, "a")));
    assert_int_equal(crew_request_json(&b->request, &again), CREW_OK);
    assert_ptr_equal(json, again);
    json_incref(json);
    request_end(&b->request);
    assert_int_equal(json->refcount, 1);
    json_decref(json);
    request_fixture_free(b);
}

static void test_json_may_be_any_value(void **state) {
    (void)state;
    json_t *json;
    struct request_fixture *b = begin_json(" 12 ");
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    assert_int_equal(json_integer_value(json), 12);
    request_fixture_free(b);
}

static void test_json_says_what_is_wrong_and_where(void **state) {
    (void)state;
    assert_refused(begin_json("{\"a\": 1,\n \"b\": }"),
                   "line 2, column 7: unexpected token near '}'");
    assert_refused(begin_json("{\"a\": 1, \"a\": 2}"),
                   "line 1, column 12: duplicate object key near '\"a\"'");
    assert_refused(begin_json("[1] x"),
                   "line 1, column 5: end of file expected near 'x'");
    assert_refused(begin_json("[\"\xff\"]"),
                   "line 1, column 2: unable to decode byte 0xff near '\"'");
    assert_refused(begin_json("[\"\\u0000\"]"),
                   "line 1, column 9: a string holds a zero byte");
    assert_refused(begin_json("[99999999999999999999]"),
                   "line 1, column 21: too big integer near '99999999999999999999'");
    assert_refused(begin_json(""), "the body is empty, and no JSON");
}

static void test_json_of_another_type_is_rejected(void **state) {
    (void)state;
    assert_refused(request_fixture_with_body("text/plain", "{}", 2),
                   "the body is not application/json but text/plain");
    assert_refused(request_fixture_with_body("", "{}", 2),
                   "the body is not application/json but of no type");
    assert_refused(request_fixture_with_body("application/jsonx", "{}", 2),
                   "the body is not application/json but application/jsonx");
    static const char *const types[] = {"application/json; charset=utf-8",
                                        "Application/JSON", "application/problem+json"};
    json_t *json;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct request_fixture *b = request_fixture_with_body(types[i], "{}", 2);
        assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
        request_fixture_free(b);
    }
}

static void test_json_of_a_plain_call_needs_no_type(void **state) {
    (void)state;
    const char *const no_headers[] = {NULL};
    struct crew_request request = {0};
    struct task_maker maker;
    json_t *json;
    task_maker_init(&maker, CREW_PLAIN, "report", no_headers);
    task_maker_body(&maker, "{}", 2);
    assert_int_equal(request_begin(&request, NULL, &maker.view, 1), CREW_OK);
    assert_int_equal(crew_request_json(&request, &json), CREW_OK);
    request_end(&request);
    maker.view.content_type = "text/plain";
    assert_int_equal(request_begin(&request, NULL, &maker.view, 1), CREW_OK);
    assert_int_equal(crew_request_json(&request, &json), CREW_EBADREQUEST);
    request_fini(&request);
    task_maker_fini(&maker);
}

static struct request_fixture *begin_nested(size_t depth) {
    static char body[200000];
    memset(body, '[', depth);
    memset(body + depth, ']', depth);
    return request_fixture_with_body("application/json", body, 2 * depth);
}

static void test_json_depth_limit(void **state) {
    (void)state;
    json_t *json;
    struct request_fixture *b = begin_nested(64);
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    request_fixture_free(b);
    assert_refused(begin_nested(65), "line 1, column 65: nested more than 64 deep");
    assert_refused(begin_nested(100000), "line 1, column 65: nested more than 64 deep");
    b = begin_nested(65);
    crew_request_set_limits(&b->request, &(struct crew_request_limits){.json_depth = 65});
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    request_fixture_free(b);
    b = begin_nested(100000);
    crew_request_set_limits(&b->request,
                            &(struct crew_request_limits){.json_depth = 1000000});
    assert_int_equal(crew_request_json(&b->request, &json), CREW_EBADREQUEST);
    request_fixture_free(b);
    b = begin_json("{\n\"\xc3\xa4[\\\"[\": [{}, {}, [1]],\"\\\\\":[[[");
    crew_request_set_limits(&b->request, &(struct crew_request_limits){.json_depth = 3});
    assert_refused(b, "line 2, column 31: nested more than 3 deep");
}

static void test_json_size_limit(void **state) {
    (void)state;
    size_t bytes = 1024 * 1024;
    char *body = malloc(bytes + 1);
    assert_non_null(body);
    memset(body, ' ', bytes + 1);
    body[0] = '1';
    json_t *json;
    struct request_fixture *b =
        request_fixture_with_body("application/json", body, bytes);
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    request_fixture_free(b);
    assert_refused(request_fixture_with_body("application/json", body, bytes + 1),
                   "the body has more than 1048576 bytes of JSON");
    b = request_fixture_with_body("application/json", body, bytes + 1);
    crew_request_set_limits(&b->request,
                            &(struct crew_request_limits){.json_bytes = bytes + 1});
    assert_int_equal(crew_request_json(&b->request, &json), CREW_OK);
    request_end(&b->request);
    assert_int_equal(b->request.limits.json_bytes, 0);
    request_fixture_free(b);
    free(body);
}

static void test_json_is_unpacked(void **state) {
    (void)state;
    struct request_fixture *b = begin_json("{\"name\": \"Neo\", \"ages\": [36, 37]}");
    struct crew_request *request = &b->request;
    const char *name = NULL;
    int age = 0, size = 12;
    assert_int_equal(crew_request_json_unpack(request, "{s:s, s:[i], s?:i}", "name",
                                              &name, "ages", &age, "size", &size),
                     CREW_OK);
    assert_string_equal(name, "Neo");
    assert_int_equal(age, 36);
    assert_int_equal(size, 12);
    assert_int_equal(crew_request_json_unpack(request, "{s:i}", "size", &size),
                     CREW_EBADREQUEST);
    assert_string_equal(crew_request_complaint(request), "Object item not found: size");
    assert_int_equal(crew_request_json_unpack(request, "{s:i}", "name", &age),
                     CREW_EBADREQUEST);
    assert_string_equal(crew_request_complaint(request), "Expected integer, got string");
    assert_int_equal(crew_request_json_unpack(request, "{s:s!}", "name", &name),
                     CREW_EBADREQUEST);
    assert_int_equal(
        crew_request_json_unpack(request, "{s:[iii]}", "ages", &age, &age, &age),
        CREW_EBADREQUEST);
    assert_int_equal(crew_request_json_unpack(request, "{s:", "name"), CREW_EINVAL);
    request_fixture_free(b);
    b = begin_json("{");
    assert_int_equal(crew_request_json_unpack(&b->request, "{}"), CREW_EBADREQUEST);
    request_fixture_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_belongs_to_the_request),
        cmocka_unit_test(test_json_may_be_any_value),
        cmocka_unit_test(test_json_says_what_is_wrong_and_where),
        cmocka_unit_test(test_json_of_another_type_is_rejected),
        cmocka_unit_test(test_json_of_a_plain_call_needs_no_type),
        cmocka_unit_test(test_json_depth_limit),
        cmocka_unit_test(test_json_size_limit),
        cmocka_unit_test(test_json_is_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
