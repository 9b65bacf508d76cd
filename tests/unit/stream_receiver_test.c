/* client/stream_receiver.h: any order of pieces, duplicates, gaps, credit, size
 * limits. */
#include "client/stream_receiver.h"
#include "unit.h"

#include <crew/error.h>

#define MAX_BYTES 1000u

struct fixture {
    struct stream_receiver receiver;
    struct stream_event event;
};

static struct wire_item piece(enum wire_kind kind, uint32_t sequence, const char *body) {
    return (struct wire_item){.kind = (uint8_t)kind,
                              .sequence = sequence,
                              .worker = wire_text("worker-1"),
                              .body = wire_text(body)};
}

static void begin(struct fixture *f, bool collects, size_t max_bytes) {
    static const struct crew_pair field = {"Content-Type", 12, "text/plain", 10};
    const struct crew_answer head = {.status = 201, .pairs = &field, .pair_count = 1};
    const struct wire_item item = piece(WIRE_HEAD, 0, NULL);
    *f = (struct fixture){0};
    stream_receiver_begin(&f->receiver, collects, max_bytes, &item, &head, &f->event);
    assert_int_equal(f->event.kind, STREAM_BEGUN);
    assert_int_equal(f->event.answer.status, 201);
    assert_string_equal(f->event.answer.worker, "worker-1");
}

static enum stream_event_kind receive(struct fixture *f, enum wire_kind kind,
                                      uint32_t sequence, const char *body) {
    const struct wire_item item = piece(kind, sequence, body);
    stream_receiver_receive(&f->receiver, &item, &f->event);
    return f->event.kind;
}

static enum stream_event_kind receive_bytes(struct fixture *f, uint32_t sequence,
                                            size_t bytes) {
    static const uint8_t zeros[CREW_WINDOW_BYTES + 1];
    struct wire_item item = piece(WIRE_CHUNK, sequence, NULL);
    item.body = (struct wire_bytes){zeros, bytes};
    stream_receiver_receive(&f->receiver, &item, &f->event);
    return f->event.kind;
}

static void assert_broken(const struct fixture *f, int error) {
    assert_int_equal(f->event.kind, STREAM_BROKEN);
    assert_int_equal(f->event.error, error);
    assert_non_null(f->event.reason);
}

static void fini(struct fixture *f) {
    stream_receiver_fini(&f->receiver);
}

static void test_pieces_are_passed_on_as_they_come(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false, 0);
    assert_int_equal(receive(&f, WIRE_CHUNK, 1, "one"), STREAM_CHUNK);
    assert_memory_equal(f.event.chunk.data, "one", 3);
    assert_int_equal(f.event.chunk.len, 3);
    assert_int_equal(receive(&f, WIRE_CHUNK, 2, "two"), STREAM_CHUNK);
    assert_int_equal(receive(&f, WIRE_END, 3, NULL), STREAM_ENDED);
    assert_int_equal(f.event.answer.body_bytes, 0);
    assert_string_equal(f.event.answer.worker, "worker-1");
    fini(&f);
}

static void test_collected_answer_is_whole(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true, MAX_BYTES);
    assert_int_equal(receive(&f, WIRE_CHUNK, 1, "one "), STREAM_COLLECTED);
    assert_int_equal(receive(&f, WIRE_CHUNK, 2, "two"), STREAM_COLLECTED);
    struct wire_item end = piece(WIRE_END, 3, NULL);
    end.run_us = 77;
    stream_receiver_receive(&f.receiver, &end, &f.event);
    assert_int_equal(f.event.kind, STREAM_ENDED);
    assert_int_equal(f.event.answer.error, 0);
    assert_int_equal(f.event.answer.status, 201);
    assert_int_equal(f.event.answer.run_us, 77);
    assert_int_equal(f.event.answer.pair_count, 1);
    assert_string_equal(f.event.answer.worker, "worker-1");
    assert_int_equal(f.event.answer.body_bytes, 7);
    assert_memory_equal(f.event.answer.body, "one two", 7);
    fini(&f);
}

static void test_answer_without_body(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true, MAX_BYTES);
    assert_int_equal(receive(&f, WIRE_END, 1, NULL), STREAM_ENDED);
    assert_int_equal(f.event.answer.body_bytes, 0);
    fini(&f);
}

