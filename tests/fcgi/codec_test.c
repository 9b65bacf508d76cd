/* Encoding and decoding with libfcgi in memory. */
#include "cmocka_all.h"

#include "fcgi-bridge/fcgi/codec.h"
#include "records.h"
#include <fastcgi.h>
#include <stdlib.h>
#include <string.h>

static void put_pair(struct buffer *to, const char *name, size_t value_bytes) {
    buffer_u8(to, (uint8_t)strlen(name));
    buffer_u32(to, (uint32_t)value_bytes | 0x80000000u);
    buffer_append_text(to, name);
    char *value = malloc(value_bytes + 1);
    assert_non_null(value);
    memset(value, 'v', value_bytes);
    buffer_append(to, value, value_bytes);
    free(value);
}

/* Order, repetition, empty values and '=' in values are kept. */
static void test_decode(void **state) {
    (void)state;
    static const char block[] = "\x01\x03"
                                "Aone"
                                "\x01\x00"
                                "B"
                                "\x01\x03"
                                "A=x=";
    struct buffer params = BUFFER_INIT;
    buffer_append(&params, block, sizeof block - 1);
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    assert_int_equal(codec_decode(&params, &pairs, &count), 0);
    assert_int_equal(count, 3);
    assert_memory_equal(pairs[0].name, "A=one", 6);
    assert_int_equal(pairs[1].value_bytes, 0);
    assert_int_equal(pairs[2].value_bytes, 3);
    assert_memory_equal(pairs[2].value, "=x=", 3);
    codec_release();
    buffer_fini(&params);
}

/* Around the length of a record and of libfcgi's buffer. */
static void test_decode_sizes(void **state) {
    (void)state;
    static const size_t sizes[] = {0,     1,     8183,  8184,  8192,   65519,
                                   65521, 65522, 65523, 65535, 200000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buffer params = BUFFER_INIT;
        put_pair(&params, "N", sizes[i]);
        struct crew_pair *pairs = NULL;
        size_t count = 0;
        assert_int_equal(codec_decode(&params, &pairs, &count), 0);
        assert_int_equal(count, 1);
        assert_int_equal(pairs[0].value_bytes, sizes[i]);
        codec_release();
        buffer_fini(&params);
    }
}

static void test_decode_nothing(void **state) {
    (void)state;
    struct buffer params = BUFFER_INIT;
    struct crew_pair *pairs = NULL;
    size_t count = 9;
    assert_int_equal(codec_decode(&params, &pairs, &count), 0);
    assert_int_equal(count, 0);
    codec_release();
}

/* The contents of the STDOUT records of ID; the end must be an END_REQUEST. */
static size_t stdout_bytes(const struct buffer *out, uint16_t id) {
    size_t at = 0;
    size_t sum = 0;
    uint8_t type = 0;
    while (at < out->len) {
        const uint8_t *header = out->data + at;
        assert_int_equal(bytes_u16(header + 2), id);
        type = header[1];
        if (type == FCGI_STDOUT)
            sum += bytes_u16(header + 4);
        at += 8u + bytes_u16(header + 4) + header[6];
    }
    assert_int_equal(at, out->len);
    assert_int_equal(type, FCGI_END_REQUEST);
    return sum;
}

static void test_encode(void **state) {
    (void)state;
    static const char data[100000];
    for (uint16_t id = 1; id < 60000; id = (uint16_t)(id * 7)) {
        struct buffer out = BUFFER_INIT;
        codec_open(&out, id);
        codec_text("text");
        codec_put(data, id);
        codec_close();
        assert_int_equal(stdout_bytes(&out, id), 4u + id);
        buffer_fini(&out);
    }
}

/* A response may be written between decoding and release, as request.c does. */
static void test_encode_while_decoding(void **state) {
    (void)state;
    struct buffer params = BUFFER_INIT;
    struct buffer out = BUFFER_INIT;
    put_pair(&params, "N", 10);
    struct crew_pair *pairs = NULL;
    size_t count = 0;
    assert_int_equal(codec_decode(&params, &pairs, &count), 0);
    codec_open(&out, 9);
    codec_put(pairs[0].value, pairs[0].value_bytes);
    codec_close();
    codec_release();
    assert_int_equal(stdout_bytes(&out, 9), 10);
    buffer_fini(&params);
    buffer_fini(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_sizes),
        cmocka_unit_test(test_decode_nothing),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_encode_while_decoding),
    };
    return cmocka_run_group_tests_name("codec", tests, records_begin, records_end);
}
