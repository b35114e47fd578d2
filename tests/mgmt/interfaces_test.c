/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interfaces_test.c - what this machine has, whatever that is: names once, addresses with their prefix, no loopback. */
#include "mgmt/interfaces.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_an_address_with_its_prefix(const char *text)
{
    char address[64];
    uint8_t bytes[16];
    const char *slash = strchr(text, '/');
    assert_non_null(slash);
    assert_true((size_t)(slash - text) < sizeof address);
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, address, bytes), 1);
    assert_in_range(atoi(slash + 1), 0, family == AF_INET6 ? 128 : 32);
    assert_int_not_equal(strncmp(text, "127.", 4), 0);
    assert_int_not_equal(strncmp(text, "fe80:", 5), 0);
}

static void each_stands_there_once(void **state)
{
    (void)state;
    json_t *list = interfaces_json();
    assert_true(json_is_array(list));
    assert_true(json_array_size(list) <= INTERFACES_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = NULL;
        int up = 0;
        json_t *addresses = NULL;
        assert_int_equal(
            json_unpack(json_array_get(list, i), "{s:s, s:b, s:o}", "name", &name, "up", &up, "addresses", &addresses),
            0);
        assert_string_not_equal(name, "lo");
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(json_string_value(json_object_get(json_array_get(list, other), "name")), name);
        for (size_t a = 0; a < json_array_size(addresses); a++)
            is_an_address_with_its_prefix(json_string_value(json_array_get(addresses, a)));
    }
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_stands_there_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
