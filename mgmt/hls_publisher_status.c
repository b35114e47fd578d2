/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_publisher_private.h"

static json_t *output_status(const struct hls_publisher *publisher, unsigned index)
{
    const struct hls_lane *lane = &publisher->lanes[index];
    const struct window_segment *delivered = segment_window_newest(&lane->state.window);
    int64_t named = -1;
    for (unsigned i = lane->state.window.count; i > 0 && named < 0; i--)
        if (lane->state.window.segments[i - 1].named)
            named = lane->state.window.segments[i - 1].number;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", lane->state.name, "playlist", lane->playlist,
                     "queued_segments", (json_int_t)destination_queue_files(publisher->queue, index), "last_received",
                     (json_int_t)lane->newest_number, "last_delivered",
                     (json_int_t)(delivered ? delivered->number : -1), "last_in_playlist", (json_int_t)named);
}

static json_t *counters_status(const struct hls_publisher *publisher)
{
    const struct hls_counters *mine = &publisher->counters;
    json_t *counters = json_object();
    publisher_count(counters, "segments_received", mine->received);
    publisher_count(counters, "segments_resent", mine->resent);
    publisher_count(counters, "segments_duplicate", mine->duplicates);
    publisher_count(counters, "segments_damaged", mine->damaged);
    publisher_count(counters, "segments_unknown_output", mine->unknown_output);
    publisher_count(counters, "jumps_back", mine->jumps_back);
    publisher_count(counters, "segments_suppressed", mine->suppressed);
    publisher_spool_count(publisher->spool, counters);
    publisher_count(counters, "pauses", mine->pauses);
    publisher_queue_count(publisher->queue, counters);
    return counters;
}

json_t *hls_status(const struct publisher *base)
{
    const struct hls_publisher *publisher = (const struct hls_publisher *)base /* its first member */;
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++)
        json_array_append_new(outputs, output_status(publisher, i));
    json_t *status = publisher_queue_status(publisher->queue, &publisher->config, publisher->lane_count,
                                            counters_status(publisher), outputs);
    json_object_set_new(status, "paused", json_boolean(publisher->paused));
    json_object_set_new(status, "handoff_to_playlist_ms", latency_json(&publisher->handoff_to_playlist));
    json_object_set_new(status, "source_to_playlist_ms", latency_json(&publisher->source_to_playlist));
    return status;
}
