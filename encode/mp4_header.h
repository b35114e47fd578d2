/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mp4_header.h - the header of a CMAF track (ISO/IEC 23000-19): ftyp and moov of one video or audio track without
 * samples, parameter sets out of band (avc1, hvc1, av01), no edit list: times of the track are those of the channel's
 * timeline. A function of its arguments alone: the same in every process. Pure.
 *
 *     mp4_header(&buffer, &(struct mp4_track){ .parameters = p, .timescale = 90000, .language = "eng" }, &err);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct AVCodecParameters;
struct cbcs;
struct error;
struct boxes;
struct light_metadata;

enum { MP4_TRACK_ID = 1 };

struct mp4_track {
    const struct AVCodecParameters *parameters; /* borrow: a video of coded_video.h, or AAC */
    uint32_t timescale;
    const char *language;               /* ISO 639-2; NULL: not known */
    unsigned bitrate;                   /* bit/s; 0: not known */
    const struct cbcs *protection;      /* borrow; NULL: in clear */
    const struct light_metadata *light; /* of a video; borrow; NULL: not known */
};

/* Appends to the buffer. -EINVAL: the extradata does not hold what it must; -ENOTSUP: another codec. */
int mp4_header(struct boxes *buffer, const struct mp4_track *track, struct error *err);