static void test_head_must_be_valid(void **state) {
    (void)state;
    const struct crew_answer head = {.status = 200};
    const struct wire_item item = piece(WIRE_HEAD, 0, NULL);
    struct wire_item anonymous = item;
    anonymous.worker = (struct wire_bytes){NULL, 0};
    for (int collects = 0; collects < 2; collects++) {
        struct fixture f = {0};
        stream_receiver_begin(&f.receiver, collects, MAX_BYTES, &item, NULL, &f.event);
        assert_broken(&f, CREW_EBADRESPONSE);
        fini(&f);
        f = (struct fixture){0};
        stream_receiver_begin(&f.receiver, collects, MAX_BYTES, &anonymous, &head,
                              &f.event);
        assert_broken(&f, CREW_EBADRESPONSE);
        fini(&f);
    }
}

static void test_second_head_breaks_the_stream(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true, MAX_BYTES);
    receive(&f, WIRE_HEAD, 0, NULL);
    assert_broken(&f, CREW_ELOST);
    fini(&f);
    begin(&f, true, MAX_BYTES);
    receive(&f, WIRE_HEAD, 1, NULL); /* with the number that would follow */
    assert_broken(&f, CREW_ELOST);
    fini(&f);
}

/* All sequences of four numbers from 0 to 4, each as chunk, chunk, chunk, end: only 1 2 3
 * 4 comes to its end, all others break at the first number that does not follow. */
static void test_every_order(void **state) {
    (void)state;
    size_t ended = 0;
    for (unsigned order = 0; order < 5 * 5 * 5 * 5; order++) {
        const unsigned numbers[] = {order / 125, order / 25 % 5, order / 5 % 5,
                                    order % 5};
        struct fixture f;
        begin(&f, order % 2 == 0, MAX_BYTES);
        for (unsigned i = 0; i < 4 && f.event.kind != STREAM_BROKEN; i++) {
            receive(&f, i == 3 ? WIRE_END : WIRE_CHUNK, numbers[i], "piece");
            if (numbers[i] != i + 1)
                assert_broken(&f, CREW_ELOST);
            else
                assert_int_not_equal(f.event.kind, STREAM_BROKEN);
        }
        ended += f.event.kind == STREAM_ENDED;
        fini(&f);
    }
    assert_int_equal(ended, 1);
}

static void test_repeated_and_missing_pieces_break_the_stream(void **state) {
    (void)state;
    for (uint32_t number = 0; number < 6; number++) {
        struct fixture f;
        begin(&f, true, MAX_BYTES);
        receive(&f, WIRE_CHUNK, 1, "one");
        receive(&f, WIRE_CHUNK, 2, "two");
        if (number == 3) {
            assert_int_equal(receive(&f, WIRE_CHUNK, number, "x"), STREAM_COLLECTED);
        } else {
            receive(&f, WIRE_CHUNK, number, "x");
            assert_broken(&f, CREW_ELOST);
        }
        fini(&f);
    }
}

static void test_collected_body_is_bounded(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true, MAX_BYTES);
    assert_int_equal(receive_bytes(&f, 1, MAX_BYTES - 1), STREAM_COLLECTED);
    assert_int_equal(receive_bytes(&f, 2, 1), STREAM_COLLECTED);
    receive_bytes(&f, 3, 1);
    assert_broken(&f, CREW_EBADRESPONSE);
    fini(&f);
    begin(&f, true, MAX_BYTES);
    receive_bytes(&f, 1, MAX_BYTES + 1);
    assert_broken(&f, CREW_EBADRESPONSE);
    fini(&f);
}

/* A limit at the top of size_t: no overflow. */
static void test_limit_may_be_as_large_as_memory(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, true, SIZE_MAX);
    for (uint32_t i = 1; i <= 8; i++) {
        assert_int_equal(receive_bytes(&f, i, CREW_WINDOW_BYTES / 2), STREAM_COLLECTED);
        if (stream_receiver_credit_due(&f.receiver))
            stream_receiver_grant(&f.receiver);
    }
    assert_int_equal(receive(&f, WIRE_END, 9, NULL), STREAM_ENDED);
    assert_int_equal(f.event.answer.body_bytes, 4 * CREW_WINDOW_BYTES);
    fini(&f);
}

static void test_worker_may_not_exceed_its_credit(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false, 0);
    assert_int_equal(receive_bytes(&f, 1, CREW_WINDOW_BYTES), STREAM_CHUNK);
    receive_bytes(&f, 2, 1);
    assert_broken(&f, CREW_EBADRESPONSE);
    fini(&f);
    begin(&f, false, 0);
    receive_bytes(&f, 1, CREW_WINDOW_BYTES + 1);
    assert_broken(&f, CREW_EBADRESPONSE);
    fini(&f);
}

