/* pubsub/pattern.h compared with pubsub/pattern_index.h. */
#include "base/clock.h"
#include "base/random.h"
#include "pubsub/pattern.h"
#include "pubsub/pattern_index.h"
#include "unit.h"
#include "wire/limits.h"

enum {
    PATTERNS = 300,
    CHANNELS = 300,
    ROUNDS = 20,
    TEXT_BYTES = LIMIT_CHANNEL_NAME_BYTES
};

static struct pattern_index trie;

static int begin(void **state) {
    (void)state;
    pattern_index_init(&trie);
    return 0;
}

static int end(void **state) {
    (void)state;
    pattern_index_fini(&trie);
    return 0;
}

/* ---- one pattern ---- */

static void assert_fits(const char *pattern, const char *channel) {
    if (!channel_pattern_matches(pattern, channel))
        fail_msg("%s does not fit %s", pattern, channel);
}

static void assert_differs(const char *pattern, const char *channel) {
    if (channel_pattern_matches(pattern, channel))
        fail_msg("%s fits %s", pattern, channel);
}

static void test_names_match_only_themselves(void **state) {
    (void)state;
    assert_fits("orders.eu.new", "orders.eu.new");
    assert_differs("orders.eu.new", "orders.eu");
    assert_differs("orders.eu", "orders.eu.new");
    assert_differs("orders.eu", "orders.us");
    assert_differs("orders", "order");
    assert_differs("order", "orders");
}

static void test_a_star_is_one_word(void **state) {
    (void)state;
    assert_fits("*", "orders");
    assert_fits("orders.*.new", "orders.eu.new");
    assert_differs("*", "orders.eu");
    assert_differs("orders.*", "orders");
    assert_differs("*.*", "orders");
}

static void test_a_hash_is_any_words(void **state) {
    (void)state;
    assert_fits("#", "orders");
    assert_fits("#", "orders.eu.new");
    assert_fits("orders.#", "orders");
    assert_fits("orders.#", "orders.eu.new");
    assert_fits("#.new", "new");
    assert_fits("#.new.#", "orders.new.new.eu");
    assert_fits("#.eu.*.new", "eu.eu.eu.x.new");
    assert_fits("#.*.#.*", "a.b");
    assert_differs("#.*.#.*", "a");
    assert_differs("orders.#", "order.eu");
    assert_differs("#.new", "new.eu");
    assert_differs("a.#.b.#.c", "a.c.b");
}

static void test_empty_words_are_words(void **state) {
    (void)state;
    assert_fits("a..b", "a..b");
    assert_fits("a.*.b", "a..b");
    assert_fits("*.*", ".");
    assert_fits("a.*", "a.");
    assert_differs("a.b", "a..b");
    assert_differs("*", ".");
    assert_differs("a", "a.");
    assert_fits("#", "");
    assert_fits("", "");
    assert_differs("*", "");
    assert_differs("#.*", "");
}

static void test_wildcards_are_whole_words(void **state) {
    (void)state;
    assert_fits("c#.a*", "c#.a*");
    assert_differs("c#.a*", "cc.ab");
    assert_differs("**", "a");
    assert_differs("##", "a");
    assert_fits("*", "#");
    assert_differs("a", "*");
}

static void test_valid_patterns(void **state) {
    (void)state;
    char long_one[LIMIT_CHANNEL_NAME_BYTES + 1];
    memset(long_one, '#', sizeof long_one);
    assert_true(channel_pattern_valid("#", 1));
    assert_true(channel_pattern_valid("\xc3\xa4rger.*", 8));
    assert_true(channel_pattern_valid(long_one, LIMIT_CHANNEL_NAME_BYTES));
    assert_false(channel_pattern_valid(long_one, LIMIT_CHANNEL_NAME_BYTES + 1));
    assert_false(channel_pattern_valid("", 0));
    assert_false(channel_pattern_valid("a\n", 2));
    assert_false(channel_pattern_valid("a\0b", 3));
    assert_false(channel_pattern_valid("\xff", 1));
}

/* ---- many patterns ---- */

