/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/archive_publisher_private.h"
#include "mgmt/publisher_queue.h"
#include "mgmt/recording.h"

static json_t *output_status(const struct lane *lane)
{
    const struct recording *open = lane->open ? lane->open->recording : NULL;
    struct archive_file_info info = open ? recording_info(open) : (struct archive_file_info){ 0 };
    return json_pack("{s:s, s:I, s:I, s:I, s:i, s:I}", "name", lane->output->name, "recording",
                     (json_int_t)(open ? lane->open->number : -1), "bytes", (json_int_t)info.bytes, "seconds",
                     (json_int_t)((info.end_90k - info.start_90k) / 90000), "holes", (int)info.holes, "last_delivered",
                     (json_int_t)lane->delivered_number);
}

static json_t *counters_status(const struct archive_publisher *publisher)
{
    const struct archive_counters *mine = &publisher->counters;
    json_t *counters = json_object();
    publisher_count(counters, "pieces_received", mine->received);
    publisher_count(counters, "pieces_duplicate", mine->duplicates);
    publisher_count(counters, "pieces_unknown_output", mine->unknown_output);
    publisher_count(counters, "pieces_lost", mine->lost);
    publisher_count(counters, "jumps_back", mine->jumps_back);
    publisher_count(counters, "recordings_completed", mine->completed);
    publisher_count(counters, "recordings_damaged", mine->damaged);
    publisher_queue_count(publisher->queue, counters);
    return counters;
}

json_t *archive_status(const struct publisher *base)
{
    const struct archive_publisher *publisher = (const struct archive_publisher *)base; /* its first member */
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++)
        json_array_append_new(outputs, output_status(&publisher->lanes[i]));
    return publisher_queue_status(publisher->queue, &publisher->config, publisher->lane_count,
                                  counters_status(publisher), outputs);
}
