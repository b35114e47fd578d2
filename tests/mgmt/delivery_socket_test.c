/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delivery_socket_test.c - sockets leave by what was named, or not at all. */
#include "mgmt/delivery_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"

static void names_that_cannot_be(void **state)
{
    (void)state;
    struct delivery_path path;
    struct error err = { 0 };
    assert_int_equal(delivery_path_read(&path, "a-name-of-sixteen", NULL, &err), -EINVAL);
    assert_string_equal(err.text, "interface a-name-of-sixteen: no interface can be called so");
    assert_int_equal(delivery_path_read(&path, NULL, "10.0.0", NULL), 0); /* the old short form of 10.0.0.0 */
    assert_int_equal(delivery_path_read(&path, NULL, "origin.example", &err), -EINVAL);
    assert_string_equal(err.text, "source address origin.example: want an IPv4 or IPv6 address");
}

static void nothing_named(void **state)
{
    (void)state;
    struct delivery_path path;
    assert_int_equal(delivery_path_read(&path, "", NULL, NULL), 0);
    assert_int_equal(delivery_path_family(&path), AF_UNSPEC);
    int file = delivery_socket_open(&path, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, NULL);
    if (file < 0) /* a kernel without IPv6 */
        file = delivery_socket_open(&path, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, NULL);
    assert_true(file >= 0);
    assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(file, F_GETFL) & O_NONBLOCK);
    close(file);
}

static void bound(void **state)
{
    (void)state;
    struct delivery_path path;
    struct sockaddr_in local;
    char device[IF_NAMESIZE] = "";
    assert_int_equal(delivery_path_read(&path, "lo", "127.0.0.5", NULL), 0);
    assert_int_equal(delivery_path_family(&path), AF_INET);
    int file = delivery_socket_open(&path, AF_INET, SOCK_STREAM, 0, NULL);
    assert_true(file >= 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&local, &(socklen_t){ sizeof local }), 0);
    assert_string_equal(inet_ntoa(local.sin_addr), "127.0.0.5");
    assert_int_equal(getsockopt(file, SOL_SOCKET, SO_BINDTODEVICE, device, &(socklen_t){ sizeof device }), 0);
    assert_string_equal(device, "lo");
    close(file);
}

static void missing(void **state)
{
    (void)state;
    struct delivery_path path;
    struct error err = { 0 };
    assert_int_equal(delivery_path_read(&path, "eth9", NULL, NULL), 0);
    assert_int_equal(delivery_socket_open(&path, AF_INET, SOCK_STREAM, 0, &err), -ENODEV);
    assert_string_equal(err.text, "interface eth9: No such device");
    assert_int_equal(delivery_path_read(&path, NULL, "192.0.2.1", NULL), 0);
    assert_int_equal(delivery_socket_open(&path, AF_INET, SOCK_STREAM, 0, &err), -EADDRNOTAVAIL);
    assert_string_equal(err.text, "source address 192.0.2.1: Cannot assign requested address");
    assert_int_equal(delivery_path_read(&path, NULL, "::1", NULL), 0);
    assert_int_equal(delivery_path_family(&path), AF_INET6);
    assert_int_equal(delivery_socket_open(&path, AF_INET, SOCK_STREAM, 0, &err), -EAFNOSUPPORT);
    assert_string_equal(err.text, "source address ::1: the server's address is IPv4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_cannot_be),
        cmocka_unit_test(nothing_named),
        cmocka_unit_test(bound),
        cmocka_unit_test(missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
