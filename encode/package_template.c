/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/package_template.h"

#include <libavcodec/codec_par.h>
#include <stdio.h>

#include "encode/codec_string.h"
#include "encode/handoff_format.h"
#include "encode/job.h"
#include "encode/package.h"

/* What a stream of `bitrate` in `units` pictures or audio frames a second takes in its container. In a transport
 * stream: TS headers, PES header and half a packet of stuffing a unit. In MP4: its row in the trun box. */
static uint64_t carried_bitrate(unsigned package, uint64_t bitrate, double units)
{
    if (package == PACKAGE_FMP4)
        return bitrate + (uint64_t)(units * 8 * 16);
    if (package == PACKAGE_AAC || package == PACKAGE_JPEG)
        return bitrate;
    return bitrate * 188 / 184 + (uint64_t)(units * 8 * (20 + 92));
}

static uint32_t saturated(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void estimate_bitrates(const struct package_config *config, struct handoff_segment *template)
{
    const unsigned package = config->output->package;
    bool stream = package == PACKAGE_HLS_TS || package == PACKAGE_M2TS;
    uint64_t tables = stream ? 4 * 188 * 8 * 2 : 0; /* PAT and PMT twice a second, a share of the SDT */
    uint64_t average = tables, peak = tables;

    if (config->video) {
        double pictures =
            config->framerate_denominator ? (double)config->framerate_numerator / config->framerate_denominator : 0;
        unsigned highest =
            config->video_peak_bitrate > config->video_bitrate ? config->video_peak_bitrate : config->video_bitrate;
        average += carried_bitrate(package, config->video_bitrate, pictures);
        peak += carried_bitrate(package, highest, pictures);
    }
    for (unsigned i = 0; i < ENCODE_OUTPUT_AUDIOS_MAX && config->audios[i]; i++) {
        double frames = config->audios[i]->sample_rate / 1024.0;
        uint64_t carried = carried_bitrate(
            package, config->audio_bitrates[i] + (uint64_t)(package == PACKAGE_FMP4 ? 0 : frames * 8 * 7 /* ADTS */),
            frames);
        average += carried;
        peak += carried;
        template->audio_bitrate += config->audio_bitrates[i];
    }
    template->video_bitrate = config->video ? config->video_bitrate : 0;
    template->average_bitrate = saturated(average);
    template->peak_bitrate = saturated(peak);
}

int package_describe(const struct package_config *config, struct handoff_segment *template, struct error *err)
{
    int result = 0;

    snprintf(template->group, sizeof template->group, "%s", config->output->group);
    snprintf(template->output, sizeof template->output, "%s", config->output->name);
    if (config->video) {
        template->width = (uint32_t)config->video->width;
        template->height = (uint32_t)config->video->height;
        if (config->video->color_trc != AVCOL_TRC_UNSPECIFIED)
            template->transfer_characteristics = (uint32_t)config->video->color_trc & 0xff;
        template->framerate_numerator = config->framerate_numerator;
        template->framerate_denominator = config->framerate_denominator;
        result = codec_string_append(template->codecs, sizeof template->codecs, config->video, err);
    }
    for (unsigned i = 0; result == 0 && i < ENCODE_OUTPUT_AUDIOS_MAX && config->audios[i]; i++)
        result = codec_string_append(template->codecs, sizeof template->codecs, config->audios[i], err);
    if (config->audios[0]) {
        template->sample_rate = (uint32_t)config->audios[0]->sample_rate;
        template->channels = (uint32_t)config->audios[0]->ch_layout.nb_channels;
    }
    estimate_bitrates(config, template);
    return result;
}
