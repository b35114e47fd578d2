/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog_test.c - what a service manager hears: ready, then food while the loop turns, none while it does not. */
#include "mgmt/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

struct manager {
    int socket;
    struct clock clock;
    struct loop *loop;
};

static struct manager manager_start(const char *watchdog_usec)
{
    struct manager manager = { .clock = clock_real() };
    struct error err = { 0 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char pid[16];
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/biplane-watchdog-%d", (int)getpid());
    unlink(address.sun_path);
    manager.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager.socket, (struct sockaddr *)&address, sizeof address), 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_PID", pid, 1);
    if (watchdog_usec)
        setenv("WATCHDOG_USEC", watchdog_usec, 1);
    else
        unsetenv("WATCHDOG_USEC");
    assert_int_equal(loop_create(&manager.loop, &err), 0);
    return manager;
}

static void manager_end(struct manager *manager)
{
    loop_destroy(manager->loop);
    close(manager->socket);
    unlink(getenv("NOTIFY_SOCKET"));
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static unsigned count_heard(const struct manager *manager, const char *what)
{
    char text[256];
    unsigned count = 0;
    for (ssize_t bytes; (bytes = recv(manager->socket, text, sizeof text - 1, 0)) >= 0;) {
        text[bytes] = '\0';
        count += strcmp(text, what) == 0;
    }
    return count;
}

static void is_fed_while_the_loop_turns(void **state)
{
    (void)state;
    struct manager manager = manager_start("30000");
    struct watchdog *watchdog;
    struct error err = { 0 };
    assert_int_equal(watchdog_create(&watchdog, manager.loop, &manager.clock, &err), 0);
    assert_int_equal(count_heard(&manager, "WATCHDOG=1"), 1);
    for (unsigned turns = 0, fed = 0; fed < 3; turns++) {
        assert_true(turns < 10000);
        loop_turn(manager.loop, 20);
        fed += count_heard(&manager, "WATCHDOG=1");
    }
    usleep(40000); /* longer than the limit, with nobody turning the loop */
    assert_int_equal(count_heard(&manager, "WATCHDOG=1"), 0);
    watchdog_destroy(watchdog);
    assert_int_equal(count_heard(&manager, "STOPPING=1"), 1);
    manager_end(&manager);
}

static void is_ready_also_without_a_limit(void **state)
{
    (void)state;
    struct manager manager = manager_start(NULL);
    struct watchdog *watchdog;
    struct error err = { 0 };
    assert_int_equal(watchdog_create(&watchdog, manager.loop, &manager.clock, &err), 0);
    assert_int_equal(count_heard(&manager, "READY=1"), 1);
    loop_turn(manager.loop, 0);
    assert_int_equal(count_heard(&manager, "WATCHDOG=1"), 0);
    watchdog_destroy(watchdog);
    watchdog_destroy(NULL);
    manager_end(&manager);
}

static void runs_without_a_manager(void **state)
{
    (void)state;
    struct clock clock = clock_real();
    struct loop *loop;
    struct watchdog *watchdog;
    struct error err = { 0 };
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(loop_create(&loop, &err), 0);
    assert_int_equal(watchdog_create(&watchdog, loop, &clock, &err), 0);
    loop_turn(loop, 0);
    watchdog_destroy(watchdog);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_fed_while_the_loop_turns),
        cmocka_unit_test(is_ready_also_without_a_limit),
        cmocka_unit_test(runs_without_a_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
