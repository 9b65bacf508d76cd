/* Frames between supervisor and handler process (app-worker/ipc): what is written is read
 * again, and malformed bytes are refused. A handler can write anything into its socket:
 * whatever comes, decoding neither crashes nor reads beyond the frame. */
#include "app-worker/ipc/ipc_protocol.h"
#include "app-worker/ipc/ipc_socket.h"
#include "unit.h"
#include "wire/limits.h"
#include <sys/socket.h>
#include <unistd.h>

static struct buffer out;
static struct ipc_scratch scratch;

static int begin(void **state) {
    (void)state;
    out = BUFFER_INIT;
    return 0;
}

static int end(void **state) {
    (void)state;
    buffer_fini(&out);
    ipc_scratch_fini(&scratch);
    return 0;
}

static struct wire_item only_item(void) {
    struct wire_item item;
    struct wire_reader reader = {.at = out.data, .end = out.data + out.len};
    assert_false(out.failed);
    assert_int_equal(wire_next(&reader, &item), 1);
    assert_ptr_equal(reader.at, reader.end);
    return item;
}

/* ---- round trips ---- */

static void test_setup_round_trip(void **state) {
    char *argv[] = {(char[]){"app.so"}, (char[]){""}, (char[]){"x"}};
    const struct ipc_setup setup = {"uuid", "node",   "http", "/tmp/app.so",
                                    1,      SIZE_MAX, 3,      argv};
    struct ipc_setup got;
    (void)state;
    ipc_put_setup(&out, &setup);
    struct wire_item item = only_item();
    assert_true(ipc_get_setup(&item, &scratch, &got));
    assert_string_equal(got.uuid, "uuid");
    assert_string_equal(got.node_uuid, "node");
    assert_string_equal(got.route_task, "http");
    assert_string_equal(got.app, "/tmp/app.so");
    assert_int_equal(got.max_response_bytes, 1);
    assert_true(got.max_memory_bytes == SIZE_MAX);
    assert_int_equal(got.argc, 3);
    assert_string_equal(got.argv[1], "");
    assert_string_equal(got.argv[2], "x");
    assert_null(got.argv[3]);
    free((void *)(uintptr_t)got.argv);
}

static void put_run(void) {
    const struct crew_task_view task = {.form = CREW_HTTP,
                                        .task = "http",
                                        .id = "id-1",
                                        .content_type = NULL,
                                        .body = "body",
                                        .body_bytes = 4};
    const struct ipc_run_terms terms = {1234, 63, UINT32_MAX};
    ipc_put_run(&out, &task, &terms);
}

static void test_run_round_trip(void **state) {
    struct crew_task_view task;
    struct ipc_run_terms terms;
    (void)state;
    put_run();
    struct wire_item item = only_item();
    assert_true(ipc_get_run(&item, &scratch, &task, &terms));
    assert_int_equal(task.form, CREW_HTTP);
    assert_string_equal(task.task, "http");
    assert_string_equal(task.id, "id-1");
    assert_null(task.content_type);
    assert_int_equal(task.body_bytes, 4);
    assert_memory_equal(task.body, "body", 4);
    assert_int_equal(terms.left_ms, 1234);
    assert_int_equal(terms.slot, 63);
    assert_true(terms.generation == UINT32_MAX);
}

static const struct crew_pair pairs[] = {{"Status", 6, "200", 3}, {"X", 1, "", 0}};
static const struct crew_answer an_answer = {.status = 201,
                                             .content_type = "text/plain",
                                             .pairs = pairs,
                                             .pair_count = 2,
                                             .body = "hello",
                                             .body_bytes = 5,
                                             .run_us = 77};

static void check_answer(const struct crew_answer *got) {
    assert_int_equal(got->status, 201);
    assert_string_equal(got->content_type, "text/plain");
    assert_int_equal(got->pair_count, 2);
    assert_int_equal(got->pairs[0].value_bytes, 3);
    assert_memory_equal(got->pairs[0].value, "200", 3);
    assert_int_equal(got->body_bytes, 5);
    assert_int_equal(got->run_us, 77);
}

static void test_answer_round_trip(void **state) {
    struct crew_answer got;
    (void)state;
    ipc_put_answer(&out, &an_answer, 99);
    struct wire_item item = only_item();
    assert_int_equal(item.kind, IPC_ANSWER);
    assert_int_equal(ipc_generation(&item), 99);
    assert_true(ipc_get_answer(&item, &scratch, &got));
    check_answer(&got);
}

