/* crew/message.h: bodies of calls, and copies of answers. */
#include "unit.h"

#include <crew/message.h>

/* ---- bodies ---- */

static struct crew_call other_call(void) {
    return (struct crew_call){.form = CREW_HTTP, .task = "t", .priority = 7};
}

static void test_body_may_be_any_bytes(void **state) {
    (void)state;
    struct crew_call call = other_call();
    static const char bytes[] = "a\0\xff";
    crew_call_bytes(&call, bytes, 3);
    assert_int_equal(call.form, CREW_PLAIN);
    assert_string_equal(call.content_type, "application/octet-stream");
    assert_ptr_equal(call.body, bytes);
    assert_int_equal(call.body_bytes, 3);
    assert_int_equal(call.priority, 7); /* other fields are unchanged */
}

static void test_text_is_utf8(void **state) {
    (void)state;
    struct crew_call call = other_call();
    assert_int_equal(crew_call_text(&call, "gr\xc3\xbc\xc3\x9f"), CREW_OK);
    assert_string_equal(call.content_type, "text/plain; charset=utf-8");
    assert_int_equal(call.body_bytes, 6);
    assert_int_equal(crew_call_text(&call, ""), CREW_OK);
    assert_int_equal(call.body_bytes, 0);
}

static void test_text_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"\xff",
                                      "\xc3",
                                      "a\x80",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80",
                                      "ok \xfe"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct crew_call call = other_call(), before = call;
        assert_int_equal(crew_call_text(&call, bad[i]), CREW_EMALFORMED);
        assert_memory_equal(&call, &before, sizeof call);
    }
}

static int json(const char *text) {
    struct crew_call call = other_call(), before = call;
    char why[80] = "";
    int error = crew_call_json(&call, text, why, sizeof why);
    if (error == CREW_OK) {
        assert_string_equal(call.content_type, "application/json");
        assert_ptr_equal(call.body, text);
        assert_int_equal(call.body_bytes, strlen(text));
        assert_int_equal(why[0], '\0');
    } else {
        assert_memory_equal(&call, &before, sizeof call);
        assert_non_null(strstr(why, "line "));
        assert_int_equal(crew_call_json(&call, text, NULL, 0), error);
        assert_int_equal(crew_call_json(&call, text, why, 0), error);
        assert_int_equal(crew_call_json(&call, text, why, 1), error);
        assert_int_equal(why[0], '\0');
    }
    return error;
}

static void test_json_of_every_type_is_accepted(void **state) {
    (void)state;
    static const char *const good[] = {"null",
                                       "true",
                                       "0",
                                       "-1.5e-3",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       " \t\r\n[1, 2]\n",
                                       "{\"a\": 1, \"a\": 2}",
                                       "\"gr\xc3\xbc\xc3\x9f\"",
                                       "\"\\u0000\"",
                                       "{\"a\": \"\\ud83d\\ude00\"}",
                                       "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(json(good[i]), CREW_OK);
}

static void test_invalid_json_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\"}",
                                      "{a: 1}",
                                      "'a'",
                                      "01",
                                      "1.",
                                      "+1",
                                      "nul",
                                      "NaN",
                                      "[1] x",
                                      "{} {}",
                                      "// c\n1",
                                      "\"a\nb\"",
                                      "\"\\x\"",
                                      "\"\xff\"",
                                      "[\"\xc0\x80\"]",
                                      "\"\\ud800\"",
                                      "{\"\\u0000\": 1}",
                                      "1e999",
                                      "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(json(bad[i]), CREW_EMALFORMED);
}

/* DEEP nested arrays. */
static char *nested(size_t deep) {
    char *text = malloc(2 * deep + 1);
    assert_non_null(text);
    memset(text, '[', deep);
    memset(text + deep, ']', deep);
    text[2 * deep] = '\0';
    return text;
}

