/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coded_video.h - what files and playlists need to know of a video codec: one entry of a table per codec.
 *
 * Encoders give H.264 and HEVC as byte streams with start codes, parameter sets in front of IDR pictures and in
 * extradata; AV1 as temporal units, and its sequence header in extradata. Files of ISO/IEC 14496-15 and of the AV1
 * binding hold samples without start codes and delimiters, and a box with the codec's configuration. Pure functions
 * over bytes of any content.
 *
 *     const struct coded_video *video = coded_video_of(AV_CODEC_ID_HEVC);
 *     boxes_begin(&boxes, video->configuration_box);
 *     video->configuration(&boxes, extradata, bytes, &err);
 *     boxes_end(&boxes);
 *     bool referred = video->sample(&boxes, packet->data, packet->size);
 */
#pragma once
#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes;
struct error;

enum { CODED_VIDEO_NAME_BYTES = 40 };

struct coded_video {
    enum AVCodecID codec;
    const char *entry;             /* of a sample description: "avc1" */
    const char *configuration_box; /* "avcC" */
    /* Appends what is in that box. -EINVAL: the extradata does not hold what it must. */
    int (*configuration)(struct boxes *boxes, const uint8_t *extradata, size_t bytes, struct error *err);
    /* Appends one picture as a sample. Returns whether other pictures may refer to it. */
    bool (*sample)(struct boxes *boxes, const uint8_t *data, size_t bytes);
    /* RFC 6381: "avc1.64001f". -EINVAL: as above. */
    int (*name)(char name[CODED_VIDEO_NAME_BYTES], const uint8_t *extradata, size_t bytes, struct error *err);
};

const struct coded_video *coded_video_of(enum AVCodecID codec); /* NULL: none of ours */