static void put_call(void) {
    const struct crew_call calls[] = {
        {.task = "a", .body = "1", .body_bytes = 1, .persistent = true},
        {.task = "b", .id = "mine", .priority = 9, .repeat = CREW_REPEAT_ALWAYS},
    };
    const struct crew_group group = {
        .calls = calls, .count = 2, .end = CREW_GROUP_FIRST, .expiration_ms = 500};
    assert_true(ipc_call_fits(&group));
    ipc_put_call(&out, &group);
}

static void test_call_round_trip(void **state) {
    struct ipc_call call;
    (void)state;
    put_call();
    struct wire_item item = only_item();
    assert_true(ipc_get_call(&item, &call));
    assert_int_equal(call.group.count, 2);
    assert_int_equal(call.group.end, CREW_GROUP_FIRST);
    assert_int_equal(call.group.expiration_ms, 500);
    assert_string_equal(call.calls[0].task, "a");
    assert_true(call.calls[0].persistent);
    assert_null(call.calls[0].id);
    assert_string_equal(call.calls[1].id, "mine");
    assert_int_equal(call.calls[1].priority, 9);
    assert_int_equal(call.calls[1].repeat, CREW_REPEAT_ALWAYS);
    ipc_call_fini(&call);
}

static void put_call_result(void) {
    const struct crew_answer failed = {.error = CREW_ELOST, .status = 502};
    const struct crew_answer *answers[] = {&an_answer, &failed};
    ipc_put_call_result(&out, CREW_EFAILED, answers, 2);
}

static void test_call_result_round_trip(void **state) {
    struct ipc_call_result result;
    (void)state;
    put_call_result();
    struct wire_item item = only_item();
    assert_true(ipc_get_call_result(&item, &result));
    assert_int_equal(result.error, CREW_EFAILED);
    assert_int_equal(result.count, 2);
    check_answer(&result.answers[0]);
    assert_int_equal(result.answers[1].error, CREW_ELOST);
    ipc_call_result_fini(&result);
}

static void put_publish(void) {
    const struct crew_publication publication = {.channel = "news.1",
                                                 .content_type = "text/plain",
                                                 .body = "hi",
                                                 .body_bytes = 2,
                                                 .persistent = true,
                                                 .expiration_ms = 40};
    ipc_put_publish(&out, &publication);
}

static void test_publish_round_trip(void **state) {
    struct ipc_publish publish;
    int error;
    (void)state;
    put_publish();
    struct wire_item item = only_item();
    assert_true(ipc_get_publish(&item, &publish));
    assert_string_equal(publish.publication.channel, "news.1");
    assert_string_equal(publish.publication.content_type, "text/plain");
    assert_memory_equal(publish.publication.body, "hi", 2);
    assert_true(publish.publication.persistent);
    assert_int_equal(publish.publication.expiration_ms, 40);
    ipc_publish_fini(&publish);
    buffer_reset(&out, 0);
    ipc_put_publish_result(&out, CREW_ETIMEOUT);
    item = only_item();
    assert_true(ipc_get_publish_result(&item, &error));
    assert_int_equal(error, CREW_ETIMEOUT);
}

static void test_log_and_credit_round_trip(void **state) {
    const struct ipc_credit credit = {7, UINT32_MAX, true};
    struct ipc_credit got;
    enum crew_log_level level;
    const char *id, *text;
    (void)state;
    ipc_put_log(&out, CREW_LOG_WARNING, "id-1", "a line");
    struct wire_item item = only_item();
    assert_true(ipc_get_log(&item, &scratch, &level, &id, &text));
    assert_int_equal(level, CREW_LOG_WARNING);
    assert_string_equal(id, "id-1");
    assert_string_equal(text, "a line");
    buffer_reset(&out, 0);
    ipc_put_credit(&out, &credit);
    item = only_item();
    assert_true(ipc_get_credit(&item, &got));
    assert_int_equal(got.generation, 7);
    assert_true(got.allowed_bytes == UINT32_MAX);
    assert_true(got.stop);
}

/* ---- limits ---- */

