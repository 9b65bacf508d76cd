/* base/base64.h */
#include "base/base64.h"
#include "unit.h"

static void assert_text(const void *bytes, size_t count, const char *expected) {
    struct buffer text = BUFFER_INIT;
    buffer_append_text(&text, "before:");
    base64_append(&text, bytes, count);
    buffer_u8(&text, '\0');
    assert_string_equal((const char *)text.data + strlen("before:"), expected);
    buffer_fini(&text);
}

/* RFC 4648 §10. */
static void test_base64_vectors(void **state) {
    (void)state;
    static const char *const texts[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t count = 0; count <= strlen("foobar"); count++)
        assert_text("foobar", count, texts[count]);
}

static void test_base64_all_bits(void **state) {
    (void)state;
    assert_text("\x00\x10\x83\xfb\xff\xbf", 6, "ABCD+/+/");
    assert_text("\xff\xff", 2, "//8=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_all_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
