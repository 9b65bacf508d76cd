/* How a reader follows a stream: pubsub/stream_resume.h and pubsub/markers.h. */
#include "pubsub/markers.h"
#include "pubsub/stream_resume.h"
#include "unit.h"

static void test_same_message_continues(void **state) {
    (void)state;
    assert_int_equal(stream_resume(7, "p.1", 7, "p.1"), STREAM_CONTINUES);
    assert_int_equal(stream_resume(0, "", 0, ""), STREAM_CONTINUES);
}

static void test_later_message_is_a_gap(void **state) {
    (void)state;
    assert_int_equal(stream_resume(7, "p.1", 8, "p.2"), STREAM_HAS_GAP);
    assert_int_equal(stream_resume(7, "p.1", 800, "p.1"), STREAM_HAS_GAP);
}

static void test_another_message_is_another_stream(void **state) {
    (void)state;
    assert_int_equal(stream_resume(7, "p.1", 7, "p.2"), STREAM_IS_ANOTHER);
    assert_int_equal(stream_resume(7, "p.1", 7, ""), STREAM_IS_ANOTHER);
    assert_int_equal(stream_resume(7, "p.1", 6, "p.1"), STREAM_IS_ANOTHER);
    assert_int_equal(stream_resume(7, "p.1", 0, "p.1"), STREAM_IS_ANOTHER);
}

/* Only as much of an id is compared as the reader keeps. */
static void test_long_ids(void **state) {
    (void)state;
    char id[256], kept[STREAM_RESUME_ID_BYTES];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    memcpy(kept, id, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    assert_int_equal(stream_resume(7, kept, 7, id), STREAM_CONTINUES);
    id[0] = 'y';
    assert_int_equal(stream_resume(7, kept, 7, id), STREAM_IS_ANOTHER);
}

static void test_marker_comes_back(void **state) {
    (void)state;
    struct markers m;
    char first[MARKER_ID_BYTES], second[MARKER_ID_BYTES];
    markers_init(&m);
    assert_false(markers_are_due(&m));
    assert_int_equal(markers_request(&m), 1);
    assert_true(markers_are_due(&m));
    assert_int_equal(markers_next(&m, first), 1);
    assert_true(markers_are_due(&m)); /* it may be lost */
    assert_int_equal(markers_next(&m, second), 2);
    assert_int_equal(markers_receive(&m, first), 1);
    assert_true(markers_are_due(&m));
    assert_int_equal(markers_receive(&m, second), 2);
    assert_int_equal(m.received, 2);
    assert_false(markers_are_due(&m));
    assert_int_equal(markers_receive(&m, first), 1); /* the stream is read again */
    assert_int_equal(m.received, 2);
}

static void test_markers_of_other_readers(void **state) {
    (void)state;
    struct markers ours, theirs;
    char id[MARKER_ID_BYTES];
    markers_init(&ours);
    markers_init(&theirs);
    markers_next(&theirs, id);
    assert_int_equal(markers_receive(&ours, id), 0);
    assert_int_equal(markers_receive(&ours, NULL), 0);
    assert_int_equal(markers_receive(&ours, ""), 0);
    assert_int_equal(ours.received, 0);
}

/* A request that was made after a marker was sent is not satisfied by that marker. */
static void test_request_is_for_the_next_marker(void **state) {
    (void)state;
    struct markers m;
    char id[MARKER_ID_BYTES];
    markers_init(&m);
    markers_next(&m, id);
    uint64_t wanted = markers_request(&m);
    markers_receive(&m, id);
    assert_true(wanted > m.received);
    assert_true(markers_are_due(&m));
    markers_skip(&m);
    assert_true(wanted <= m.received);
    assert_false(markers_are_due(&m));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_message_continues),
        cmocka_unit_test(test_later_message_is_a_gap),
        cmocka_unit_test(test_another_message_is_another_stream),
        cmocka_unit_test(test_long_ids),
        cmocka_unit_test(test_marker_comes_back),
        cmocka_unit_test(test_markers_of_other_readers),
        cmocka_unit_test(test_request_is_for_the_next_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
