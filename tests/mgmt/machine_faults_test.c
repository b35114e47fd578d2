/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_faults_test.c - a file is an alert as long as it is there; what is no file with a sentence is none. */
#include "mgmt/machine_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/clock.h"
#include "mgmt/alerts.h"

static char folder[] = "/tmp/biplane-faults-XXXXXX";

static void leave(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void take_away(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static void a_file_is_an_alert_while_it_is_there(void **state)
{
    (void)state;
    struct fake_clock clock = fake_clock_at(1700000000 * NS_PER_S);
    struct alerts *alerts = alerts_create(&clock.clock, NULL);
    assert_non_null(mkdtemp(folder));
    leave("data", "the data partition cannot be used\nsecond line\n");
    leave("empty", "");
    leave(".hidden", "not yet");
    leave("bytes", "\xff\xfe");
    char path[128];
    snprintf(path, sizeof path, "%s/folder", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    json_t *list = machine_faults(folder);
    assert_int_equal(json_array_size(list), 1);
    alerts_replace(alerts, "box", "machine", list);
    json_decref(list);
    list = alerts_json(alerts, false);
    assert_int_equal(json_array_size(list), 1);
    const json_t *alert = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(alert, "id")), ALERT_MACHINE);
    assert_string_equal(json_string_value(json_object_get(alert, "subject")), "data");
    assert_string_equal(json_string_value(json_object_get(alert, "message")), "the data partition cannot be used");
    json_decref(list);
    take_away("data");
    list = machine_faults(folder);
    alerts_replace(alerts, "box", "machine", list);
    json_decref(list);
    assert_int_equal(alerts_active(alerts), 0);
    for (unsigned i = 0; i < 4; i++)
        take_away((const char *const[]){ "empty", ".hidden", "bytes", "folder" }[i]);
    assert_int_equal(rmdir(folder), 0);
    alerts_destroy(alerts);
}

static void no_folder_is_no_fault(void **state)
{
    (void)state;
    json_t *list = machine_faults("/nonexistent/folder");
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = machine_faults(NULL);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_file_is_an_alert_while_it_is_there),
                                        cmocka_unit_test(no_folder_is_no_fault) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
