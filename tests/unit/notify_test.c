/* daemon/notify.h */
#include "daemon/notify.h"
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path, socklen_t path_bytes, bool is_abstract) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, path_bytes);
    if (is_abstract)
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_bytes);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, bytes), 0);
    return fd;
}

static void assert_told(int fd, const char *expected) {
    char text[100] = "";
    ssize_t bytes = recv(fd, text, sizeof text - 1, 0);
    assert_int_equal(bytes, strlen(expected));
    assert_string_equal(text, expected);
}

static void test_notify_path(void **state) {
    (void)state;
    char folder[] = "/tmp/crew-notify-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    int fd = listen_at(path, (socklen_t)strlen(path), false);
    setenv("NOTIFY_SOCKET", path, 1);
    notify("READY=1");
    assert_told(fd, "READY=1");
    close(fd);
    notify("STOPPING=1"); /* no receiver: no error, no signal */
    unlink(path);
    rmdir(folder);
}

static void test_notify_abstract_name(void **state) {
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@crew-notify-%d", (int)getpid());
    int fd = listen_at(name, (socklen_t)strlen(name), true);
    setenv("NOTIFY_SOCKET", name, 1);
    notify("RELOADING=1");
    assert_told(fd, "RELOADING=1");
    close(fd);
}

static void test_notify_without_a_manager(void **state) {
    (void)state;
    static char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    setenv("NOTIFY_SOCKET", longer, 1);
    notify("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify("READY=1");
    unsetenv("NOTIFY_SOCKET");
    notify("READY=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify_path),
        cmocka_unit_test(test_notify_abstract_name),
        cmocka_unit_test(test_notify_without_a_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
