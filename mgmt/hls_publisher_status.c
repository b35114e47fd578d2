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

static void set_count(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *counters_status(const struct hls_publisher *publisher)
{
    const struct hls_counters *mine = &publisher->counters;
    struct destination_counters queue = destination_queue_counters(publisher->queue);
    json_t *counters = json_object();
    set_count(counters, "segments_received", mine->received);
    set_count(counters, "segments_resent", mine->resent);
    set_count(counters, "segments_duplicate", mine->duplicates);
    set_count(counters, "segments_damaged", mine->damaged);
    set_count(counters, "segments_unknown_output", mine->unknown_output);
    set_count(counters, "jumps_back", mine->jumps_back);
    set_count(counters, "segments_suppressed", mine->suppressed);
    set_count(counters, "segments_spooled", mine->spooled);
    set_count(counters, "segments_spool_failed", mine->spool_failed);
    set_count(counters, "segments_taken_up", mine->taken_up);
    set_count(counters, "dropped_damaged", queue.dropped_damaged);
    set_count(counters, "pauses", mine->pauses);
    set_count(counters, "segments_delivered", queue.files_delivered);
    set_count(counters, "bytes_delivered", queue.bytes_delivered);
    set_count(counters, "playlists_delivered", queue.texts_delivered);
    set_count(counters, "playlists_replaced", queue.texts_replaced);
    set_count(counters, "segments_deleted", queue.deleted);
    set_count(counters, "deletes_given_up", queue.deletes_given_up);
    set_count(counters, "dropped_too_old", queue.dropped_too_old);
    set_count(counters, "dropped_no_room", queue.dropped_no_room);
    set_count(counters, "dropped_refused", queue.dropped_refused);
    set_count(counters, "dropped_given_up", queue.dropped_given_up);
    set_count(counters, "retries", queue.retries);
    set_count(counters, "failures", queue.failures);
    set_count(counters, "connections_opened", queue.new_connections);
    return counters;
}

json_t *hls_status(const struct publisher *base)
{
    const struct hls_publisher *publisher = (const struct hls_publisher *)base /* its first member */;
    unsigned queued = 0;
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        queued += destination_queue_files(publisher->queue, i);
        json_array_append_new(outputs, output_status(publisher, i));
    }
    return json_pack(
        "{s:s, s:s, s:s, s:b, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "group", publisher->config.group->name, "url",
        publisher->destination->url, "state", destination_state_name(destination_queue_state(publisher->queue)),
        "paused", publisher->paused, "queued_segments", (json_int_t)queued, "queued_bytes",
        (json_int_t)destination_queue_bytes(publisher->queue), "last_error",
        destination_queue_last_error(publisher->queue), "handoff_to_playlist_ms",
        latency_json(&publisher->handoff_to_playlist), "source_to_playlist_ms",
        latency_json(&publisher->source_to_playlist), "counters", counters_status(publisher), "outputs", outputs);
}
