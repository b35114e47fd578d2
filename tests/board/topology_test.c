/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>

#include "board/topology.h"

static struct topology machine(unsigned nodes, unsigned cores_each)
{
    struct topology topology = { .node_count = nodes };
    for (unsigned n = 0; n < nodes; n++) {
        topology.nodes[n].id = n;
        topology.nodes[n].core_count = cores_each;
        for (unsigned c = 0; c < cores_each; c++)
            topology.nodes[n].cores[c] = (unsigned short)(n * cores_each + c);
    }
    return topology;
}

static void this_machine_has_a_node_with_cores(void **state)
{
    (void)state;
    struct topology topology;
    assert_int_equal(topology_read(&topology, NULL), 0);
    assert_true(topology.node_count >= 1);
    assert_true(topology.nodes[0].core_count >= 1);
    assert_true(topology.nodes[0].memory_bytes > 0);
}

static void pipelines_live_on_their_own_node(void **state)
{
    (void)state;
    struct topology two = machine(2, 4);
    struct placement first = topology_place(&two, 0), second = topology_place(&two, 1);
    assert_int_equal(first.node, 0);
    assert_int_equal(second.node, 1);
    assert_false(first.shared);
    assert_int_equal(second.core_count, 4);
    assert_int_equal(second.cores[0], 4);
}

static void one_node_is_shared_core_by_core(void **state)
{
    (void)state;
    struct topology one = machine(1, 5);
    struct placement first = topology_place(&one, 0), second = topology_place(&one, 1);
    assert_true(first.shared && second.shared);
    assert_int_equal(first.core_count, 2);
    assert_int_equal(second.core_count, 3);
    assert_int_equal(first.cores[1] + 1, second.cores[0]);
    struct topology tiny = machine(1, 1);
    assert_int_equal(topology_place(&tiny, 1).core_count, 1);
}

static void isolated_cores_are_for_polling_alone(void **state)
{
    (void)state;
    struct topology two = machine(2, 4), one = machine(1, 8), plain = machine(2, 4), tiny = machine(2, 1);
    topology_isolate(&two, "1,6-7");
    struct placement first = topology_place(&two, 0), second = topology_place(&two, 1);
    assert_int_equal(first.core_count, 3);
    assert_int_equal(first.cores[1], 2);
    assert_int_equal(first.poll_core, 1);
    assert_int_equal(second.core_count, 2);
    assert_int_equal(second.cores[1], 5);
    assert_int_equal(second.poll_core, 6);
    topology_isolate(&one, "2-3");
    assert_int_equal(topology_place(&one, 0).poll_core, 2);
    assert_int_equal(topology_place(&one, 1).poll_core, 3);
    assert_int_equal(topology_place(&one, 1).core_count, 3);
    topology_isolate(&plain, "");
    assert_int_equal(topology_place(&plain, 1).poll_core, 4);
    assert_int_equal(topology_place(&plain, 1).core_count, 4);
    topology_isolate(&tiny, "0-1"); /* nothing else is there */
    assert_int_equal(topology_place(&tiny, 1).core_count, 1);
    assert_int_equal(topology_place(&tiny, 1).poll_core, 1);
}

static void a_thread_enters_its_placement(void **state)
{
    (void)state;
    struct topology topology;
    cpu_set_t before, after;
    assert_int_equal(topology_read(&topology, NULL), 0);
    sched_getaffinity(0, sizeof before, &before);
    struct placement place = topology_place(&topology, 1);
    assert_int_equal(placement_enter(&place, NULL), 0);
    sched_getaffinity(0, sizeof after, &after);
    assert_int_equal(CPU_COUNT(&after), place.core_count);
    assert_true(CPU_ISSET(place.cores[0], &after));
    sched_setaffinity(0, sizeof before, &before);
}

static void what_is_not_there_has_no_node(void **state)
{
    (void)state;
    assert_int_equal(topology_node_of_pci("ffff:ff:1f.7"), -1);
    assert_int_equal(topology_node_of_pci("../../x"), -1);
    assert_int_equal(topology_node_of_device("/dev/does-not-exist"), -1);
    assert_int_equal(topology_node_of_device("/"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_has_a_node_with_cores), cmocka_unit_test(pipelines_live_on_their_own_node),
        cmocka_unit_test(one_node_is_shared_core_by_core),    cmocka_unit_test(a_thread_enters_its_placement),
        cmocka_unit_test(what_is_not_there_has_no_node),      cmocka_unit_test(isolated_cores_are_for_polling_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
