/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An application that reads a file through one buffer, as sample_decode does, whatever the buffer's size. */
#include "tests/drivers/softvpl/client.h"

enum { FRAMES = 15, STEP = 1009, ROOMS = 25 };

struct reader {
    const struct stream *stream;
    size_t at;
    mfxBitstream bitstream;
    unsigned frames;
};

/* What is left goes to the front, and the file behind it. False: there is no more, and the bitstream has been told. */
static bool refill(struct reader *reader)
{
    mfxBitstream *bitstream = &reader->bitstream;
    memmove(bitstream->Data, bitstream->Data + bitstream->DataOffset, bitstream->DataLength);
    bitstream->DataOffset = 0;
    size_t bytes = bitstream->MaxLength - bitstream->DataLength, left = reader->stream->bytes - reader->at;
    bytes = bytes < left ? bytes : left;
    memcpy(bitstream->Data + bitstream->DataLength, reader->stream->data + reader->at, bytes);
    reader->at += bytes;
    bitstream->DataLength += (mfxU32)bytes;
    bool told = bitstream->DataFlag & MFX_BITSTREAM_EOS;
    bitstream->DataFlag |= bytes ? 0 : MFX_BITSTREAM_EOS;
    return !told;
}

static void begin(mfxSession session, struct reader *reader)
{
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY };
    mfxStatus status;
    par.mfx.CodecId = MFX_CODEC_AVC;
    while ((status = MFXVideoDECODE_DecodeHeader(session, &reader->bitstream, &par)) == MFX_ERR_MORE_DATA)
        assert_true(refill(reader));
    assert_int_equal(status, MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Init(session, &par), MFX_ERR_NONE);
}

/* All that comes of the bitstream, or of the end of it. Returns why no more comes. */
static mfxStatus decode(mfxSession session, struct reader *reader, mfxBitstream *bitstream)
{
    mfxFrameSurface1 *surface;
    mfxSyncPoint point;
    mfxStatus status;
    for (;;) {
        status = MFXVideoDECODE_DecodeFrameAsync(session, bitstream, NULL, &surface, &point);
        if (status == MFX_WRN_DEVICE_BUSY)
            usleep(300);
        else if (status == MFX_ERR_MORE_DATA && bitstream && refill(reader))
            continue;
        else if (status < MFX_ERR_NONE)
            return status;
        else if (status == MFX_ERR_NONE) {
            assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
            surface->FrameInterface->Release(surface);
            reader->frames++;
        }
    }
}

static void another_size_in_the_file_is_read_through_any_buffer(void **state)
{
    (void)state;
    struct stream stream = { 0 };
    size_t largest = 0;
    for (int second = 0; second < 2; second++) {
        mfxVideoParam par = encode_par(second ? 320 : 192, second ? 192 : 112);
        struct encode_run run = { .frames = FRAMES };
        par.mfx.GopPicSize = 100;
        par.mfx.GopRefDist = 1;
        encode_stream(&par, &run, &stream);
    }
    for (unsigned i = 0; i < stream.units; i++)
        if (stream.start[i + 1] - stream.start[i] > largest)
            largest = stream.start[i + 1] - stream.start[i];
    for (mfxU32 i = 0; i < ROOMS; i++) {
        struct client client;
        struct reader reader = { .stream = &stream };
        reader.bitstream.MaxLength = (mfxU32)largest + 1000 + i * STEP; /* a unit, and the beginning of the next */
        reader.bitstream.Data = malloc(reader.bitstream.MaxLength);
        client_open(&client);
        begin(client.session, &reader);
        assert_int_equal(decode(client.session, &reader, &reader.bitstream), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
        decode(client.session, &reader, NULL);
        assert_int_equal(reader.frames, FRAMES);
        assert_int_equal(MFXVideoDECODE_Close(client.session), MFX_ERR_NONE);
        begin(client.session, &reader);
        assert_int_equal(decode(client.session, &reader, &reader.bitstream), MFX_ERR_MORE_DATA);
        decode(client.session, &reader, NULL);
        assert_int_equal(reader.frames, 2 * FRAMES);
        client_close(&client);
        free(reader.bitstream.Data);
    }
    stream_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(another_size_in_the_file_is_read_through_any_buffer) };
    client_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
