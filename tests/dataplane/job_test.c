/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: what is absent has its default, what is wrong is told with its line and reason, what was written is read back.
 */
#include "dataplane/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"

#define PORTS  "dataplane = { ports = ({ name = \"in\"; device = \"net_null0\"; }); };\n"
#define GROUPS "security_groups = ({ name = \"lan\"; cidrs = [\"10.0.0.0/8\"]; });\n"

static struct dataplane_job job;

static struct problems *read_job(const char *text)
{
    char path[] = "/tmp/job-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
    struct problems *problems = problems_create();
    int result = dataplane_job_read(path, &job, problems);
    assert_true((result == 0) == (problems_count(problems) == 0));
    unlink(path);
    return problems;
}

static void a_short_job_gets_its_defaults(void **state)
{
    (void)state;
    struct problems *problems =
        read_job("pipeline = 1;\n" PORTS GROUPS "inputs = ({ name = \"news\"; security_groups = [\"lan\"];\n"
                 "  endpoints = ({ address = \"10.1.0.1\"; port = 5000; }, { address = \"239.1.1.1\"; source = "
                 "\"10.9.0.1\"; }); "
                 "});\n");
    problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    assert_int_equal(job.pipeline, 1);
    assert_int_equal(job.dataplane.poll, POLL_ADAPTIVE);
    assert_int_equal(job.dataplane.core, 65535);
    assert_int_equal(job.dataplane.ports[0].queue_descriptors, 2048);
    assert_int_equal(job.inputs[0].endpoints_count, 2);
    assert_int_equal(job.inputs[0].reorder_packets, 256);
    assert_int_equal(job.inputs[0].reorder_msec, 50);
    assert_int_equal(job.inputs[0].ring_megabytes, 16);
    assert_string_equal(job.inputs[0].endpoints[1].source, "10.9.0.1");
    problems_destroy(problems);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
#define INPUT(NAME, GROUP, ENDPOINT)                                                                                   \
    "{ name = \"" NAME "\"; security_groups = [\"" GROUP "\"]; endpoints = (" ENDPOINT "); }"
    static const struct {
        const char *text, *problem;
        unsigned line;
    } cases[] = {
        { PORTS GROUPS "inputs = (\n" INPUT("a", "wan", "{ address = \"10.1.0.1\"; }") ");",
          "no input security group \"wan\"", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"10.1.0\"; }") ");",
          "\"10.1.0\" is not an IPv4 or IPv6", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"0.0.0.0\"; }") ");",
          "nothing can be sent to 0.0.0.0", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"10.1.0.1\"; source = \"10.2.0.1\"; }") ");",
          "source only goes with a multicast address", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"232.1.0.1\"; source = \"fd00::1\"; }") ");",
          "source fd00::1 is IPv6", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"232.1.0.1\"; source = \"lan\"; }") ");",
          "source: \"lan\"", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"232.1.0.1\"; source = \"239.1.1.1\"; }") ");",
          "no address that a sender can have", 4 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"10.1.0.1\"; }") ",\n" INPUT(
              "b", "lan", "{ address = \"10.1.0.1\"; }") ");",
          "its endpoint is that of input \"a\"", 5 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan\", \"lan", "{ address = \"10.1.0.1\"; }") ");", "named twice",
          4 },
        { PORTS "security_groups = (\n{ name = \"lan\"; cidrs = [\"10.0.0.1/8\"]; });", "the network is 10.0.0.0/8",
          3 },
        { PORTS "security_groups = (\n{ name = \"lan\"; cidrs = [\"lan\"]; });", "\"lan\" is not an IPv4", 3 },
        { PORTS GROUPS "inputs = (\n" INPUT("a", "lan", "{ address = \"10.1.0.1\"; port = 70000; }") ");", "port", 4 },
        { "dataplane = { ports = (\n{ name = \"in\"; device = \"net_null0\"; addresses = [\"10.1.2.3\"]; }); };",
          "no prefix length", 2 },
        { "dataplane = { ports = (); };", "ports", 1 },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problems *problems = read_job(cases[i].text);
        char place[32];
        snprintf(place, sizeof place, ":%u: ", cases[i].line);
        bool found = false;
        for (unsigned j = 0; j < problems_count(problems); j++)
            found |= strstr(problems_text(problems, j), cases[i].problem) && strstr(problems_text(problems, j), place);
        if (!found)
            problems_print(problems, stderr);
        if (!found)
            fail_msg("case %u: nothing says \"%s\" at%s", i, cases[i].problem, place);
        problems_destroy(problems);
    }
}

/* Two inputs on one endpoint are only in each other's way where this data plane receives both. */
static void the_other_pipelines_endpoints_do_not_matter(void **state)
{
    (void)state;
    struct problems *problems = read_job("pipeline = 1;\n" PORTS GROUPS "inputs = (" INPUT(
        "a", "lan", "{ address = \"10.1.0.1\"; }") "," INPUT("b", "lan", "{ address = \"10.1.0.1\"; }") ");");
    assert_int_equal(problems_count(problems), 0);
    problems_destroy(problems);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    problems_destroy(
        read_job("pipeline = 0;\n" PORTS GROUPS "inputs = (" INPUT("a", "lan", "{ address = \"10.1.0.1\"; }") ");"));
    struct dataplane_job *copy = malloc(sizeof *copy);
    memcpy(copy, &job, sizeof job);
    char path[] = "/tmp/job-test-XXXXXX";
    close(mkstemp(path));
    struct error err;
    assert_int_equal(settings_write_file(&dataplane_job_settings, path, &job, &err), 0);
    struct problems *problems = problems_create();
    assert_int_equal(dataplane_job_read(path, &job, problems), 0);
    assert_string_equal(job.inputs[0].endpoints[0].address, copy->inputs[0].endpoints[0].address);
    assert_string_equal(job.dataplane.ports[0].device, copy->dataplane.ports[0].device);
    assert_int_equal(job.inputs_count, copy->inputs_count);
    assert_string_equal(job.security_groups[0].cidrs[0], "10.0.0.0/8");
    problems_destroy(problems);
    unlink(path);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_job_gets_its_defaults),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(the_other_pipelines_endpoints_do_not_matter),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
