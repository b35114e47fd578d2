/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/sparse_output.h"

#include <errno.h>
#include <libavformat/avio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "board/error.h"
#include "board/log.h"
#include "encode/boxes.h"
#include "encode/job.h"
#include "encode/segment_file.h"
#include "encode/smooth_boxes.h"

static const struct smooth_track track = { .type = SMOOTH_SPARSE, .id = 1, .name = SMOOTH_SPARSE_NAME };

struct sparse_output {
    struct sparse_output_config config;
    struct boxes header, fragment;
    struct segment_file *file;
    int64_t fragment_90k;
    struct sparse_output_counters counters;
};

int sparse_output_create(struct sparse_output **out, const struct sparse_output_config *config, struct error *err)
{
    struct sparse_output *output = calloc(1, sizeof *output);

    if (!output)
        return error_set(err, -ENOMEM, "stream \"%s\": no memory", config->sparse->name);
    output->config = *config;
    output->fragment_90k = llround(config->sparse->fragment_length * 90000);
    int result = smooth_put_header(&output->header, &track, 1, err);
    if (result == 0)
        result = segment_file_create(&output->file, err);
    if (result < 0) {
        sparse_output_destroy(output);
        return result;
    }
    *out = output;
    return 0;
}

void sparse_output_destroy(struct sparse_output *output)
{
    if (!output)
        return;
    boxes_free(&output->header);
    boxes_free(&output->fragment);
    segment_file_destroy(output->file);
    free(output);
}

/* Messages that came just before the output began are held until it does: their numbers are higher than the header's.
 */
#define HEADER_BEFORE_90K INT64_C(900000)

/* Header and what is in `fragment`, as a segment. */
static int hand_over(struct sparse_output *output, int64_t tick_90k, struct error *err)
{
    struct handoff_segment segment = { .number = tick_90k,
                                       .start_90k = tick_90k,
                                       .duration_90k = 1,
                                       .header_bytes = (uint32_t)output->header.count,
                                       .codecs = "scte" };
    char name[2 * ENCODE_NAME_BYTES + 24];

    snprintf(segment.group, sizeof segment.group, "%s", output->config.sparse->group);
    snprintf(segment.output, sizeof segment.output, "%s", output->config.sparse->name);
    snprintf(name, sizeof name, "%s/%s/%lld", segment.group, segment.output, (long long)tick_90k);
    if (boxes_failed(&output->fragment))
        return error_set(err, -ENOMEM, "no memory for a message");
    int result = segment_file_open(output->file, name, err);
    if (result < 0)
        return result;
    avio_write(segment_file_io(output->file), output->header.bytes, (int)output->header.count);
    avio_write(segment_file_io(output->file), output->fragment.bytes, (int)output->fragment.count);
    int memfd = segment_file_close(output->file, &segment.bytes, err);
    if (memfd < 0)
        return memfd;
    output->config.on_segment(output->config.context, &segment, memfd);
    return 0;
}

static void hand_over_or_warn(struct sparse_output *output, int64_t tick_90k, uint64_t *counter)
{
    struct error err = { 0 };
    if (hand_over(output, tick_90k, &err) == 0) {
        if (counter)
            ++*counter;
        return;
    }
    output->counters.failed++;
    log_warning(output->config.log, "stream \"%s\": %s", output->config.sparse->name, err.text);
}

void sparse_output_start(struct sparse_output *output, int64_t tick_90k)
{
    boxes_empty(&output->fragment);
    hand_over_or_warn(output, tick_90k > HEADER_BEFORE_90K ? tick_90k - HEADER_BEFORE_90K : 0, NULL);
}

void sparse_output_message(struct sparse_output *output, const struct sparse_message *message)
{
    int64_t origin_90k = (int64_t)output->config.sparse->time_origin;
    const struct smooth_message written = {
        .sequence = output->fragment_90k > 0 ? (uint32_t)(message->arrival_90k / output->fragment_90k) : 0,
        .id = message->id,
        .arrival_90k = message->arrival_90k - origin_90k,
        .event_90k = message->event_90k - origin_90k,
        .duration_90k = message->duration_90k,
        .section = message->section,
        .bytes = message->bytes,
    };

    if (written.arrival_90k < 0) {
        output->counters.failed++;
        return;
    }
    boxes_empty(&output->fragment);
    smooth_put_message(&output->fragment, &track, &written);
    hand_over_or_warn(output, message->arrival_90k, &output->counters.messages);
}

struct sparse_output_counters sparse_output_counters(const struct sparse_output *output)
{
    return output->counters;
}