static void test_call_that_does_not_fit(void **state) {
    struct crew_call call = {.task = "a", .body_bytes = LIMIT_MESSAGE_BYTES + 1};
    const struct crew_group group = {.calls = &call, .count = 1};
    (void)state;
    assert_false(ipc_call_fits(&group));
    call.body_bytes = 0;
    assert_true(ipc_call_fits(&group));
    char id[LIMIT_ITEM_ID_BYTES + 2];
    memset(id, 'x', sizeof id);
    id[sizeof id - 1] = '\0';
    call.id = id;
    assert_false(ipc_call_fits(&group));
}

static void test_pairs_that_do_not_fit(void **state) {
    struct crew_pair pair = {"n", UINT16_MAX + 1u, "", 0};
    (void)state;
    assert_false(ipc_pairs_fit(&pair, 1));
    pair.name_bytes = 1;
    assert_true(ipc_pairs_fit(&pair, 1));
    pair.value_bytes = LIMIT_PAIRS_BYTES;
    assert_false(ipc_pairs_fit(&pair, 1));
}

/* ---- malformed frames ---- */

static void decode_with_all(const struct wire_item *item) {
    struct ipc_setup setup;
    struct crew_task_view task;
    struct ipc_run_terms terms;
    struct crew_answer answer;
    struct ipc_credit credit;
    struct ipc_call call;
    struct ipc_call_result result;
    struct ipc_publish publish;
    enum crew_log_level level;
    const char *id, *text;
    int error;
    if (ipc_get_setup(item, &scratch, &setup))
        free((void *)(uintptr_t)setup.argv);
    if (ipc_get_run(item, &scratch, &task, &terms))
        assert_true(strlen(task.task) <= item->task.len);
    if (ipc_get_answer(item, &scratch, &answer))
        assert_in_range(answer.error, 0, CREW_ERROR_COUNT - 1);
    ipc_get_credit(item, &credit);
    if (ipc_get_call(item, &call))
        assert_in_range(call.group.count, 1, CREW_GROUP_MAX);
    ipc_call_fini(&call);
    if (ipc_get_call_result(item, &result))
        assert_true(result.count <= CREW_GROUP_MAX);
    ipc_call_result_fini(&result);
    ipc_get_publish(item, &publish);
    ipc_publish_fini(&publish);
    if (ipc_get_log(item, &scratch, &level, &id, &text))
        assert_in_range(level, CREW_LOG_DEBUG, CREW_LOG_ERROR);
    ipc_get_publish_result(item, &error);
}

/* In memory of its own, so that a sanitizer sees a read beyond it. */
static void decode(const uint8_t *bytes, size_t count) {
    struct wire_item item;
    uint8_t *copy = malloc(count > 0 ? count : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, count);
    struct wire_reader reader = {.at = copy, .end = copy + count};
    while (wire_next(&reader, &item) == 1)
        decode_with_all(&item);
    free(copy);
}

static void put_frame(unsigned which) {
    char *argv[] = {(char[]){"app.so"}};
    const struct ipc_setup setup = {"u", "n", "http", "app", 1, 1, 1, argv};
    const char *tasks[] = {"a", "b"};
    switch (which) {
    case 0:
        ipc_put_setup(&out, &setup);
        break;
    case 1:
        ipc_put_hello(&out, tasks, 2);
        break;
    case 2:
        put_run();
        break;
    case 3:
        ipc_put_answer(&out, &an_answer, 1);
        break;
    case 4:
        put_call();
        break;
    case 5:
        put_call_result();
        break;
    case 6:
        put_publish();
        break;
    case 7:
        ipc_put_log(&out, CREW_LOG_ERROR, "id", "text");
        break;
    case 8:
        ipc_put_chunk(&out, "abc", 3, 1);
        break;
    default:
        ipc_put_quit(&out);
        break;
    }
}

enum { FRAMES = 10 };

static void test_truncated_frames(void **state) {
    (void)state;
    for (unsigned which = 0; which < FRAMES; which++) {
        buffer_reset(&out, SIZE_MAX);
        put_frame(which);
        for (size_t count = 0; count < out.len; count++)
            decode(out.data, count);
    }
}

static void test_frames_with_random_bytes_in_them(void **state) {
    uint32_t random = 1;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        buffer_reset(&out, SIZE_MAX);
        put_frame(round % FRAMES);
        for (unsigned changes = 1 + round % 4; changes > 0; changes--) {
            random = random * 1664525u + 1013904223u;
            out.data[(random >> 12) % out.len] = (uint8_t)(random >> 4);
        }
        decode(out.data, out.len);
    }
}