static void test_credit_follows_what_is_consumed(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false, 0);
    receive_bytes(&f, 1, CREW_WINDOW_BYTES);
    assert_false(stream_receiver_credit_due(&f.receiver));
    stream_receiver_consume(&f.receiver, CREW_WINDOW_BYTES / 4 - 1);
    assert_false(stream_receiver_credit_due(&f.receiver)); /* not worth a notice yet */
    stream_receiver_consume(&f.receiver, 1);
    assert_true(stream_receiver_credit_due(&f.receiver));
    assert_int_equal(stream_receiver_grant(&f.receiver),
                     CREW_WINDOW_BYTES + CREW_WINDOW_BYTES / 4);
    assert_false(stream_receiver_credit_due(&f.receiver));
    assert_int_equal(receive_bytes(&f, 2, CREW_WINDOW_BYTES / 4), STREAM_CHUNK);
    receive_bytes(&f, 3, 1);
    assert_broken(&f, CREW_EBADRESPONSE);
    fini(&f);
}

/* What has not been received cannot be consumed: no credit beyond the window. */
static void test_credit_is_never_ahead_of_the_stream(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, false, 0);
    receive_bytes(&f, 1, 10);
    stream_receiver_consume(&f.receiver, SIZE_MAX);
    assert_int_equal(stream_receiver_grant(&f.receiver), CREW_WINDOW_BYTES + 10);
    fini(&f);
}

static void test_empty_chunk_asks_for_credit(void **state) {
    (void)state;
    for (int collects = 0; collects < 2; collects++) {
        struct fixture f;
        begin(&f, collects, MAX_BYTES);
        assert_int_equal(receive(&f, WIRE_CHUNK, 1, NULL), STREAM_CREDIT_REQUESTED);
        assert_int_equal(stream_receiver_grant(&f.receiver), CREW_WINDOW_BYTES);
        assert_int_equal(receive(&f, WIRE_END, 2, NULL), STREAM_ENDED);
        fini(&f);
    }
}

/* A worker that keeps to the protocol, and a caller that consumes at random: the stream
 * never breaks, never more than a window is with the caller, and it comes to its end. */
static void test_simulated_transfer(void **state) {
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int run = 0; run < 20; run++) {
        struct fixture f;
        uint64_t sent = 0, consumed = 0;
        uint64_t allowed = CREW_WINDOW_BYTES;
        uint32_t number = 1;
        begin(&f, false, 0);
        while (sent < 8 * CREW_WINDOW_BYTES) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            size_t bytes = random % CREW_CHUNK_BYTES + 1;
            if (random >> 60 < 8 && sent + bytes <= allowed) {
                assert_int_equal(receive_bytes(&f, number++, bytes), STREAM_CHUNK);
                sent += bytes;
            } else if (sent > consumed) {
                size_t done = bytes < sent - consumed ? bytes : (size_t)(sent - consumed);
                stream_receiver_consume(&f.receiver, done);
                consumed += done;
            }
            if (stream_receiver_credit_due(&f.receiver))
                allowed = stream_receiver_grant(&f.receiver);
            assert_true(sent - consumed <= CREW_WINDOW_BYTES);
            assert_true(allowed <= consumed + CREW_WINDOW_BYTES);
            assert_true(allowed + CREW_WINDOW_BYTES / 4 > consumed + CREW_WINDOW_BYTES);
        }
        assert_int_equal(receive(&f, WIRE_END, number, NULL), STREAM_ENDED);
        fini(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_passed_on_as_they_come),
        cmocka_unit_test(test_collected_answer_is_whole),
        cmocka_unit_test(test_answer_without_body),
        cmocka_unit_test(test_head_must_be_valid),
        cmocka_unit_test(test_second_head_breaks_the_stream),
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_repeated_and_missing_pieces_break_the_stream),
        cmocka_unit_test(test_collected_body_is_bounded),
        cmocka_unit_test(test_limit_may_be_as_large_as_memory),
        cmocka_unit_test(test_worker_may_not_exceed_its_credit),
        cmocka_unit_test(test_credit_follows_what_is_consumed),
        cmocka_unit_test(test_credit_is_never_ahead_of_the_stream),
        cmocka_unit_test(test_empty_chunk_asks_for_credit),
        cmocka_unit_test(test_simulated_transfer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
