/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_print_test.c - tables for people, and counters for Prometheus, from answers good and strange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mgmt/ctl_print.h"
#include "mgmt/metrics.h"
#include "mgmt/text_table.h"

static char *printed(void (*print)(const json_t *, FILE *), const char *json)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    json_t *answer = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(answer);
    print(answer, stream);
    json_decref(answer);
    fclose(stream);
    return text;
}

static void columns_are_aligned(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    struct text_table table = { 0 };
    text_table_row(&table, (const char *const[]){ "A", "LONGER", "C" }, 3);
    text_table_row(&table, (const char *const[]){ "w\xc3\xb6rd", "x", "" }, 3);
    text_table_row(&table, (const char *const[]){ "1", "\033[2J", "z" }, 3);
    text_table_print(&table, stream);
    text_table_free(&table);
    fclose(stream);
    assert_string_equal(text, "A     LONGER  C\nw\xc3\xb6rd  x\n1      [2J    z\n");
    free(text);
}

static void a_channel_in_a_table(void **state)
{
    (void)state;
    char *text = printed(ctl_print_channels,
                         "[{\"name\":\"news\",\"class\":\"standard\",\"input\":\"rtp\",\"state\":\"running\","
                         "\"locked\":true,\"pipelines\":[{\"pipeline\":0,\"state\":\"running\",\"pid\":7,"
                         "\"restarts\":0,\"segments\":12,\"last_segment_s\":1.25}]}]");
    assert_string_equal(
        text, "CHANNEL  CLASS     INPUT  STATE    LOCKED  PIPELINE   PROCESS  RESTARTS  SEGMENTS  LAST\n"
              "news     standard  rtp    running  yes     0 running  7        0         12        1.2 s ago\n");
    free(text);
}

static void accelerators_in_tables(void **state)
{
    (void)state;
    char *text = printed(ctl_print_accelerators,
                         "{\"accelerators\":[{\"name\":\"soft\",\"kind\":\"oneVPL\",\"hardware\":false,\"node\":-1,"
                         "\"encoders\":[{\"codec\":\"hevc\",\"bit_depth\":10,\"width_min\":16,\"width_max\":8192,"
                         "\"height_min\":16,\"height_max\":4096,\"formats\":[\"P010\",\"Y210\"]}],"
                         "\"converts\":[\"hdr10_to_sdr\",\"hlg_to_sdr\"]},"
                         "{\"name\":\"gpu\",\"kind\":\"VA-API\",\"hardware\":true,\"device\":\"/dev/dri/renderD128\","
                         "\"node\":1,\"encoders\":[{\"codec\":\"h264\",\"bit_depth\":8,\"width_min\":0,"
                         "\"height_min\":0,\"width_max\":4096,\"height_max\":4096}],"
                         "\"decoders\":[{\"codec\":\"h264\",\"bit_depth\":8}]}]}");
    assert_non_null(strstr(text, "soft, oneVPL, software\n"));
    assert_non_null(strstr(text, "encode  hevc   10    16x16 to 8192x4096  P010 Y210\n"));
    assert_non_null(strstr(text, "\nconverts colors: hdr10_to_sdr, hlg_to_sdr\n"));
    assert_non_null(strstr(text, "gpu, VA-API, hardware /dev/dri/renderD128, NUMA node 1\n"));
    assert_non_null(strstr(text, "encode  h264   8     up to 4096x4096"));
    assert_non_null(strstr(text, "decode  h264   8     not told"));
    free(text);
}

static void strange_answers_are_no_fault(void **state)
{
    (void)state;
    static const char *const answers[] = { "{}",
                                           "[]",
                                           "null",
                                           "7",
                                           "[null,7,{\"pipelines\":7}]",
                                           "{\"pipelines\":[{\"publishers\":[{}]}],\"nodes\":[{}],\"channels\":{}}" };
    static void (*const prints[])(const json_t *, FILE *) = { ctl_print_status,  ctl_print_inputs, ctl_print_channels,
                                                              ctl_print_channel, ctl_print_alerts, ctl_print_counters,
                                                              ctl_print_reload,  ctl_print_report, ctl_print_done };
    for (unsigned i = 0; i < sizeof answers / sizeof *answers; i++)
        for (unsigned j = 0; j < sizeof prints / sizeof *prints; j++) {
            char *text = printed(prints[j], answers[i]);
            assert_non_null(text);
            free(text);
        }
}

static void every_number_is_a_metric_named_by_its_path(void **state)
{
    (void)state;
    json_t *counters = json_loads("{\"b\":2,\"a\":{\"x-y\":true},\"channels\":[{\"name\":\"news\",\"pipelines\":"
                                  "[{\"pipeline\":1,\"segments\":7,\"told\":\"text\"}]}]}",
                                  0, NULL);
    char *text = metrics_text(counters);
    assert_string_equal(text, "biplane_a_x_y 1\nbiplane_b 2\n"
                              "biplane_channels_pipelines_pipeline{channels=\"news\",pipelines=\"1\"} 1\n"
                              "biplane_channels_pipelines_segments{channels=\"news\",pipelines=\"1\"} 7\n");
    free(text);
    json_decref(counters);
}

/* Outputs of two groups may be called alike, and what has no name at all may be there twice. */
static void no_metric_comes_twice(void **state)
{
    (void)state;
    json_t *counters = json_loads("{\"outputs\":[{\"name\":\"a\",\"group\":\"web\",\"n\":1},"
                                  "{\"name\":\"a\",\"group\":\"rec\",\"n\":2}],"
                                  "\"copies\":[{\"group\":\"web\",\"n\":3},{\"group\":\"web\",\"n\":4}]}",
                                  0, NULL);
    char *text = metrics_text(counters);
    assert_string_equal(text, "biplane_copies_n{copies=\"web\",place=\"1\"} 4\n"
                              "biplane_copies_n{copies=\"web\"} 3\n"
                              "biplane_outputs_n{outputs=\"a\",group=\"rec\"} 2\n"
                              "biplane_outputs_n{outputs=\"a\",group=\"web\"} 1\n");
    free(text);
    json_decref(counters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(a_channel_in_a_table),
        cmocka_unit_test(accelerators_in_tables),
        cmocka_unit_test(strange_answers_are_no_fault),
        cmocka_unit_test(every_number_is_a_metric_named_by_its_path),
        cmocka_unit_test(no_metric_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