static void test_a_frame_is_not_taken_for_another_kind(void **state) {
    struct crew_task_view task;
    struct ipc_run_terms terms;
    struct ipc_call call;
    (void)state;
    ipc_put_quit(&out);
    struct wire_item item = only_item();
    assert_false(ipc_get_run(&item, &scratch, &task, &terms));
    assert_false(ipc_get_call(&item, &call));
    ipc_call_fini(&call);
}

/* ---- the socket ---- */

static struct ipc_socket sender, receiver;

static int open_sockets(void **state) {
    int ends[2];
    begin(state);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    ipc_socket_init(&sender, ends[0], SIZE_MAX);
    ipc_socket_init(&receiver, ends[1], 1000);
    return 0;
}

static int close_sockets(void **state) {
    ipc_socket_fini(&sender);
    ipc_socket_fini(&receiver);
    return end(state);
}

static void test_socket_gives_whole_frames_only(void **state) {
    struct wire_item item;
    (void)state;
    put_frame(3);
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal(ipc_socket_next(&receiver, &item), 0);
        assert_false(ipc_socket_has_next(&receiver));
        assert_int_equal(send(sender.fd, out.data + i, 1, 0), 1);
        assert_int_equal(ipc_socket_read(&receiver), 1);
    }
    assert_true(ipc_socket_has_next(&receiver));
    assert_int_equal(ipc_socket_next(&receiver, &item), 1);
    assert_int_equal(item.kind, IPC_ANSWER);
    assert_int_equal(ipc_socket_next(&receiver, &item), 0);
    assert_int_equal(ipc_socket_read(&receiver), -1); /* EAGAIN */
}

static void test_socket_refuses_a_frame_that_is_too_large(void **state) {
    static const uint8_t head[] = {0x7f, 0xff, 0xff, 0xff};
    struct wire_item item;
    (void)state;
    assert_int_equal(send(sender.fd, head, sizeof head, 0), sizeof head);
    assert_int_equal(ipc_socket_read(&receiver), sizeof head);
    assert_int_equal(ipc_socket_next(&receiver, &item), -1);
}

static void test_socket_detached_bytes_outlive_the_next_read(void **state) {
    struct wire_item first, second;
    struct buffer held;
    (void)state;
    put_publish();
    buffer_append(&sender.out, out.data, out.len);
    ipc_put_quit(&sender.out);
    assert_int_equal(ipc_socket_flush(&sender), 1);
    assert_true(ipc_socket_read(&receiver) > 0);
    assert_int_equal(ipc_socket_next(&receiver, &first), 1);
    ipc_socket_detach(&receiver, &held);
    assert_int_equal(ipc_socket_next(&receiver, &second), 1);
    assert_int_equal(second.kind, IPC_QUIT);
    ipc_put_quit(&sender.out);
    assert_int_equal(ipc_socket_flush(&sender), 1);
    assert_true(ipc_socket_read(&receiver) > 0);
    assert_memory_equal(first.body.data, "hi", 2);
    buffer_fini(&held);
}

static void test_socket_flush_to_a_closed_end(void **state) {
    (void)state;
    close(receiver.fd);
    receiver.fd = -1;
    ipc_put_quit(&sender.out);
    assert_int_equal(ipc_socket_flush(&sender), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_setup_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_run_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_answer_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_call_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_call_result_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_publish_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_log_and_credit_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_call_that_does_not_fit, begin, end),
        cmocka_unit_test_setup_teardown(test_pairs_that_do_not_fit, begin, end),
        cmocka_unit_test_setup_teardown(test_truncated_frames, begin, end),
        cmocka_unit_test_setup_teardown(test_frames_with_random_bytes_in_them, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_frame_is_not_taken_for_another_kind, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_socket_gives_whole_frames_only, open_sockets,
                                        close_sockets),
        cmocka_unit_test_setup_teardown(test_socket_refuses_a_frame_that_is_too_large,
                                        open_sockets, close_sockets),
        cmocka_unit_test_setup_teardown(test_socket_detached_bytes_outlive_the_next_read,
                                        open_sockets, close_sockets),
        cmocka_unit_test_setup_teardown(test_socket_flush_to_a_closed_end, open_sockets,
                                        close_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
