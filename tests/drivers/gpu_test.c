/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gpu_test.c - render nodes from a made-up sysfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/gpu.h"

static char root[] = "/tmp/gpu-test-XXXXXX";

static void put(const char *name, const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/device", root, name);
    mkdir(path, 0700);
    if (!file)
        return;
    snprintf(path, sizeof path, "%s/%s/device/%s", root, name, file);
    FILE *stream = fopen(path, "w");
    fputs(text, stream);
    fclose(stream);
}

static int make(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    put("renderD129", "numa_node", "1\n");
    put("renderD129", "vendor", "0x8086\n");
    put("renderD128", "numa_node", "0\n");
    put("renderD128", "vendor", "0x1002\n");
    put("renderD130", NULL, NULL);
    put("card0", "vendor", "0x8086\n");
    return 0;
}

static int sweep(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void lists_render_nodes_in_order(void **state)
{
    (void)state;
    struct gpu gpus[GPUS_MAX];
    assert_int_equal(gpu_list(gpus, GPUS_MAX, root, "/dev/dri"), 3);
    assert_string_equal(gpus[0].device, "/dev/dri/renderD128");
    assert_int_equal(gpus[0].vendor, 0x1002);
    assert_int_equal(gpus[1].node, 1);
    assert_int_equal(gpus[2].node, -1);
    assert_int_equal(gpu_list(gpus, 1, root, "/dev/dri"), 1);
    assert_int_equal(gpu_list(gpus, GPUS_MAX, "/nowhere", "/dev/dri"), 0);
}

static void takes_one_of_its_own_node_only(void **state)
{
    (void)state;
    struct gpu gpus[] = { { "a", 0, 0x8086 }, { "b", 1, 0x8086 } };
    assert_ptr_equal(gpu_choose(gpus, 2, 1), &gpus[1]);
    assert_null(gpu_choose(gpus, 2, 2));
    gpus[0].node = -1;
    assert_ptr_equal(gpu_choose(gpus, 2, 2), &gpus[0]);
    assert_null(gpu_choose(gpus, 0, 0));
}

/* One was taken out: the others keep their names. */
static void finds_one_by_its_own_number(void **state)
{
    (void)state;
    struct gpu gpus[] = { { "/dev/dri/renderD128", 0, 0x8086 }, { "/dev/dri/renderD130", 1, 0x8086 } };
    assert_ptr_equal(gpu_by_number(gpus, 2, 0), &gpus[0]);
    assert_ptr_equal(gpu_by_number(gpus, 2, 2), &gpus[1]);
    assert_null(gpu_by_number(gpus, 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_render_nodes_in_order),
        cmocka_unit_test(takes_one_of_its_own_node_only),
        cmocka_unit_test(finds_one_by_its_own_number),
    };
    return cmocka_run_group_tests(tests, make, sweep);
}