static void count_visit(void *arg, struct pattern_node *node) {
    (void)arg;
    unsigned *visits = *pattern_node_data(node);
    ++*visits;
}

/* Up to six words of a small vocabulary. */
static void make_text(char *text, const char *const *words, uint32_t count) {
    char *at = text;
    for (uint32_t left = 1 + random_below(6); left > 0; left--)
        at += sprintf(at, "%s%s", at == text ? "" : ".", words[random_below(count)]);
}

static void make_pattern(char *text) {
    static const char *const words[] = {"a", "b", "", "*", "*", "#", "#"};
    make_text(text, words, 7);
}

static void make_channel(char *text) {
    static const char *const words[] = {"a", "b", "a", "b", "", "*", "#"};
    make_text(text, words, random_below(2) == 0 ? 4 : 7);
}

/* Patterns, some of them equal, with their nodes and the visits of each. */
static struct many {
    char text[PATTERNS][TEXT_BYTES + 1];
    struct pattern_node *node[PATTERNS];
    unsigned visits[PATTERNS]; /* of the first pattern that has the node */
} many;

static void hold_one(size_t i) {
    make_pattern(many.text[i]);
    many.node[i] = pattern_index_hold(&trie, many.text[i]);
    if (*pattern_node_data(many.node[i]) == NULL)
        *pattern_node_data(many.node[i]) = &many.visits[i];
}

static void release_one(size_t i) {
    struct pattern_node *node = many.node[i];
    many.node[i] = NULL;
    if (*pattern_node_data(node) ==
        &many.visits[i]) /* move it to another pattern with this node */
        for (size_t j = 0; j < PATTERNS; j++)
            if (many.node[j] == node)
                *pattern_node_data(node) = &many.visits[j];
    pattern_index_release(&trie, node);
}

static void check_visits(const char *channel) {
    memset(many.visits, 0, sizeof many.visits);
    pattern_index_visit(&trie, channel, count_visit, NULL);
    for (size_t i = 0; i < PATTERNS; i++) {
        if (many.node[i] == NULL) {
            assert_int_equal(many.visits[i], 0);
            continue;
        }
        bool fits = channel_pattern_matches(many.text[i], channel);
        unsigned *visits = *pattern_node_data(many.node[i]);
        if (*visits != fits)
            fail_msg("%s visited %u times for %s", many.text[i], *visits, channel);
    }
}

static void test_index_finds_matching_patterns(void **state) {
    (void)state;
    char channel[TEXT_BYTES + 1];
    memset(&many, 0, sizeof many);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < PATTERNS; i++)
            if (many.node[i] == NULL)
                hold_one(i);
            else if (random_below(2) == 0)
                release_one(i);
        for (size_t i = 0; i < CHANNELS; i++) {
            make_channel(channel);
            check_visits(channel);
        }
        check_visits("");
    }
    for (size_t i = 0; i < PATTERNS; i++)
        if (many.node[i] != NULL)
            release_one(i);
    assert_null(trie.nodes);
}

static void test_a_pattern_has_one_node(void **state) {
    (void)state;
    unsigned visits = 0;
    struct pattern_node *node = pattern_index_hold(&trie, "a.#");
    assert_null(*pattern_node_data(node));
    *pattern_node_data(node) = &visits;
    assert_ptr_equal(pattern_index_hold(&trie, "a.#"), node);
    assert_ptr_not_equal(pattern_index_hold(&trie, "a.*"), node);
    pattern_index_release(&trie, node);
    pattern_index_visit(&trie, "b", count_visit, NULL);
    assert_int_equal(visits, 0);
    pattern_index_release(&trie, node);
}

/* The node of a prefix of another pattern. */
static void test_a_released_node_has_no_data(void **state) {
    (void)state;
    unsigned visits = 0;
    struct pattern_node *node = pattern_index_hold(&trie, "a.b");
    *pattern_node_data(node) = &visits;
    struct pattern_node *longer = pattern_index_hold(&trie, "a.b.c");
    pattern_index_release(&trie, node);
    pattern_index_visit(&trie, "a.b", count_visit, NULL);
    assert_int_equal(visits, 0);
    node = pattern_index_hold(&trie, "a.b");
    assert_null(*pattern_node_data(node));
    pattern_index_release(&trie, longer);
    pattern_index_release(&trie, node);
    assert_null(trie.nodes);
}

