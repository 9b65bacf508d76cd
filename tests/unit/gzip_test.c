/* wire/gzip.h */
#include "base/random.h"
#include "unit.h"
#include "wire/gzip.h"

#include <crew/error.h>
#include <zlib.h>

#define LARGE_BYTES (1024u * 1024u)

static char *make_text(size_t bytes) {
    char *data = malloc(bytes);
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++)
        data[i] = "compressible "[i % 13];
    return data;
}

static void fill_random(char *to, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = (char)random_below(256);
}

static void assert_there_and_back(const char *data, size_t bytes) {
    struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;
    buffer_append_text(&packed, "before");
    assert_true(gzip_deflate(&packed, data, bytes));
    assert_memory_equal(packed.data, "before\x1f\x8b", 8);
    assert_true(packed.len - 6 <= bytes - bytes / 8);
    assert_int_equal(gzip_inflate(&out, packed.data + 6, packed.len - 6, bytes), CREW_OK);
    assert_int_equal(out.len, bytes);
    assert_memory_equal(out.data, data, bytes);
    buffer_fini(&packed);
    buffer_fini(&out);
}

static void test_gzip_round_trip(void **state) {
    (void)state;
    static const size_t sizes[] = {200, 65535, 65536, 65537, LARGE_BYTES};
    char *data = make_text(LARGE_BYTES);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_there_and_back(data, sizes[i]);
    free(data);
}

static void assert_not_deflated(const char *data, size_t bytes) {
    struct buffer packed = BUFFER_INIT;
    buffer_append_text(&packed, "before");
    assert_false(gzip_deflate(&packed, data, bytes));
    assert_false(packed.failed);
    assert_int_equal(packed.len, 6);
    buffer_fini(&packed);
}

static void test_gzip_leaves_incompressible_data_alone(void **state) {
    (void)state;
    char *data = make_text(LARGE_BYTES);
    assert_not_deflated(data, 0);
    assert_not_deflated("short", 5);
    fill_random(data, 4096);
    assert_not_deflated(data, 4096);
    fill_random(data, LARGE_BYTES);
    assert_not_deflated(data, LARGE_BYTES);
    free(data);
}

/* An incompressible sample ends it, whatever follows. */
static void test_gzip_gives_up_after_the_sample(void **state) {
    (void)state;
    char *data = make_text(LARGE_BYTES);
    fill_random(data, 65536);
    assert_not_deflated(data, LARGE_BYTES);
    free(data);
}

/* A compressible sample before an incompressible rest: not worthwhile. */
static void test_gzip_measures_the_whole(void **state) {
    (void)state;
    char *data = make_text(LARGE_BYTES);
    fill_random(data + 65536, LARGE_BYTES - 65536);
    assert_not_deflated(data, LARGE_BYTES);
    free(data);
}

/* Running out of memory is not an error: the body is sent uncompressed. */
static void test_gzip_without_memory_leaves_the_buffer_usable(void **state) {
    (void)state;
    uint8_t byte;
    char *data = make_text(5000);
    struct buffer endless = {.data = &byte, .len = SIZE_MAX - 10, .cap = SIZE_MAX - 10};
    assert_false(gzip_deflate(&endless, data, 5000));
    assert_false(endless.failed);
    assert_true(endless.len == SIZE_MAX - 10);
    free(data);
}

static void assert_inflate(const struct buffer *packed, size_t bytes, size_t max_bytes,
                           int expected) {
    struct buffer out = BUFFER_INIT;
    buffer_append_text(&out, "before");
    assert_int_equal(gzip_inflate(&out, packed->data, bytes, max_bytes), expected);
    if (expected != CREW_OK)
        assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "before", 6);
    assert_true(out.cap <= 3 * max_bytes + 65536); /* the limit bounds the memory too */
    buffer_fini(&out);
}

static void test_gzip_output_is_limited(void **state) {
    (void)state;
    struct buffer packed = BUFFER_INIT;
    char *data = make_text(LARGE_BYTES);
    assert_true(gzip_deflate(&packed, data, LARGE_BYTES));
    assert_inflate(&packed, packed.len, LARGE_BYTES, CREW_OK);
    assert_inflate(&packed, packed.len, SIZE_MAX / 4, CREW_OK);
    assert_inflate(&packed, packed.len, LARGE_BYTES - 1, CREW_ETOOLARGE);
    assert_inflate(&packed, packed.len, 100, CREW_ETOOLARGE);
    assert_inflate(&packed, packed.len, 0, CREW_ETOOLARGE);
    buffer_fini(&packed);
    free(data);
}

static void test_gzip_refuses_other_formats(void **state) {
    (void)state;
    struct buffer packed = BUFFER_INIT;
    char *data = make_text(5000);
    assert_true(gzip_deflate(&packed, data, 5000));
    for (size_t bytes = 0; bytes < packed.len; bytes++)
        assert_inflate(&packed, bytes, 10000, CREW_EMALFORMED); /* truncated */
    packed.data[packed.len - 5] ^= 1; /* the checksum (RFC 1952 §2.3.1) */
    assert_inflate(&packed, packed.len, 10000, CREW_EMALFORMED);
    packed.data[packed.len - 5] ^= 1;
    buffer_append_text(&packed, "behind");
    assert_inflate(&packed, packed.len, 10000, CREW_EMALFORMED);

    uLongf zlib_bytes = packed.cap; /* zlib's own format is not gzip (RFC 1950) */
    assert_int_equal(compress(packed.data, &zlib_bytes, (Bytef *)data, 5000), Z_OK);
    assert_inflate(&packed, zlib_bytes, 10000, CREW_EMALFORMED);
    buffer_fini(&packed);
    free(data);
}

static void test_gzip_accepts_several_members(void **state) {
    (void)state;
    struct buffer packed = BUFFER_INIT, out = BUFFER_INIT;
    char *data = make_text(6000);
    assert_true(gzip_deflate(&packed, data, 2600));
    assert_true(gzip_deflate(&packed, data + 2600, 3400));
    assert_int_equal(gzip_inflate(&out, packed.data, packed.len, 5999), CREW_ETOOLARGE);
    assert_int_equal(gzip_inflate(&out, packed.data, packed.len, 6000), CREW_OK);
    assert_int_equal(out.len, 6000);
    assert_memory_equal(out.data, data, 6000);
    buffer_fini(&packed);
    buffer_fini(&out);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip_round_trip),
        cmocka_unit_test(test_gzip_leaves_incompressible_data_alone),
        cmocka_unit_test(test_gzip_gives_up_after_the_sample),
        cmocka_unit_test(test_gzip_measures_the_whole),
        cmocka_unit_test(test_gzip_without_memory_leaves_the_buffer_usable),
        cmocka_unit_test(test_gzip_output_is_limited),
        cmocka_unit_test(test_gzip_refuses_other_formats),
        cmocka_unit_test(test_gzip_accepts_several_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
