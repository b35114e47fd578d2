/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coded_video.c - the table, and H.264's entry; HEVC and AV1 have files of their own. */
#include "encode/coded_video.h"

#include <errno.h>
#include <stdio.h>

#include "board/error.h"
#include "encode/annex_b.h"
#include "encode/av1_units.h"
#include "encode/boxes.h"
#include "encode/hevc_units.h"

enum { AVCC_VERSION = 1, NAL_REF_IDC = 0x60 };

static int h264_configuration(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err)
{
    if (bytes <= 6 || extradata[0] != AVCC_VERSION)
        return annex_b_decoder_configuration(boxes, extradata, bytes, err);
    boxes_put(boxes, extradata, bytes);
    return 0;
}

static bool h264_sample(struct boxes *boxes, const uint8_t *data, size_t bytes)
{
    bool referred = false;
    struct nal nal;

    for (const uint8_t *at = data; annex_b_next(&at, data + bytes, &nal);)
        if (nal.type >= NAL_TYPE_SLICE && nal.type <= NAL_TYPE_IDR)
            referred |= (nal.bytes[0] & NAL_REF_IDC) != 0;
    annex_b_sample(boxes, data, bytes);
    return referred;
}

/* The three bytes behind the NAL header of the first SPS: profile, constraint flags, level. */
static int h264_name(char name[CODED_VIDEO_NAME_BYTES], const uint8_t *extradata, size_t bytes, struct error *err)
{
    const uint8_t *profile = NULL;
    struct nal nal;

    if (bytes >= 4 && extradata[0] == AVCC_VERSION)
        profile = extradata + 1; /* avcC repeats them */
    for (const uint8_t *at = extradata; !profile && annex_b_next(&at, extradata + bytes, &nal);)
        if (nal.type == NAL_TYPE_SPS && nal.count >= 4)
            profile = nal.bytes + 1;
    if (!profile)
        return error_set(err, -EINVAL, "H.264 headers hold no sequence parameter set");
    snprintf(name, CODED_VIDEO_NAME_BYTES, "avc1.%02x%02x%02x", profile[0], profile[1], profile[2]);
    return 0;
}

static const struct coded_video codecs[] = {
    { AV_CODEC_ID_H264, "avc1", "avcC", h264_configuration, h264_sample, h264_name },
    { AV_CODEC_ID_HEVC, "hvc1", "hvcC", hevc_configuration, hevc_sample, hevc_name },
    { AV_CODEC_ID_AV1, "av01", "av1C", av1_configuration, av1_sample, av1_name },
};

const struct coded_video *coded_video_of(enum AVCodecID codec)
{
    for (unsigned i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i].codec == codec)
            return &codecs[i];
    return NULL;
}
