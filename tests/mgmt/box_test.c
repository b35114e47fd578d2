/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encode/job.h"
#include "mgmt/box.h"
#include "tests/mgmt/configuration_fixture.h"

static struct box box;

static void read_box(const char *text)
{
    struct configuration_fixture fixture;
    struct problems *problems = problems_create();
    char path[128];
    fixture_create(&fixture);
    fixture_write(&fixture, "box.cfg", text, 0644);
    snprintf(path, sizeof path, "%s/box.cfg", fixture.directory);
    int result = box_read(&box, path, "board/boards", problems);
    problems_print(problems, stderr);
    assert_int_equal(result, 0);
    problems_destroy(problems);
    fixture_destroy(&fixture);
}

static void a_box_without_nodes_takes_those_of_its_board(void **state)
{
    (void)state;
    read_box("board = \"rack-2s\";\n");
    assert_int_equal(box.nodes_count, 2);
    assert_string_equal(box.nodes[1].ports[0].device, "0000:b1:00.0");
    assert_int_equal(box.nodes[0].poll, POLL_BUSY);
    assert_int_equal(box.accelerator, ACCELERATOR_HARDWARE);
    assert_int_equal(box.api.port, 8080); /* a default of the table */
}

static void an_accelerator_that_is_said_counts(void **state)
{
    (void)state;
    read_box("board = \"rack-2s\"; accelerator = \"auto\";\n");
    assert_int_equal(box.accelerator, ACCELERATOR_AUTO);
}

static void a_node_takes_from_its_board_what_it_does_not_say(void **state)
{
    (void)state;
    read_box(
        "board = \"rack-2s\"; accelerator = \"software\";\n"
        "nodes = ( { ports = ( { name = \"p\"; device = \"net_ring0\"; } ); poll = \"adaptive\"; core = 3; } );\n");
    assert_int_equal(box.nodes_count, 1);
    assert_string_equal(box.nodes[0].ports[0].device, "net_ring0");
    assert_int_equal(box.nodes[0].ports_count, 1);
    assert_int_equal(box.nodes[0].poll, POLL_ADAPTIVE);
    assert_int_equal(box.nodes[0].core, 3);
    assert_int_equal(box.nodes[0].memory_megabytes, 1024); /* the board's */
    assert_true(box.nodes[0].hugepages);
    assert_int_equal(box.accelerator, ACCELERATOR_SOFTWARE);
}

static void every_board_can_be_read(void **state)
{
    (void)state;
    static const char *const boards[] = { "dev", "rack-2s" };
    for (unsigned i = 0; i < 2; i++) {
        char path[64];
        struct board board;
        struct problems *problems = problems_create();
        snprintf(path, sizeof path, "board/boards/%s/board.cfg", boards[i]);
        assert_int_equal(settings_read_file(&board_settings, path, &board, problems), 0);
        assert_true(board.description[0] && board.nodes_count == 2);
        problems_destroy(problems);
    }
}

/* The command line that the image of a board starts its kernel with. */
static void kernel_arguments(const char *board, char *text, size_t bytes)
{
    char path[64];
    snprintf(path, sizeof path, "board/boards/%s/image.conf", board);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, bytes - 1, file)] = '\0';
    fclose(file);
}

static bool is_isolated(const char *arguments, unsigned core)
{
    const char *at = strstr(arguments, "isolcpus=");
    char wanted[16];
    assert_non_null(at);
    snprintf(wanted, sizeof wanted, ",%u", core);
    for (const char *end = at + strcspn(at, " "); (at = strstr(at, wanted)) && at < end; at++)
        if (at[strlen(wanted)] == ',' || at + strlen(wanted) == end)
            return true;
    return false;
}

static void an_image_isolates_the_cores_of_its_data_planes(void **state)
{
    (void)state;
    static const char *const boards[] = { "qemu-twin", "rack-2s" };
    for (unsigned i = 0; i < 2; i++) {
        char path[64], arguments[4096];
        struct board board;
        struct problems *problems = problems_create();
        snprintf(path, sizeof path, "board/boards/%s/board.cfg", boards[i]);
        assert_int_equal(settings_read_file(&board_settings, path, &board, problems), 0);
        problems_destroy(problems);
        kernel_arguments(boards[i], arguments, sizeof arguments);
        for (unsigned node = 0; node < board.nodes_count; node++)
            assert_true(is_isolated(arguments, board.nodes[node].core));
    }
}

static void a_job_holds_the_inputs_of_its_pipeline(void **state)
{
    (void)state;
    static struct dataplane_job job;
    read_box(fixture_box);
    box_dataplane_job(&box, 0, &job);
    assert_int_equal(job.pipeline, 0);
    assert_int_equal(job.inputs_count, 2);
    assert_string_equal(job.dataplane.ports[0].name, "left");
    assert_int_equal(job.security_groups_count, 1);
    box_dataplane_job(&box, 1, &job);
    assert_int_equal(job.pipeline, 1);
    assert_int_equal(job.inputs_count, 1); /* the other has no second endpoint */
    assert_string_equal(job.inputs[0].name, "news-rtp");
    assert_string_equal(job.dataplane.ports[0].name, "right");
}

static void inputs_are_found_by_name(void **state)
{
    (void)state;
    read_box(fixture_box);
    assert_string_equal(box_input(&box, "one-rtp")->endpoints[0].address, "239.1.2.3");
    assert_null(box_input(&box, "two-rtp"));
}

static void one_address_written_in_two_ways_is_one_endpoint(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    static const char text[] =
        "nodes = ( { ports = ( { name = \"p\"; device = \"net_ring0\"; } ); } );\n"
        "input_security_groups = ( { name = \"s\"; cidrs = [ \"::/0\" ]; } );\n"
        "inputs = ( { name = \"a\"; security_groups = [ \"s\" ]; endpoints = ( { address = \"fd00::1\"; } ); },\n"
        "  { name = \"b\"; security_groups = [ \"s\" ]; endpoints = ( { address = \"fd00:0::1\"; vlan = 7; } ); } );\n";
    assert_int_equal(settings_read_text(&box_settings, "box.cfg", text, &box, problems), 0);
    box_check(&box, problems);
    assert_int_equal(problems_count(problems), 1);
    assert_non_null(strstr(problems_text(problems, 0), "box.cfg:4: input \"b\": endpoint 0"));
    problems_destroy(problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_without_nodes_takes_those_of_its_board),
        cmocka_unit_test(an_accelerator_that_is_said_counts),
        cmocka_unit_test(a_node_takes_from_its_board_what_it_does_not_say),
        cmocka_unit_test(every_board_can_be_read),
        cmocka_unit_test(an_image_isolates_the_cores_of_its_data_planes),
        cmocka_unit_test(a_job_holds_the_inputs_of_its_pipeline),
        cmocka_unit_test(inputs_are_found_by_name),
        cmocka_unit_test(one_address_written_in_two_ways_is_one_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
