/* base/deadlines.h, compared with a linear search. */
#include "base/deadlines.h"
#include "base/random.h"
#include "unit.h"

#define NODES 500

static struct deadline nodes[NODES];

static const struct deadline *search_first(void) {
    const struct deadline *first = NULL;
    for (size_t i = 0; i < NODES; i++) {
        bool in = nodes[i].position != 0;
        if (in && (first == NULL || nodes[i].at_ms < first->at_ms))
            first = &nodes[i];
    }
    return first;
}

static void check_first(const struct deadlines *d) {
    const struct deadline *first = deadlines_first(d), *expected = search_first();
    assert_true((first == NULL) == (expected == NULL));
    if (first != NULL)
        assert_int_equal(first->at_ms, expected->at_ms);
}

/* No node is earlier than its parent, and every node has its own position. */
static void check_heap(const struct deadlines *d) {
    for (size_t position = 1; position <= d->count; position++) {
        const struct deadline *node = d->heap[position - 1];
        assert_int_equal(node->position, position);
        assert_true(position == 1 || d->heap[position / 2 - 1]->at_ms <= node->at_ms);
    }
}

static int reset_nodes(void **state) {
    (void)state;
    memset(nodes, 0, sizeof nodes);
    return 0;
}

static void test_deadlines_random_sets_moves_and_clears(void **state) {
    (void)state;
    struct deadlines d = {0};
    for (unsigned step = 0; step < 20000; step++) {
        struct deadline *node = &nodes[random_below(NODES)];
        if (random_below(3) == 0) {
            deadlines_clear(&d, node);
            assert_int_equal(node->position, 0);
        } else {
            deadlines_set(&d, node, random_below(1000));
            assert_int_not_equal(node->position, 0);
        }
        check_heap(&d);
        if (step % 16 == 0)
            check_first(&d);
    }
    deadlines_fini(&d);
}

static void test_deadlines_taken_in_order_when_due(void **state) {
    (void)state;
    struct deadlines d = {0};
    for (size_t i = 0; i < NODES; i++)
        deadlines_set(&d, &nodes[i], 1000 + (i * 7919) % NODES);
    assert_null(deadlines_take_due(&d, 999));
    for (size_t i = 0; i < NODES; i++) {
        struct deadline *node = deadlines_take_due(&d, 1000 + i);
        assert_non_null(node);
        assert_int_equal(node->at_ms, 1000 + i);
        assert_int_equal(node->position, 0);
        assert_null(deadlines_take_due(&d, 1000 + i));
    }
    assert_null(deadlines_first(&d));
    deadlines_fini(&d);
}

static void test_deadlines_clear_of_a_node_not_in_the_heap(void **state) {
    (void)state;
    struct deadlines d = {0};
    struct deadline node = {0}, other = {0};
    deadlines_clear(&d, &node);
    deadlines_set(&d, &other, 5);
    deadlines_clear(&d, &node);
    assert_ptr_equal(deadlines_first(&d), &other);
    deadlines_fini(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_deadlines_random_sets_moves_and_clears, reset_nodes),
        cmocka_unit_test_setup(test_deadlines_taken_in_order_when_due, reset_nodes),
        cmocka_unit_test(test_deadlines_clear_of_a_node_not_in_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