static void test_words_of_maximum_length(void **state) {
    (void)state;
    unsigned visits = 0;
    char word[2 * LIMIT_CHANNEL_NAME_BYTES];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    pattern_index_visit(&trie, word, count_visit,
                        NULL); /* not a valid channel, but accepted here */
    word[LIMIT_CHANNEL_NAME_BYTES] = '\0';
    *pattern_node_data(pattern_index_hold(&trie, word)) = &visits;
    pattern_index_visit(&trie, word, count_visit, NULL);
    assert_int_equal(visits, 1);
}

/* ---- cost ---- */

/* PIECE repeated, then LAST. */
static void repeat(char *text, const char *piece, const char *last) {
    size_t used = 0;
    while (used + strlen(piece) + strlen(last) <= TEXT_BYTES)
        used += (size_t)sprintf(text + used, "%s", piece);
    strcpy(text + used, last);
}

/* Almost matches: trying all combinations would take too long. */
static void test_malicious_patterns_are_cheap(void **state) {
    (void)state;
    static const char *const pieces[] = {"#.a.",   "#.*.", "#.",
                                         "#.a.*.", "*.#.", "#.a.#.a."};
    char pattern[TEXT_BYTES + 1], channel[TEXT_BYTES + 1];
    unsigned visits = 0;
    uint64_t began_ms = clock_ms();
    repeat(channel, "a.", "a");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        repeat(pattern, pieces[i], "b");
        *pattern_node_data(pattern_index_hold(&trie, pattern)) = &visits;
        for (unsigned times = 0; times < 100; times++) {
            assert_differs(pattern, channel);
            pattern_index_visit(&trie, channel, count_visit, NULL);
        }
    }
    assert_int_equal(visits, 0);
    assert_true(clock_ms() - began_ms < 10000);
}

/* Patterns with other first words cost nothing. */
static void test_many_patterns_are_cheap(void **state) {
    (void)state;
    static const struct {
        const char *before, *behind; /* the number */
    } shapes[] = {
        {"user.", ""}, {"user.", ".#"}, {"*.", ".new"}, {"#.", ""}, {"", ".*.#"}};
    enum { SHAPES = sizeof shapes / sizeof *shapes, EACH = 20000 };
    char text[64];
    unsigned visits = 0;
    for (unsigned i = 0; i < SHAPES * EACH; i++) {
        snprintf(text, sizeof text, "%s%u%s", shapes[i % SHAPES].before, i / SHAPES,
                 shapes[i % SHAPES].behind);
        *pattern_node_data(pattern_index_hold(&trie, text)) = &visits;
    }
    uint64_t began_ms = clock_ms();
    for (unsigned i = 0; i < EACH; i++) {
        snprintf(text, sizeof text, "user.%u", i);
        pattern_index_visit(&trie, text, count_visit, NULL);
    }
    assert_int_equal(visits, 3 * EACH);
    assert_true(clock_ms() - began_ms < 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_match_only_themselves),
        cmocka_unit_test(test_a_star_is_one_word),
        cmocka_unit_test(test_a_hash_is_any_words),
        cmocka_unit_test(test_empty_words_are_words),
        cmocka_unit_test(test_wildcards_are_whole_words),
        cmocka_unit_test(test_valid_patterns),
        cmocka_unit_test_setup_teardown(test_index_finds_matching_patterns, begin, end),
        cmocka_unit_test_setup_teardown(test_a_pattern_has_one_node, begin, end),
        cmocka_unit_test_setup_teardown(test_a_released_node_has_no_data, begin, end),
        cmocka_unit_test_setup_teardown(test_words_of_maximum_length, begin, end),
        cmocka_unit_test_setup_teardown(test_malicious_patterns_are_cheap, begin, end),
        cmocka_unit_test_setup_teardown(test_many_patterns_are_cheap, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
