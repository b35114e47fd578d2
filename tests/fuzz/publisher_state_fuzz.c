/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as the state of an HLS publisher in the spool, and as text with identifiers: what is read is written again
 * and printed, nothing is overrun.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/identifiers.h"
#include "mgmt/hls_playlist.h"
#include "mgmt/publisher_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill_in(const uint8_t *data, size_t size)
{
    char text[256], out[64], rest[64];
    const struct identifier_values values = { .utc_s = 1, .height = 720 };
    size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, data, length);
    text[length] = 0;
    identifiers_fault(text, IDENTIFIERS_ALL, out, sizeof out);
    identifiers_resolve(out, sizeof out, text, &values);
    identifiers_strip(rest, sizeof rest, text);
}

static void print(const struct segment_window *window)
{
    static const struct hls_settings settings = { .segment_length = 2,
                                                  .discontinuity_tags = true,
                                                  .ad_markers = { "adobe", "elemental", "elemental_scte35" },
                                                  .ad_markers_count = 3 };
    static const struct hls_names names = { "a", "b", "c", "ts", 0, 0 };
    const struct hls_view view = { &settings, &names, "" };
    uint64_t first, end;
    segment_window_listing(window, &first, &end);
    if (first == end)
        return;
    free(hls_media_playlist(window, first, end, &view, false));
    free(hls_key_playlist(window, first, end, &view, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct publisher_output output = { .name = "a", .stem = "b" };
    struct publisher_output *const outputs[] = { &output };
    bool finished = false;
    fill_in(data, size);
    segment_window_init(&output.window, &(struct segment_window_config){ .index_segments = 3,
                                                                         .keep_segments = 5,
                                                                         .discontinuity_tags = true,
                                                                         .segment_length_s = 2 });
    json_t *state = json_loadb((const char *)data, size, 0, NULL);
    if (state && publisher_state_read(state, outputs, 1, "u", 1, &finished) == 0) {
        print(&output.window);
        json_decref(publisher_state_json((const struct publisher_output *const *)outputs, 1, "u", finished));
    }
    json_decref(state);
    segment_window_clear(&output.window);
    return 0;
}
