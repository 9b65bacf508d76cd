/* daemon/privileges.h. Tests that need root are skipped for other users. */
#include "child.h"
#include "daemon/privileges.h"
#include "unit.h"

#include <grp.h>
#include <unistd.h>

static struct child_result result;

static void test_privileges_names_and_numbers(void **state) {
    (void)state;
    uid_t uid = 7;
    gid_t gid = 7;
    assert_int_equal(privileges_user("no such user", &uid), -1);
    assert_int_equal(privileges_user("", &uid), -1);
    assert_int_equal(privileges_user("-1", &uid), -1);
    assert_int_equal(privileges_user("4294967295", &uid), -1);
    assert_int_equal(privileges_group("no such group", &gid), -1);
    assert_int_equal(uid, 7);
    assert_int_equal(gid, 7);
    assert_int_equal(privileges_user("root", &uid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(privileges_user("12345", &uid), 0);
    assert_int_equal(uid, 12345);
    assert_int_equal(privileges_group("root", &gid), 0);
    assert_int_equal(gid, 0);
    assert_int_equal(privileges_group("12345", &gid), 0);
    assert_int_equal(gid, 12345);
}

struct wish {
    const char *user, *group;
};

static void drop(void *arg) {
    const struct wish *wish = arg;
    char why[200] = "";
    gid_t groups[64];
    int dropped = privileges_drop(wish->user, wish->group, why, sizeof why);
    int group_count = getgroups(64, groups);
    bool in_root_group = false;
    for (int i = 0; i < group_count; i++)
        in_root_group = in_root_group || groups[i] == 0;
    printf("%d uid %u gid %u back %d %s%s", dropped, getuid(), getgid(), setuid(0),
           in_root_group ? "in root's group " : "", why);
}

static void assert_dropped(const char *user, const char *group, const char *expected) {
    struct wish wish = {user, group};
    child_run(drop, &wish, &result);
    assert_string_equal(result.out, expected);
}

static void test_privileges_drop_as_root(void **state) {
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_dropped("54321", "12345", "0 uid 54321 gid 12345 back -1 ");
    assert_dropped("nobody", NULL, "0 uid 65534 gid 65534 back -1 ");
    assert_dropped("nobody", "12345", "0 uid 65534 gid 12345 back -1 ");
    assert_dropped(NULL, "12345", "0 uid 0 gid 12345 back 0 ");
}

static void become_nobody_then_drop(void *arg) {
    if (geteuid() == 0) {
        assert_int_equal(setgroups(0, NULL), 0);
        assert_int_equal(setresgid(65534, 65534, 65534), 0);
        assert_int_equal(setresuid(65534, 65534, 65534), 0);
    }
    drop(arg);
}

static void test_privileges_drop_as_nobody(void **state) {
    (void)state;
    char own[20];
    struct wish same = {own, NULL}, other = {"root", NULL};
    snprintf(own, sizeof own, "%u", geteuid() == 0 ? 65534 : geteuid());
    child_run(become_nobody_then_drop, &same, &result);
    assert_int_equal(strncmp(result.out, "0 uid ", 6), 0);
    child_run(become_nobody_then_drop, &other, &result);
    assert_int_equal(strncmp(result.out, "-1 uid ", 7), 0);
    assert_non_null(strstr(result.out, "cannot become user 0, group 0: "));
}

static void test_privileges_drop_reports_errors(void **state) {
    (void)state;
    char why[200] = "";
    assert_int_equal(privileges_drop(NULL, NULL, why, sizeof why), 0);
    assert_int_equal(privileges_drop("no such user", NULL, why, sizeof why), -1);
    assert_string_equal(why, "there is no user \"no such user\"");
    assert_int_equal(privileges_drop(NULL, "no such group", why, sizeof why), -1);
    assert_string_equal(why, "there is no group \"no such group\"");
    assert_int_equal(privileges_drop("54321", NULL, why, sizeof why), -1);
    assert_string_equal(why, "user 54321 has no group of its own: name a group");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_privileges_names_and_numbers),
        cmocka_unit_test(test_privileges_drop_as_root),
        cmocka_unit_test(test_privileges_drop_as_nobody),
        cmocka_unit_test(test_privileges_drop_reports_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
