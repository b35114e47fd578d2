/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitter.c - a unit is whole when the parser has seen the start of the next one, one PES packet later. That is also
 * when it is known whether a PES packet was damaged at its end, so damage is kept for the unit that began before it. */
#include "encode/splitter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "board/error.h"

struct splitter {
    AVCodecParserContext *parser;
    AVCodecContext *codec;
    enum AVCodecID codec_id;
    AVPacket *unit;
    splitter_unit *on_unit;
    void *context;
    bool damaged, damaged_before;
};

int splitter_create(struct splitter **out, enum AVCodecID codec, splitter_unit *on_unit, void *context,
                    struct error *err)
{
    const AVCodec *decoder = avcodec_find_decoder(codec);
    struct splitter *splitter = calloc(1, sizeof *splitter);

    if (!splitter)
        return error_set(err, -ENOMEM, "parser");
    splitter->on_unit = on_unit;
    splitter->context = context;
    splitter->parser = av_parser_init(codec);
    splitter->codec = avcodec_alloc_context3(decoder);
    splitter->unit = av_packet_alloc();
    if (!splitter->codec || !splitter->unit) {
        splitter_destroy(splitter);
        return error_set(err, -ENOMEM, "parser");
    }
    splitter->codec->codec_id = splitter->codec_id = codec;
    *out = splitter;
    return 0;
}

void splitter_destroy(struct splitter *splitter)
{
    if (!splitter)
        return;
    if (splitter->parser)
        av_parser_close(splitter->parser);
    avcodec_free_context(&splitter->codec);
    av_packet_free(&splitter->unit);
    free(splitter);
}

enum AVCodecID splitter_codec(const struct splitter *splitter)
{
    return splitter->codec_id;
}

enum AVCodecID splitter_found_codec(const struct splitter *splitter)
{
    return splitter->codec->codec_id;
}

static void emit(struct splitter *splitter, uint8_t *data, int bytes)
{
    const AVCodecParserContext *parser = splitter->parser;
    AVPacket *unit = splitter->unit;

    av_packet_unref(unit);
    unit->data = data;
    unit->size = bytes;
    unit->pts = parser->pts;
    unit->dts = parser->dts;
    unit->pos = parser->pos;
    unit->flags = (parser->key_frame == 1 ? AV_PKT_FLAG_KEY : 0) |
                  (splitter->damaged || splitter->damaged_before ? AV_PKT_FLAG_CORRUPT : 0);
    splitter->damaged_before = splitter->damaged;
    splitter->damaged = false;
    splitter->on_unit(splitter->context, unit);
}

void splitter_push(struct splitter *splitter, const AVPacket *pes)
{
    uint8_t *data = pes ? pes->data : NULL;
    int left = pes ? pes->size : 0;
    int64_t pts = pes ? pes->pts : AV_NOPTS_VALUE, dts = pes ? pes->dts : AV_NOPTS_VALUE, pos = pes ? pes->pos : -1;

    if (!splitter->parser) { /* a codec whose PES packets are its units */
        if (pes)
            splitter->on_unit(splitter->context, pes);
        return;
    }
    splitter->damaged |= pes && pes->flags & AV_PKT_FLAG_CORRUPT;
    for (bool once = true; left > 0 || (once && !pes); once = false) {
        uint8_t *unit;
        int bytes;
        int used = av_parser_parse2(splitter->parser, splitter->codec, &unit, &bytes, data, left, pts, dts, pos);
        if (used < 0)
            return;
        if (bytes > 0)
            emit(splitter, unit, bytes);
        else if (used == 0 && pes)
            return;
        data += used;
        left -= used;
        pts = dts = AV_NOPTS_VALUE;
        pos = -1;
    }
}
