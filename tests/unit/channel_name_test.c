/* wire/channel_name.h and wire/publication.h */
#include "unit.h"
#include "wire/channel_name.h"
#include "wire/limits.h"
#include "wire/publication.h"

static bool valid(const char *name) {
    return channel_name_valid(name, strlen(name));
}

static void test_channel_names_are_words_with_dots(void **state) {
    (void)state;
    assert_true(valid("test"));
    assert_true(valid("orders.eu.new"));
    assert_true(valid("a b/c:d"));
    assert_true(valid("\xc3\xa4rger.\xe2\x82\xac.\xf0\x9f\x98\x80"));
    assert_true(valid("a..b."));
    assert_false(valid(""));
}

static void test_wildcards_are_not_valid_words(void **state) {
    (void)state;
    static const char *const wild[] = {"*",   "#",   "*.a",   "#.a",
                                       "a.*", "a.#", "a.*.b", "..#"};
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++)
        assert_false(valid(wild[i]));
    assert_true(valid("c#.a*b.**.##"));
}

static void test_control_characters_and_invalid_utf8_are_refused(void **state) {
    (void)state;
    static const char *const odd[] = {
        "a\n",  "\r",    "a\tb",     "\x7f",         "\xc2\x85",
        "\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_false(valid(odd[i]));
    assert_false(channel_name_valid("a\0b", 3));
}

static void test_channel_name_length_is_limited(void **state) {
    (void)state;
    char name[LIMIT_CHANNEL_NAME_BYTES + 1];
    memset(name, 'x', sizeof name);
    assert_true(channel_name_valid(name, LIMIT_CHANNEL_NAME_BYTES));
    assert_false(channel_name_valid(name, LIMIT_CHANNEL_NAME_BYTES + 1));
}

static void test_publications_within_limits(void **state) {
    (void)state;
    char type[257];
    memset(type, 't', 256);
    type[256] = '\0';
    struct crew_publication p = {.channel = "c", .content_type = type + 1, .body = type};
    assert_int_equal(publication_check(&p), 0);
    p.content_type = type;
    assert_int_equal(publication_check(&p), CREW_EINVAL);
    p.content_type = NULL;
    p.expiration_ms = LIMIT_EXPIRATION_MS;
    assert_int_equal(publication_check(&p), 0);
    p.expiration_ms++;
    assert_int_equal(publication_check(&p), CREW_EINVAL);
    p.expiration_ms = 0;
    p.body_bytes = LIMIT_MESSAGE_BYTES + (size_t)1;
    assert_int_equal(publication_check(&p), CREW_ETOOLARGE);
    p.body_bytes = 0;
    p.channel = NULL;
    assert_int_equal(publication_check(&p), CREW_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_names_are_words_with_dots),
        cmocka_unit_test(test_wildcards_are_not_valid_words),
        cmocka_unit_test(test_control_characters_and_invalid_utf8_are_refused),
        cmocka_unit_test(test_channel_name_length_is_limited),
        cmocka_unit_test(test_publications_within_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
