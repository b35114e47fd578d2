/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_status.c - what a pipeline tells once a second, as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "board/clock.h"
#include "drivers/accelerator.h"
#include "encode/encoder_choice.h"
#include "encode/pipeline_private.h"

#define VIDEO_LOST_NS     (2 * NS_PER_S)
#define SPLICE_DAMAGED_NS (30 * NS_PER_S)

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long long resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file)
        return 0;
    if (fscanf(file, "%*s %lld", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static bool picture_is_fresh(const struct pipeline *pipeline)
{
    uint64_t now_ns = clock_monotonic_ns(pipeline->config.clock);
    return pipeline->picture_seen_ns && now_ns - pipeline->picture_seen_ns < VIDEO_LOST_NS;
}

static const char *state_name(const struct pipeline *pipeline)
{
    if (!pipeline->started)
        return "waiting for input";
    return picture_is_fresh(pipeline) ? "running" : "input lost";
}

static const char *why_no_video(const struct pipeline *pipeline, const struct source_status *status)
{
    if (status->attached && !status->present)
        return "nothing is received";
    if (pipeline->decoder && decoder_refusal(pipeline->decoder)[0])
        return decoder_refusal(pipeline->decoder);
    return status->reason[0] ? status->reason : "no picture can be decoded";
}

static json_t *source_json(const struct pipeline *pipeline, const struct source_status *status)
{
    const mfxFrameInfo *info = &pipeline->picture_info;
    json_t *source =
        json_pack("{s:s, s:b, s:b, s:i, s:i}", "input", pipeline->job->input, "attached", status->attached, "present",
                  status->present, "program", (int)status->program, "video_pid", (int)status->video_pid);
    json_t *audios = json_array();

    json_object_set_new(source, "video_codec", status->video_codec ? json_string(status->video_codec) : json_null());
    json_object_set_new(source, "reason",
                        json_string(picture_is_fresh(pipeline) ? "" : why_no_video(pipeline, status)));
    if (info->CropW) {
        json_object_set_new(source, "width", json_integer(info->CropW));
        json_object_set_new(source, "height", json_integer(info->CropH));
    }
    if (pipeline->finder.numerator)
        json_object_set_new(source, "framerate",
                            json_real((double)pipeline->finder.numerator / pipeline->finder.denominator));
    for (unsigned i = 0; i < (pipeline->job->audio_selectors_count ? pipeline->job->audio_selectors_count : 1); i++)
        json_array_append_new(
            audios, json_pack("{s:i, s:s*}", "pid", (int)status->audio_pids[i], "codec", status->audio_codecs[i]));
    json_object_set_new(source, "audios", audios);
    json_object_set_new(source, "splice_pid", json_integer((json_int_t)status->splice_pid));
    return source;
}

static json_t *timeline_json(const struct pipeline *pipeline)
{
    const struct handoff_anchor *anchor = pipeline->follower ? follower_anchor(pipeline->follower) : NULL;
    int64_t now_90k = (int64_t)ns_to_90k(clock_utc_ns(pipeline->config.clock));
    json_t *timeline = json_object();

    if (pipeline->rate_known) {
        json_object_set_new(timeline, "framerate_numerator", json_integer(pipeline->rate.numerator));
        json_object_set_new(timeline, "framerate_denominator", json_integer(pipeline->rate.denominator));
    }
    json_object_set_new(timeline, "anchor", json_integer(anchor ? (json_int_t)(anchor->id & INT64_MAX) : 0));
    json_object_set_new(timeline, "anchor_chosen_alone", json_boolean(anchor && anchor->id >> 63));
    json_object_set_new(timeline, "source_pts_90k",
                        json_integer(pipeline->follower ? follower_newest_pts_90k(pipeline->follower) : -1));
    json_object_set_new(timeline, "skew_ms", json_real(anchor ? (double)anchor->skew_90k / 90 : 0));
    if (pipeline->started)
        json_object_set_new(
            timeline, "behind_ms",
            json_real((double)(now_90k - timeline_frame_tick_90k(&pipeline->rate, pipeline->next_frame)) / 90));
    return timeline;
}

static json_t *video_json(struct pipeline *pipeline, unsigned i, double seconds)
{
    const struct rung *rung = ladder_rung(pipeline->ladder, i);
    struct rung_counters counters = rung_counters(rung);
    const AVCodecParameters *parameters = rung_parameters(rung);
    json_t *video = json_pack("{s:s, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "name",
                              pipeline->job->videos[i].name, "width", parameters->width, "height", parameters->height,
                              "framerate", (double)(counters.frames_out - pipeline->status_frames[i]) / seconds,
                              "bitrate", (double)(counters.bytes - pipeline->status_bytes[i]) * 8 / seconds,
                              "frames_in", (json_int_t)counters.frames_in, "frames_out",
                              (json_int_t)counters.frames_out, "bytes", (json_int_t)counters.bytes, "reused",
                              (json_int_t)counters.reused, "busy_waits", (json_int_t)counters.busy_waits, "errors",
                              (json_int_t)counters.errors, "changed", rung_changes(rung));

    json_object_set_new(video, "encoder", json_string(rung_kind(rung)));
    json_object_set_new(
        video, "copied_bytes_per_frame",
        json_integer((json_int_t)(counters.copied_bytes / (counters.frames_in ? counters.frames_in : 1))));
    json_object_set_new(video, "captions_lost", json_integer((json_int_t)counters.captions_lost));

    pipeline->status_frames[i] = counters.frames_out;
    pipeline->status_bytes[i] = counters.bytes;
    return video;
}

static json_t *videos_json(struct pipeline *pipeline)
{
    json_t *videos = json_array();
    double seconds = (double)(clock_monotonic_ns(pipeline->config.clock) - pipeline->status_ns) / (double)NS_PER_S;

    for (unsigned i = 0; pipeline->ladder && i < pipeline->job->videos_count; i++)
        json_array_append_new(videos, video_json(pipeline, i, seconds > 0 ? seconds : 1));
    return videos;
}

static json_t *audios_json(const struct pipeline *pipeline)
{
    json_t *audios = json_array();

    for (unsigned i = 0; pipeline->outputs && i < pipeline->job->audios_count; i++) {
        struct audio_counters counters = outputs_audio_counters(pipeline->outputs, i);
        json_array_append_new(
            audios,
            json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", pipeline->job->audios[i].name, "alive",
                      outputs_audio_alive(pipeline->outputs, i), "frames_decoded", (json_int_t)counters.frames_decoded,
                      "frames_damaged", (json_int_t)counters.frames_damaged, "frames_encoded",
                      (json_int_t)counters.frames_encoded, "samples_silence", (json_int_t)counters.samples_silence,
                      "samples_dropped", (json_int_t)counters.samples_dropped, "samples_slipped",
                      (json_int_t)counters.samples_slipped, "resyncs", (json_int_t)counters.resyncs));
    }
    return audios;
}

static void add_number(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *source_counters_json(const struct pipeline *pipeline, const struct source_status *status)
{
    struct decoder_counters decoder = pipeline->decoders_before;
    json_t *counters = json_object();

    if (pipeline->decoder) {
        struct decoder_counters now = decoder_counters(pipeline->decoder);
        decoder.units += now.units;
        decoder.pictures += now.pictures;
        decoder.errors += now.errors;
        decoder.units_skipped += now.units_skipped;
    }
    add_number(counters, "bytes", status->bytes);
    add_number(counters, "bytes_copied", status->bytes_copied);
    add_number(counters, "video_units", status->video_units);
    add_number(counters, "audio_units", status->audio_units);
    add_number(counters, "damaged_units", status->damaged_units);
    add_number(counters, "packets_unaligned", status->packets_unaligned);
    add_number(counters, "ring_overruns", status->overruns);
    add_number(counters, "attaches", status->attaches);
    add_number(counters, "gaps", pipeline->gaps);
    add_number(counters, "queue_high_water", status->queue_high_water);
    add_number(counters, "units_decoded", decoder.units);
    add_number(counters, "units_skipped", decoder.units_skipped);
    add_number(counters, "pictures_decoded", decoder.pictures);
    add_number(counters, "decode_errors", decoder.errors);
    add_number(counters, "pictures_deinterlaced",
               pipeline->deinterlacer ? deinterlacer_pictures(pipeline->deinterlacer) : 0);
    add_number(counters, "deinterlacer_errors",
               pipeline->deinterlacer ? deinterlacer_errors(pipeline->deinterlacer) : 0);
    add_number(counters, "audio_unplaced", pipeline->audio_unplaced);
    add_number(counters, "splices", status->splices);
    add_number(counters, "splices_taken", pipeline->splice.counters.taken);
    add_number(counters, "splices_idle", pipeline->splice.counters.idle);
    add_number(counters, "splices_damaged", pipeline->splice.counters.damaged);
    add_number(counters, "splices_unplaced", pipeline->splice.counters.unplaced);
    add_number(counters, "splices_too_many", pipeline->splice.counters.too_many);
    if (pipeline->avails) {
        struct avails_counters avails = avails_counters(pipeline->avails);
        add_number(counters, "avails_taken", avails.taken);
        add_number(counters, "avails_late", avails.late);
        add_number(counters, "avails_repeated", avails.repeated);
        add_number(counters, "avails_cancelled", avails.cancelled);
        add_number(counters, "avails_refused", avails.refused);
    }
    return counters;
}

static json_t *frames_json(const struct pipeline *pipeline)
{
    struct follower_counters counters = { 0 };
    json_t *frames = json_object();

    if (pipeline->follower)
        counters = follower_counters(pipeline->follower);
    add_number(frames, "encoded", pipeline->frames);
    add_number(frames, "shown", counters.shown);
    add_number(frames, "left_out", pipeline->pace.left_out);
    add_number(frames, "repeated", counters.repeated);
    add_number(frames, "black", counters.black);
    add_number(frames, "slate", counters.slate);
    add_number(frames, "dropped_late", counters.dropped_late);
    add_number(frames, "dropped_twice", counters.dropped_twice);
    add_number(frames, "dropped_unplaced", counters.dropped_unplaced + pipeline->pictures_early_dropped);
    add_number(frames, "anchors", counters.anchors);
    add_number(frames, "anchors_alone", counters.anchors_alone);
    return frames;
}

static json_t *outputs_json(const struct pipeline *pipeline)
{
    json_t *outputs = json_array();

    for (unsigned i = 0; pipeline->outputs && i < pipeline->job->outputs_count; i++) {
        struct package_counters counters = outputs_package_counters(pipeline->outputs, i);
        json_t *output =
            json_pack("{s:s, s:s}", "group", pipeline->job->outputs[i].group, "name", pipeline->job->outputs[i].name);
        add_number(output, "segments", counters.segments);
        add_number(output, "bytes", counters.bytes);
        add_number(output, "packets_video", counters.packets_video);
        add_number(output, "packets_audio", counters.packets_audio);
        add_number(output, "packets_too_late", counters.packets_too_late);
        add_number(output, "packets_overflow", counters.packets_overflow);
        add_number(output, "messages", counters.messages);
        add_number(output, "messages_dropped", counters.messages_dropped);
        add_number(output, "cuts", counters.cuts);
        add_number(output, "cuts_crowded", counters.cuts_crowded);
        json_array_append_new(outputs, output);
    }
    for (unsigned i = 0; pipeline->outputs && i < pipeline->job->sparses_count; i++) {
        struct sparse_output_counters counters = outputs_sparse_counters(pipeline->outputs, i);
        json_t *output =
            json_pack("{s:s, s:s}", "group", pipeline->job->sparses[i].group, "name", pipeline->job->sparses[i].name);
        add_number(output, "messages", counters.messages);
        add_number(output, "messages_failed", counters.failed);
        json_array_append_new(outputs, output);
    }
    return outputs;
}

static bool splice_was_damaged(const struct pipeline *pipeline)
{
    uint64_t now_ns = clock_monotonic_ns(pipeline->config.clock);
    return pipeline->splice.damaged_ns && now_ns - pipeline->splice.damaged_ns < SPLICE_DAMAGED_NS;
}

static void add_alert(json_t *alerts, unsigned id, const char *name, const char *format, const char *first,
                      const char *second)
{
    char message[512];

    snprintf(message, sizeof message, format, first, second);
    json_array_append_new(alerts, json_pack("{s:i, s:s, s:s}", "id", (int)id, "name", name, "message", message));
}

static json_t *alerts_json(const struct pipeline *pipeline, const struct source_status *status)
{
    json_t *alerts = json_array();

    if (!picture_is_fresh(pipeline))
        add_alert(alerts, 5201, "video not detected", "input %s: %s", pipeline->job->input,
                  why_no_video(pipeline, status));
    for (unsigned i = 0; pipeline->started && i < pipeline->job->audios_count; i++)
        if (!outputs_audio_alive(pipeline->outputs, i))
            add_alert(alerts, 5101, "audio not detected", "input %s: audio \"%s\" is silence", pipeline->job->input,
                      pipeline->job->audios[i].name);
    if (splice_was_damaged(pipeline))
        add_alert(alerts, 5012, "SCTE 35 unreadable", "input %s: %s", pipeline->job->input,
                  "a damaged SCTE 35 message came");
    if (pace_is_behind(&pipeline->pace))
        add_alert(alerts, 5903, "encoding too slow", "input %s: %s", pipeline->job->input,
                  "the encoders do not keep up with the source: pictures are left out");
    if (slate_missing(pipeline->slate))
        add_alert(alerts, 5906, "slate unreadable", "%s: %s", slate_missing(pipeline->slate),
                  "the colour is shown instead");
    for (unsigned i = 0; pipeline->ladder && i < pipeline->job->videos_count; i++)
        if (rung_changes(ladder_rung(pipeline->ladder, i))[0])
            add_alert(alerts, 5901, "encoder parameters changed", "video \"%s\": %s", pipeline->job->videos[i].name,
                      rung_changes(ladder_rung(pipeline->ladder, i)));
    return alerts;
}

/* AMD's GPU is the encoder's, beside an accelerator that is software. */
static bool is_on_hardware(const struct pipeline *pipeline)
{
    return pipeline->config.encoder ? pipeline->config.encoder->hardware
                                    : accelerator_is_hardware(pipeline->config.accelerator);
}

char *pipeline_status_json(struct pipeline *pipeline)
{
    struct source_status source = source_status(pipeline->source);
    struct handoff_counters handoff = handoff_counters(pipeline->handoff);
    uint64_t now_utc_ns = clock_utc_ns(pipeline->config.clock);
    json_t *status = json_pack("{s:s, s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:I}", "channel",
                               pipeline->job->channel, "pipeline", (int)pipeline->job->pipeline, "state",
                               state_name(pipeline), "accelerator", accelerator_sentence(pipeline->config.accelerator),
                               "placement", pipeline->config.placement ? pipeline->config.placement : "", "source",
                               source_json(pipeline, &source), "source_counters",
                               source_counters_json(pipeline, &source), "timeline", timeline_json(pipeline), "frames",
                               frames_json(pipeline), "videos", videos_json(pipeline), "audios", audios_json(pipeline),
                               "outputs", outputs_json(pipeline), "alerts", alerts_json(pipeline, &source),
                               "cpu_seconds", cpu_seconds(), "resident_bytes", (json_int_t)resident_bytes());
    char *text;

    if (!status)
        return NULL;
    if (pipeline_lost(pipeline))
        json_object_set_new(status, "accelerator_lost", json_string(pipeline_lost(pipeline)));
    json_object_set_new(status, "handoff",
                        json_pack("{s:I, s:I, s:I, s:I, s:i, s:I}", "segments_sent", (json_int_t)handoff.segments_sent,
                                  "segments_acknowledged", (json_int_t)handoff.segments_acknowledged,
                                  "segments_dropped", (json_int_t)handoff.segments_dropped, "reconnects",
                                  (json_int_t)handoff.reconnects, "segments_kept", (int)handoff.segments_kept,
                                  "bytes_kept", (json_int_t)handoff.bytes_kept));
    if (pipeline->config.encoder)
        json_object_set_new(status, "encoder", json_string(pipeline->config.encoder->sentence));
    json_object_set_new(status, "hardware", json_boolean(is_on_hardware(pipeline)));
    if (pipeline->newest_arrival_utc_ns)
        json_object_set_new(status, "latency_ms",
                            json_real((double)(int64_t)(now_utc_ns - pipeline->newest_arrival_utc_ns) / 1e6));
    text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    return text;
}