static void test_json_nesting_is_limited(void **state) {
    (void)state;
    static const struct {
        size_t deep;
        int error;
    } cases[] = {{2048, CREW_OK}, {2049, CREW_EMALFORMED}, {10000, CREW_EMALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = nested(cases[i].deep);
        assert_int_equal(json(text), cases[i].error);
        text[cases[i].deep] = '\0'; /* not closed */
        assert_int_equal(json(text), CREW_EMALFORMED);
        free(text);
    }
}

static void test_json_error_says_where(void **state) {
    (void)state;
    struct crew_call call = other_call();
    char why[200];
    assert_int_equal(crew_call_json(&call, "{\n  \"a\": x\n}", why, sizeof why),
                     CREW_EMALFORMED);
    assert_non_null(strstr(why, "line 2, column 8"));
}

/* ---- copies ---- */

static void test_copy_is_independent(void **state) {
    (void)state;
    char name[] = "Name+", value[] = "a\0b+", body[] = "body\0+", type[] = "text/x",
         worker[] = "uuid";
    struct crew_pair pairs[] = {{name, 4, value, 3}, {"", 0, NULL, 0}};
    struct crew_answer answer = {.error = CREW_EFAILED,
                                 .status = 500,
                                 .content_type = type,
                                 .pairs = pairs,
                                 .pair_count = 2,
                                 .body = body,
                                 .body_bytes = 5,
                                 .run_us = 17,
                                 .worker = worker};
    struct crew_answer *copy = crew_answer_copy(&answer);
    memset(name, '#', sizeof name - 1);
    memset(value, '#', sizeof value - 1);
    memset(body, '#', sizeof body - 1);
    memset(type, '#', sizeof type - 1);
    memset(worker, '#', sizeof worker - 1);
    memset(pairs, 0, sizeof pairs);
    assert_int_equal(copy->error, CREW_EFAILED);
    assert_int_equal(copy->status, 500);
    assert_int_equal(copy->run_us, 17);
    assert_string_equal(copy->content_type, "text/x");
    assert_string_equal(copy->worker, "uuid");
    assert_int_equal(copy->pair_count, 2);
    assert_int_equal(copy->pairs[0].name_bytes, 4);
    assert_string_equal(copy->pairs[0].name, "Name");
    assert_int_equal(copy->pairs[0].value_bytes, 3);
    assert_memory_equal(copy->pairs[0].value, "a\0b\0", 4); /* with a terminating zero */
    assert_string_equal(copy->pairs[1].name, "");
    assert_string_equal(copy->pairs[1].value, "");
    assert_int_equal(copy->body_bytes, 5);
    assert_memory_equal(copy->body, "body\0\0", 6);
    crew_answer_free(copy);
}

static void test_copy_of_an_empty_answer(void **state) {
    (void)state;
    struct crew_answer answer = {.status = 204};
    struct crew_answer *copy = crew_answer_copy(&answer);
    assert_int_equal(copy->status, 204);
    assert_null(copy->content_type);
    assert_null(copy->worker);
    assert_int_equal(copy->body_bytes, 0);
    assert_string_equal(copy->body, "");
    struct crew_answer *again = crew_answer_copy(copy);
    crew_answer_free(copy);
    assert_string_equal(again->body, "");
    crew_answer_free(again);
    crew_answer_free(NULL);
}

/* Name "A", value "bc", then one without name and value. */
static const uint8_t block[] = {0, 1, 0, 0, 0, 2, 'A', 'b', 'c', 0, 0, 0, 0, 0, 0};

static void test_pairs_are_read_in_order(void **state) {
    (void)state;
    struct crew_pair pair;
    size_t offset = 0;
    assert_true(crew_pairs_next(block, sizeof block, &offset, &pair));
    assert_int_equal(pair.name_bytes, 1);
    assert_memory_equal(pair.name, "A", 1);
    assert_int_equal(pair.value_bytes, 2);
    assert_memory_equal(pair.value, "bc", 2);
    assert_true(crew_pairs_next(block, sizeof block, &offset, &pair));
    assert_int_equal(pair.name_bytes + pair.value_bytes, 0);
    assert_false(crew_pairs_next(block, sizeof block, &offset, &pair));
    assert_int_equal(offset, sizeof block);
    offset = 0;
    assert_false(crew_pairs_next(NULL, 0, &offset, &pair));
}

/* A block that is cut anywhere ends before the pair that is incomplete. */
static void test_cut_pairs_end_early(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes < sizeof block; bytes++) {
        struct crew_pair pair;
        size_t offset = 0, count = 0;
        while (crew_pairs_next(block, bytes, &offset, &pair))
            count++;
        assert_int_equal(count, bytes >= 9);
        assert_int_equal(offset, bytes >= 9 ? 9 : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_may_be_any_bytes),
        cmocka_unit_test(test_text_is_utf8),
        cmocka_unit_test(test_text_that_is_not_utf8_is_refused),
        cmocka_unit_test(test_json_of_every_type_is_accepted),
        cmocka_unit_test(test_invalid_json_is_refused),
        cmocka_unit_test(test_json_nesting_is_limited),
        cmocka_unit_test(test_json_error_says_where),
        cmocka_unit_test(test_pairs_are_read_in_order),
        cmocka_unit_test(test_cut_pairs_end_early),
        cmocka_unit_test(test_copy_is_independent),
        cmocka_unit_test(test_copy_of_an_empty_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
