/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/smooth_manifest.h"

#include <libavcodec/codec_par.h>

#include "encode/annex_b.h"
#include "encode/boxes.h"
#include "encode/smooth_boxes.h"

enum { TAG_AAC = 255 };

static void put_number(struct boxes *boxes, const char *name, unsigned value)
{
    boxes_format(boxes, "<param name=\"%s\" value=\"%u\" valuetype=\"data\"/>", name, value);
}

static void put_word(struct boxes *boxes, const char *name, const char *value)
{
    boxes_format(boxes, "<param name=\"%s\" value=\"%s\" valuetype=\"data\"/>", name, value);
}

static void put_hex(struct boxes *boxes, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        boxes_format(boxes, "%02X", bytes[i]);
}

static void put_video_private_data(struct boxes *boxes, const AVCodecParameters *parameters)
{
    const uint8_t *end = parameters->extradata + parameters->extradata_size;
    struct nal nal;
    for (const uint8_t *at = parameters->extradata; annex_b_next(&at, end, &nal);)
        if (nal.type == NAL_TYPE_SPS || nal.type == NAL_TYPE_PPS) {
            boxes_text(boxes, "00000001");
            put_hex(boxes, nal.bytes, nal.count);
        }
}

static void put_video(struct boxes *boxes, const struct smooth_track *track)
{
    const AVCodecParameters *parameters = track->parameters;
    boxes_format(boxes, "<video src=\"Streams\" systemBitrate=\"%u\">", track->bitrate);
    put_number(boxes, "trackID", track->id);
    put_word(boxes, "trackName", track->name);
    put_word(boxes, "FourCC", "H264");
    boxes_text(boxes, "<param name=\"CodecPrivateData\" value=\"");
    put_video_private_data(boxes, parameters);
    boxes_text(boxes, "\" valuetype=\"data\"/>");
    put_number(boxes, "MaxWidth", (unsigned)parameters->width);
    put_number(boxes, "MaxHeight", (unsigned)parameters->height);
    put_number(boxes, "DisplayWidth", (unsigned)parameters->width);
    put_number(boxes, "DisplayHeight", (unsigned)parameters->height);
    boxes_text(boxes, "</video>");
}

static void put_audio(struct boxes *boxes, const struct smooth_track *track)
{
    const AVCodecParameters *parameters = track->parameters;
    boxes_format(boxes, "<audio src=\"Streams\" systemBitrate=\"%u\"", track->bitrate);
    if (track->language && track->language[0])
        boxes_format(boxes, " systemLanguage=\"%s\"", track->language);
    boxes_text(boxes, ">");
    put_number(boxes, "trackID", track->id);
    put_word(boxes, "trackName", track->name);
    put_word(boxes, "FourCC", "AACL");
    boxes_text(boxes, "<param name=\"CodecPrivateData\" value=\"");
    put_hex(boxes, parameters->extradata, (size_t)parameters->extradata_size);
    boxes_text(boxes, "\" valuetype=\"data\"/>");
    put_number(boxes, "AudioTag", TAG_AAC);
    put_number(boxes, "Channels", (unsigned)parameters->ch_layout.nb_channels);
    put_number(boxes, "SamplingRate", (unsigned)parameters->sample_rate);
    put_number(boxes, "BitsPerSample", 16);
    put_number(boxes, "PacketSize", 2 * (unsigned)parameters->ch_layout.nb_channels);
    boxes_text(boxes, "</audio>");
}

static void put_sparse(struct boxes *boxes, const struct smooth_track *track)
{
    boxes_text(boxes, "<textstream src=\"Streams\" systemBitrate=\"0\">");
    put_number(boxes, "trackID", track->id);
    put_word(boxes, "trackName", track->name);
    put_word(boxes, "parentTrackName", SMOOTH_VIDEO_NAME);
    put_word(boxes, "manifestOutput", "true");
    put_word(boxes, "Subtype", "DATA");
    put_word(boxes, "Scheme", SMOOTH_SPARSE_SCHEME);
    boxes_text(boxes, "</textstream>");
}

void smooth_put_manifest(struct boxes *boxes, const struct smooth_track *tracks, unsigned count)
{
    boxes_text(boxes, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                      "<smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\">"
                      "<head><meta name=\"creator\" content=\"Biplane\"/></head><body><switch>");
    for (unsigned i = 0; i < count; i++)
        switch (tracks[i].type) {
        case SMOOTH_VIDEO:
            put_video(boxes, &tracks[i]);
            break;
        case SMOOTH_AUDIO:
            put_audio(boxes, &tracks[i]);
            break;
        case SMOOTH_SPARSE:
            put_sparse(boxes, &tracks[i]);
        }
    boxes_text(boxes, "</switch></body></smil>");
}
