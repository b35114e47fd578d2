/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DPDK's environment without privileges: ordinary memory, no files, one polling core, its words in our log. */
#include "drivers/eal.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "board/log.h"
#include "drivers/cycles.h"

static unsigned first_core(void)
{
    cpu_set_t allowed;
    unsigned core = 0;
    sched_getaffinity(0, sizeof allowed, &allowed);
    while (!CPU_ISSET(core, &allowed))
        core++;
    return core;
}

/* As the kernel says; 0 where it knows no nodes, as DPDK does it. */
static int node_of(unsigned core)
{
    char path[96];
    for (int node = 0; node < 64; node++) {
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpu%u", node, core);
        if (access(path, F_OK) == 0)
            return node;
    }
    return 0;
}

static int where_am_i(void *context)
{
    *(int *)context = sched_getcpu();
    return 42;
}

static void bad_settings_are_refused_before_dpdk_starts(void **state)
{
    (void)state;
    struct eal *eal;
    struct error err;
    struct eal_config config = { .name = "a/b", .core = EAL_NO_CORE, .memory_megabytes = 64 };
    assert_int_equal(eal_create(&eal, &config, &err), -EINVAL);
    config.name = NULL;
    assert_int_equal(eal_create(&eal, &config, &err), -EINVAL);
    config.name = "biplane-test";
    config.memory_megabytes = 1;
    assert_int_equal(eal_create(&eal, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "1 MiB"));
}

/* DPDK starts once in a process, so that one test has it all. */
static void it_starts_runs_and_ends(void **state)
{
    (void)state;
    struct eal *eal, *second;
    struct error err = { 0 };
    struct log log;
    int file = memfd_create("log", 0), core = -1;
    cpu_set_t before, after;
    sched_getaffinity(0, sizeof before, &before);
    log_open(&log, &(struct log_config){ .name = "test", .level = LOG_LEVEL_DEBUG, .file_descriptor = file });
    struct eal_config config = { .name = "biplane-test", .core = first_core(), .memory_megabytes = 32, .log = &log };
    int result = eal_create(&eal, &config, &err);
    if (result < 0)
        fail_msg("%s", err.text);
    sched_getaffinity(0, sizeof after, &after);
    assert_true(CPU_EQUAL(&before, &after)); /* the caller may run where it could before */
    assert_int_equal(eal_create(&second, &config, &err), -EALREADY);
    assert_non_null(strstr(err.text, "DPDK does not start"));

    assert_int_equal(eal_launch(eal, where_am_i, &core, &err), 0);
    assert_int_equal(eal_join(eal), 42);
    assert_int_equal(core, (int)first_core());
    assert_int_equal(eal_lcore_node(eal), node_of(first_core()));
    uint64_t cycles = cycles_now();
    usleep(1000);
    assert_in_range(cycles_now() - cycles, cycles_a_second() / 1000, cycles_a_second());

    char text[65536] = "";
    assert_true(pread(file, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "debug   test: EAL: "));
    eal_destroy(eal);
    eal_destroy(NULL);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_settings_are_refused_before_dpdk_starts),
        cmocka_unit_test(it_starts_runs_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
