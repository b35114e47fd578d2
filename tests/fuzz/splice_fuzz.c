/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections of SCTE 35 that anyone may have sent. The length and the checksum are put right, or nothing would get behind
 * them. */
#include <libavutil/crc.h>
#include <stdlib.h>
#include <string.h>

#include "encode/avails.h"
#include "encode/cut_plan.h"
#include "encode/job.h"
#include "encode/splice.h"
#include "encode/splice_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *section, size_t bytes)
{
    section[0] = 0xfc;
    section[1] = (uint8_t)((section[1] & 0xf0) | ((bytes - 3) >> 8 & 0x0f));
    section[2] = (uint8_t)(bytes - 3);
    section[3] = 0;
    uint32_t sum = av_crc(av_crc_get_table(AV_CRC_32_IEEE), UINT32_MAX, section, bytes - 4);
    memcpy(section + bytes - 4, &sum, 4);
}

/* What was read once is read again when it has gone through a transport stream, an hour later. */
static void hand_through(const uint8_t *section, size_t bytes, const struct splice *before)
{
    struct splice_stream stream = { .pid = 500 };
    struct splice after;
    uint8_t packets[SPLICE_STREAM_BYTES_MAX], joined[SPLICE_STREAM_BYTES_MAX];
    int64_t hour_90k = INT64_C(3600) * 90000;
    size_t written = splice_stream_packets(&stream, section, bytes, hour_90k, packets);

    for (size_t at = 0; at < written; at += 188)
        memcpy(joined + at / 188 * 184, packets + at + 4, 184);
    if (!written || splice_parse(&after, joined + 1, bytes) < 0 || after.type != before->type ||
        (before->pts_90k >= 0 && ((after.pts_90k - before->pts_90k - hour_90k) & ((INT64_C(1) << 33) - 1))))
        __builtin_trap();
}

/* What it says of breaks, twice, the second time a little later; boundaries rise whatever it was. */
static void take(const uint8_t *section, size_t bytes)
{
    static const struct timeline_rate rate = { 30000, 1001, 2 };
    static const struct avail_settings settings = { .ad_avail_offset = -40 };
    const int64_t now_90k = INT64_C(160000000000000), first = timeline_frame_at_90k(&rate, now_90k);
    struct avails *avails = NULL;
    struct avail_cuts cuts;
    struct cut_plan plan;
    static struct handoff_cue cue;

    if (avails_create(&avails, &(struct avails_config){ &settings, &rate }, NULL) < 0)
        return;
    cut_plan_init(&plan, &rate, 180000, 0);
    for (int64_t i = 0; i < 2; i++) {
        struct avail_message message = { now_90k + i * 90000, now_90k, first + i * 30, section, bytes };
        avails_take(avails, &message, &cuts);
        for (unsigned c = 0; c < cuts.remove_count; c++)
            cut_plan_remove(&plan, cuts.remove[c], message.first_frame);
        for (unsigned c = 0; c < cuts.add_count; c++)
            cut_plan_add(&plan, cuts.add[c], message.first_frame);
    }
    int64_t number = cut_plan_segment_of(&plan, cuts.add_count ? cuts.add[0] : first);
    for (int64_t n = number - 3; n < number + 8; n++) {
        struct avail_span span = { cut_plan_first_frame(&plan, n - 1), cut_plan_first_frame(&plan, n),
                                   cut_plan_first_frame(&plan, n + 1) };
        if (span.before >= span.first || span.first >= span.end)
            __builtin_trap();
        avails_cue(avails, &span, 0, &cue);
    }
    avails_destroy(avails);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct splice splice;
    size_t bytes = size > SPLICE_BYTES_MAX ? SPLICE_BYTES_MAX : size;
    uint8_t *section = malloc(bytes ? bytes : 1);

    memcpy(section, data, bytes);
    splice_parse(&splice, section, bytes);
    if (bytes >= 18) {
        mend(section, bytes);
        if (splice_parse(&splice, section, bytes) == 0)
            hand_through(section, bytes, &splice);
        if (splice_parse(&splice, section, bytes) == 0 &&
            (splice.pts_90k < -1 || splice.pts_90k >= INT64_C(1) << 33 || splice.duration_90k < 0 ||
             splice.duration_90k >= INT64_C(1) << 40))
            __builtin_trap();
        splice_is_wanted(&splice);
        take(section, bytes);
    }
    free(section);
    return 0;
}
