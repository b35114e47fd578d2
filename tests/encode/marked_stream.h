/* SPDX-License-Identifier: GPL-2.0-or-later */
/* marked_stream.h - a transport stream of the test media with something put into it: a message of SCTE 35, or colours
 * that its parameter sets tell of. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>

#include "tests/encode/table_packets.h"

enum { SPLICE_PID = 0x1f0, SPLICE_PACKET = 500, SPLICE_PTS = 40 * 3750 /* of picture 40 */ };

/* Tables that tell of SCTE 35 messages, and one of these well before its picture. */
static inline uint8_t *add_splice(uint8_t *data, size_t *bytes)
{
    static const struct table_program program = { 1, 0x100 };
    static const struct table_stream streams[] = { { 0x1b, 0x101, 0 }, { 0x0f, 0x102, 0 }, { 0x86, SPLICE_PID, 0 } };
    uint8_t *more = realloc(data, *bytes + 188);

    table_pmt_of(more + 188, &program, 0, streams, 3, 0x101, 1);
    memmove(more + (SPLICE_PACKET + 1) * 188, more + SPLICE_PACKET * 188, *bytes - SPLICE_PACKET * 188);
    table_splice_insert(more + SPLICE_PACKET * 188, SPLICE_PID, 77, SPLICE_PTS, 2700000);
    *bytes += 188;
    return more;
}

/* The same stream whose parameter sets tell of BT.2020's colours and PQ. */
static inline uint8_t *load_described(const char *path, size_t *bytes)
{
    AVFormatContext *in = NULL, *out = NULL;
    AVBSFContext *filter = NULL;
    AVPacket *packet = av_packet_alloc();
    uint8_t *memory, *data;
    assert_int_equal(avformat_open_input(&in, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(in, NULL) >= 0);
    assert_true(avformat_alloc_output_context2(&out, NULL, "mpegts", NULL) >= 0);
    assert_int_equal(avio_open_dyn_buf(&out->pb), 0);
    int video = av_find_best_stream(in, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    for (unsigned i = 0; i < in->nb_streams; i++)
        avcodec_parameters_copy(avformat_new_stream(out, NULL)->codecpar, in->streams[i]->codecpar);
    assert_int_equal(av_bsf_list_parse_str(
                         "h264_metadata=colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9", &filter),
                     0);
    avcodec_parameters_copy(filter->par_in, in->streams[video]->codecpar);
    assert_int_equal(av_bsf_init(filter), 0);
    out->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
    assert_true(avformat_write_header(out, NULL) >= 0);
    while (av_read_frame(in, packet) >= 0) {
        if (packet->stream_index == video) {
            assert_int_equal(av_bsf_send_packet(filter, packet), 0);
            assert_int_equal(av_bsf_receive_packet(filter, packet), 0);
        }
        assert_true(av_interleaved_write_frame(out, packet) >= 0);
    }
    av_write_trailer(out);
    *bytes = (size_t)avio_close_dyn_buf(out->pb, &memory);
    data = malloc(*bytes);
    memcpy(data, memory, *bytes);
    av_free(memory);
    av_bsf_free(&filter);
    av_packet_free(&packet);
    avformat_free_context(out);
    avformat_close_input(&in);
    return data;
}
