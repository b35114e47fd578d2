/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splitter.h - PES packets of one elementary stream, cut into access units (pictures, audio frames) by libavcodec's
 * parsers. What straddles PES packets is joined; several in one are parted. One thread.
 *
 *     splitter_create(&splitter, AV_CODEC_ID_H264, take_unit, me, &err);
 *     splitter_push(splitter, pes_packet);    // take_unit() is called for each whole unit
 *     splitter_push(splitter, NULL);          // what is still held
 */
#pragma once
#include <libavcodec/avcodec.h>

struct error;
struct splitter;

/* unit (borrow during the call): pts and dts 33-bit or AV_NOPTS_VALUE, pos of its first PES packet, flags KEY and
 * CORRUPT. */
typedef void splitter_unit(void *context, const AVPacket *unit);

int splitter_create(struct splitter **out, enum AVCodecID codec, splitter_unit *on_unit, void *context,
                    struct error *err);
void splitter_destroy(struct splitter *splitter);               /* NULL is fine */
enum AVCodecID splitter_codec(const struct splitter *splitter); /* as given to splitter_create() */
/* As the parser has found: a transport stream does not tell MPEG audio layer II from III. */
enum AVCodecID splitter_found_codec(const struct splitter *splitter);
void splitter_push(struct splitter *splitter, const AVPacket *pes);
