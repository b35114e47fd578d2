/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decode_input.c - bytes of an application's bitstream become access units for libav. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/decode_private.h"

enum {
    UNIT_BYTES_MAX = 32 << 20, /* an access unit larger than this is garbage */
    AT_FRONT = 4,              /* so far from the front of the buffer there may be zeros of a start code */
};

/* A new sequence header: does it go on in the same surfaces? */
static mfxStatus meet_sequence(struct decode_component *decoder, const struct sequence *sequence)
{
    mfxInfoMFX now = decoder->par.mfx;
    sequence_to_parameters(sequence, &now);
    const mfxFrameInfo *have = &decoder->par.mfx.FrameInfo;
    bool fits =
        sequence_fourcc(sequence) == have->FourCC && sequence->width <= have->Width && sequence->height <= have->Height;

    if (decoder->has_sequence)
        fits = fits && sequence_same_frames(&decoder->sequence, sequence);
    if (!fits)
        return MFX_ERR_INCOMPATIBLE_VIDEO_PARAM;
    bool known = decoder->has_sequence, same = known && sequence_equal(&decoder->sequence, sequence);
    decoder->sequence = *sequence;
    decoder->has_sequence = true;
    if (same)
        return MFX_ERR_NONE;
    now.FrameInfo.Width = have->Width;
    now.FrameInfo.Height = have->Height;
    if (!now.FrameInfo.FrameRateExtN) { /* the application may know better than a stream that says nothing */
        now.FrameInfo.FrameRateExtN = have->FrameRateExtN;
        now.FrameInfo.FrameRateExtD = have->FrameRateExtD;
    }
    decoder->par.mfx = now;
    return known ? MFX_WRN_VIDEO_PARAM_CHANGED : MFX_ERR_NONE;
}

static mfxStatus send_unit(struct decode_component *decoder, const uint8_t *data, size_t bytes, uint64_t time_stamp)
{
    if (av_new_packet(decoder->packet, (int)bytes) < 0)
        return MFX_ERR_MEMORY_ALLOC;
    memcpy(decoder->packet->data, data, bytes);
    bool repeated = time_stamp == decoder->last_input_90k; /* the second field, or the next unit of the same buffer */
    decoder->last_input_90k = time_stamp;
    if (repeated)
        time_stamp = (uint64_t)MFX_TIMESTAMP_UNKNOWN;
    decoder->packet->pts = time_stamp == (uint64_t)MFX_TIMESTAMP_UNKNOWN ? AV_NOPTS_VALUE : (int64_t)time_stamp;
    payload_queue_collect(decoder->payloads, decoder->par.mfx.CodecId, data, bytes, time_stamp);
    int result = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    decoder->frames_in++;
    if (result == AVERROR(ENOMEM))
        return MFX_ERR_MEMORY_ALLOC;
    if (result < 0)
        decoder->errors++; /* this unit is lost; the stream goes on */
    return MFX_ERR_NONE;
}

static bool carry_append(struct decode_component *decoder, const uint8_t *data, size_t bytes)
{
    size_t want = decoder->carry_bytes + bytes;
    if (want > decoder->carry_room) {
        uint8_t *larger = realloc(decoder->carry, want * 2);
        if (!larger)
            return false;
        decoder->carry = larger;
        decoder->carry_room = want * 2;
    }
    if (bytes)
        memcpy(decoder->carry + decoder->carry_bytes, data, bytes);
    decoder->carry_bytes = want;
    return true;
}

static void consume(mfxBitstream *bitstream, size_t bytes)
{
    bitstream->DataOffset += (mfxU32)bytes;
    bitstream->DataLength -= (mfxU32)bytes;
}

/* No unit ends in what is there. The bytes stay in the bitstream, unless the application could not add any behind them:
 * some hand over each picture in memory of its own size, and drop what is left of it (GStreamer's msdk). Who reads a
 * file moves the rest to the front, and wants it there: a new sequence that begins with it may ask for another decoder.
 */
static mfxStatus keep_rest(struct decode_component *decoder, mfxBitstream *bitstream, size_t garbage, size_t carried)
{
    bool full = bitstream->DataOffset <= AT_FRONT &&
                (uint64_t)bitstream->DataOffset + bitstream->DataLength == bitstream->MaxLength;

    if (carried) {
        decoder->carry_bytes = carried; /* take the appended bytes off again */
        if (!full)
            return MFX_ERR_MORE_DATA;
    } else {
        consume(bitstream, garbage);
        if (!full)
            return MFX_ERR_MORE_DATA;
        decoder->carry_stamp = bitstream->TimeStamp;
    }
    if (carried + bitstream->DataLength > UNIT_BYTES_MAX) {
        decoder->carry_bytes = 0;
        decoder->errors++;
    } else if (!carry_append(decoder, bitstream->Data + bitstream->DataOffset, bitstream->DataLength)) {
        return MFX_ERR_MEMORY_ALLOC;
    }
    consume(bitstream, bitstream->DataLength);
    return MFX_ERR_MORE_DATA;
}

mfxStatus decode_feed(struct decode_component *decoder, mfxBitstream *bitstream)
{
    bool complete = bitstream->DataFlag & (MFX_BITSTREAM_COMPLETE_FRAME | MFX_BITSTREAM_EOS);
    const uint8_t *data = bitstream->Data + bitstream->DataOffset;
    size_t bytes = bitstream->DataLength, carried = decoder->carry_bytes;
    struct access_unit unit;

    if (!bytes && !(carried && complete))
        return MFX_ERR_MORE_DATA;
    if (carried) {
        if (!carry_append(decoder, data, bytes))
            return MFX_ERR_MEMORY_ALLOC;
        data = decoder->carry;
        bytes = decoder->carry_bytes;
    }
    if (!access_unit_find(&unit, decoder->par.mfx.CodecId, data, bytes, complete))
        return keep_rest(decoder, bitstream, complete ? bytes : unit.start, carried);
    mfxStatus status = MFX_ERR_NONE;
    if (unit.has_sequence)
        status = meet_sequence(decoder, &unit.sequence);
    if (status == MFX_ERR_NONE)
        status = send_unit(decoder, data + unit.start, unit.end - unit.start,
                           carried ? decoder->carry_stamp : bitstream->TimeStamp);
    if (status != MFX_ERR_NONE) {
        decoder->carry_bytes = carried; /* nothing was taken: the same unit comes again */
        return status;
    }
    decoder->carry_bytes = 0;
    if (unit.end >= carried) {
        consume(bitstream, unit.end - carried);
    } else {
        decoder->carry_bytes = carried - unit.end;
        decoder->carry_stamp = bitstream->TimeStamp;
        memmove(decoder->carry, decoder->carry + unit.end, decoder->carry_bytes);
    }
    return MFX_ERR_NONE;
}

void decode_drain(struct decode_component *decoder)
{
    if (decoder->carry_bytes && !decoder->incompatible) { /* the last unit ends where the stream does */
        struct access_unit unit;
        if (access_unit_find(&unit, decoder->par.mfx.CodecId, decoder->carry, decoder->carry_bytes, true))
            send_unit(decoder, decoder->carry + unit.start, unit.end - unit.start, decoder->carry_stamp);
        decoder->carry_bytes = 0;
        return;
    }
    avcodec_send_packet(decoder->context, NULL);
    decoder->draining = true;
}
