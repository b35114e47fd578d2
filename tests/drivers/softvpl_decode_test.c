/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoders of the software runtime: the same pixels and time stamps as libavcodec, however the bytes come in, and
 * no input that hurts. */
#include "tests/drivers/softvpl/client.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

enum { FRAMES_MAX = 64, PACKETS_MAX = 256, CAPTIONS = 3 /* as ffprobe -show_frames counts them in sd-hls */ };

/* ---- the reference: libavformat and libavcodec ------------------------------------------------------------------ */

struct reference {
    uint32_t codec;
    unsigned frames, packets;
    uint64_t hash[FRAMES_MAX];
    int64_t time_stamp[FRAMES_MAX];
    uint8_t *data; /* the elementary stream */
    size_t start[PACKETS_MAX + 1];
    int64_t packet_time_stamp[PACKETS_MAX];
};

static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, int bytes)
{
    for (int i = 0; i + 8 <= bytes; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        hash = (hash ^ word) * 0x100000001b3ULL;
        hash ^= hash >> 29;
    }
    for (int i = bytes & ~7; i < bytes; i++)
        hash = (hash ^ data[i]) * 0x100000001b3ULL;
    return hash;
}

static uint64_t hash_planar(const AVFrame *frame)
{
    uint64_t hash = 1;
    uint8_t row[4096];
    for (int y = 0; y < frame->height; y++)
        hash = hash_bytes(hash, frame->data[0] + y * frame->linesize[0], frame->width);
    for (int y = 0; y < frame->height / 2; y++) {
        for (int x = 0; x < frame->width / 2; x++) {
            row[2 * x] = frame->data[1][y * frame->linesize[1] + x];
            row[2 * x + 1] = frame->data[2][y * frame->linesize[2] + x];
        }
        hash = hash_bytes(hash, row, frame->width);
    }
    return hash;
}

static uint64_t hash_surface(const mfxFrameSurface1 *surface)
{
    uint64_t hash = 1;
    const mfxFrameInfo *info = &surface->Info;
    for (int y = 0; y < info->CropH; y++)
        hash = hash_bytes(hash, surface->Data.Y + (info->CropY + y) * surface->Data.Pitch + info->CropX, info->CropW);
    for (int y = 0; y < info->CropH / 2; y++)
        hash =
            hash_bytes(hash, surface->Data.UV + (info->CropY / 2 + y) * surface->Data.Pitch + info->CropX, info->CropW);
    return hash;
}

static void take_frames(AVCodecContext *context, AVFrame *frame, struct reference *reference)
{
    while (avcodec_receive_frame(context, frame) >= 0) {
        if (reference->frames < FRAMES_MAX) {
            reference->hash[reference->frames] = hash_planar(frame);
            reference->time_stamp[reference->frames++] = frame->pts;
        }
        av_frame_unref(frame);
    }
}

static void reference_open(struct reference *reference, const char *name, unsigned packets)
{
    char path[256];
    AVFormatContext *format = NULL;
    snprintf(path, sizeof path, "tests/media/%s", name);
    memset(reference, 0, sizeof *reference);
    assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(format, NULL) >= 0);
    int index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    const AVCodecParameters *parameters = format->streams[index]->codecpar;
    reference->codec = parameters->codec_id == AV_CODEC_ID_H264   ? MFX_CODEC_AVC
                       : parameters->codec_id == AV_CODEC_ID_HEVC ? MFX_CODEC_HEVC
                                                                  : MFX_CODEC_MPEG2;
    AVCodecContext *context = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
    assert_int_equal(avcodec_parameters_to_context(context, parameters), 0);
    context->thread_count = 1;
    assert_int_equal(avcodec_open2(context, NULL, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    while (reference->packets < packets && av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == index) {
            size_t at = reference->start[reference->packets];
            reference->data = realloc(reference->data, at + (size_t)packet->size + 1);
            memcpy(reference->data + at, packet->data, (size_t)packet->size);
            reference->packet_time_stamp[reference->packets++] = packet->pts;
            reference->start[reference->packets] = at + (size_t)packet->size;
            assert_true(avcodec_send_packet(context, packet) >= 0);
            take_frames(context, frame, reference);
        }
        av_packet_unref(packet);
    }
    avcodec_send_packet(context, NULL);
    take_frames(context, frame, reference);
    assert_true(reference->frames > 0);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&context);
    avformat_close_input(&format);
}

static const struct {
    const char *name;
    unsigned packets;
} streams[] = { { "sample_h264.ts", 40 },
                { "sample_h264_no_access_unit_delimiters.ts", 30 },
                { "sample_h265.ts", 40 },
                { "bbb_2500ms.ts", 10 },
                { "sd-hls0000000000.ts", 40 } };
enum { STREAMS = sizeof streams / sizeof streams[0] };

/* ---- decoding --------------------------------------------------------------------------------------------------- */

struct decode_run {
    unsigned frames, corrupted;
    uint64_t hash[FRAMES_MAX];
    uint64_t time_stamp[FRAMES_MAX];
    uint16_t structure[FRAMES_MAX];
};

static void take_surface(mfxSession session, struct decode_run *run, mfxFrameSurface1 *surface, mfxSyncPoint point)
{
    assert_int_equal(MFXVideoCORE_SyncOperation(session, point, WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Map(surface, MFX_MAP_READ), MFX_ERR_NONE);
    if (run->frames < FRAMES_MAX) {
        run->hash[run->frames] = hash_surface(surface);
        run->time_stamp[run->frames] = surface->Data.TimeStamp;
        run->structure[run->frames] = surface->Info.PicStruct;
    }
    run->frames++;
    run->corrupted += surface->Data.Corrupted != 0;
    assert_int_equal(surface->FrameInterface->Unmap(surface), MFX_ERR_NONE);
    assert_int_equal(surface->FrameInterface->Release(surface), MFX_ERR_NONE);
}

static mfxStatus decode_what_is_there(mfxSession session, mfxBitstream *bitstream, struct decode_run *run)
{
    for (;;) {
        mfxFrameSurface1 *surface;
        mfxSyncPoint point;
        mfxStatus status = MFXVideoDECODE_DecodeFrameAsync(session, bitstream, NULL, &surface, &point);
        if (status == MFX_WRN_VIDEO_PARAM_CHANGED)
            continue;
        if (status == MFX_WRN_DEVICE_BUSY) {
            usleep(500);
            continue;
        }
        if (status != MFX_ERR_NONE) {
            assert_null(surface);
            return status;
        }
        take_surface(session, run, surface, point);
    }
}

static void start_decoder(mfxSession session, uint32_t codec, mfxBitstream *bitstream)
{
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = codec };
    mfxFrameAllocRequest request;
    assert_int_equal(MFXVideoDECODE_DecodeHeader(session, bitstream, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Query(session, &par, &par), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_QueryIOSurf(session, &par, &request), MFX_ERR_NONE);
    assert_true(request.NumFrameSuggested > 0);
    assert_int_equal(MFXVideoDECODE_Init(session, &par), MFX_ERR_NONE);
}

/* Access units with their time stamps, as a demultiplexer gives them. Whole: it says that they are. Else each lies in
 * memory of its own size, as GStreamer hands them over, and its end shows only with the next one. */
static void decode_units(const struct reference *reference, bool whole, const char *name)
{
    struct client client;
    struct decode_run run = { 0 };
    mfxBitstream bitstream = { .Data = reference->data, .DataFlag = whole ? MFX_BITSTREAM_COMPLETE_FRAME : 0 };
    mfxDecodeStat statistics;

    bitstream.MaxLength = bitstream.DataLength = (mfxU32)reference->start[reference->packets];
    client_open(&client);
    start_decoder(client.session, reference->codec, &bitstream);
    for (unsigned p = 0; p < reference->packets; p++) {
        bitstream.DataOffset = whole ? (mfxU32)reference->start[p] : 0;
        bitstream.DataLength = (mfxU32)(reference->start[p + 1] - reference->start[p]);
        bitstream.Data = reference->data + (whole ? 0 : reference->start[p]);
        bitstream.MaxLength = whole ? (mfxU32)reference->start[reference->packets] : bitstream.DataLength;
        bitstream.TimeStamp = (mfxU64)reference->packet_time_stamp[p];
        assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_MORE_DATA);
        assert_int_equal(bitstream.DataLength, 0); /* all is taken at once */
    }
    assert_int_equal(decode_what_is_there(client.session, NULL, &run), MFX_ERR_MORE_DATA);
    assert_int_equal(run.frames, reference->frames);
    for (unsigned f = 0; f < run.frames; f++) {
        if (run.hash[f] != reference->hash[f])
            fail_msg("%s: frame %u has other pixels", name, f);
        assert_int_equal(run.time_stamp[f], reference->time_stamp[f]);
    }
    assert_int_equal(MFXVideoDECODE_GetDecodeStat(client.session, &statistics), MFX_ERR_NONE);
    assert_int_equal(statistics.NumFrame, reference->frames);
    client_close(&client);
}

static void units_decode_as_libavcodec_does(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STREAMS; i++) {
        struct reference reference;
        reference_open(&reference, streams[i].name, streams[i].packets);
        decode_units(&reference, true, streams[i].name);
        if (i == 0 || i == 2) /* one of H.264 and one of HEVC */
            decode_units(&reference, false, streams[i].name);
        free(reference.data);
    }
}

/* Pieces of any size, in a bitstream too small for an access unit or large enough for several. */
static void any_pieces_decode_the_same(void **state)
{
    (void)state;
    static const mfxU32 rooms[] = { 1000, 70001, 1 << 21 };
    struct reference reference;
    reference_open(&reference, "sample_h264.ts", 40);
    size_t total = reference.start[reference.packets];
    for (unsigned i = 0; i < 3; i++) {
        struct client client;
        struct decode_run run = { 0 };
        mfxBitstream header = { .Data = reference.data, .MaxLength = (mfxU32)total, .DataLength = (mfxU32)total };
        client_open(&client);
        start_decoder(client.session, reference.codec, &header);
        mfxBitstream bitstream = { .Data = malloc(rooms[i]),
                                   .MaxLength = rooms[i],
                                   .TimeStamp = (mfxU64)MFX_TIMESTAMP_UNKNOWN };
        for (size_t at = 0; at < total;) {
            memmove(bitstream.Data, bitstream.Data + bitstream.DataOffset, bitstream.DataLength);
            bitstream.DataOffset = 0;
            size_t room = bitstream.MaxLength - bitstream.DataLength, take = total - at < room ? total - at : room;
            assert_true(take > 0); /* a full bitstream was never left full */
            memcpy(bitstream.Data + bitstream.DataLength, reference.data + at, take);
            bitstream.DataLength += (mfxU32)take;
            at += take;
            assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_MORE_DATA);
        }
        bitstream.DataFlag = MFX_BITSTREAM_EOS;
        assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_MORE_DATA);
        assert_int_equal(decode_what_is_there(client.session, NULL, &run), MFX_ERR_MORE_DATA);
        assert_int_equal(run.frames, reference.frames);
        assert_memory_equal(run.hash, reference.hash, run.frames * sizeof run.hash[0]);
        free(bitstream.Data);
        client_close(&client);
    }
    free(reference.data);
}

/* ---- surfaces --------------------------------------------------------------------------------------------------- */

static void application_surfaces_are_filled_and_unlocked(void **state)
{
    (void)state;
    struct reference reference;
    struct client client;
    struct frame frames[3];
    unsigned got = 0, next = 0;
    reference_open(&reference, "sample_h264.ts", 40);
    mfxBitstream bitstream = { .Data = reference.data, .DataFlag = MFX_BITSTREAM_EOS };
    bitstream.MaxLength = bitstream.DataLength = (mfxU32)reference.start[reference.packets];
    client_open(&client);
    start_decoder(client.session, reference.codec, &bitstream);
    mfxVideoParam par = { 0 };
    assert_int_equal(MFXVideoDECODE_GetVideoParam(client.session, &par), MFX_ERR_NONE);
    for (int i = 0; i < 3; i++)
        frame_create(&frames[i], &par.mfx.FrameInfo);
    frames[0].surface.Data.Locked = 1; /* in use by somebody else */
    mfxFrameSurface1 *out;
    mfxSyncPoint point;
    assert_int_equal(MFXVideoDECODE_DecodeFrameAsync(client.session, &bitstream, &frames[0].surface, &out, &point),
                     MFX_ERR_MORE_SURFACE);
    frames[0].surface.Data.Locked = 0;
    for (bool draining = false;;) {
        struct frame *frame = &frames[next++ % 3];
        mfxStatus status = MFXVideoDECODE_DecodeFrameAsync(client.session, draining ? NULL : &bitstream,
                                                           &frame->surface, &out, &point);
        if (status == MFX_ERR_MORE_DATA) {
            if (draining)
                break;
            draining = true;
            continue;
        }
        assert_int_equal(status, MFX_ERR_NONE);
        assert_ptr_equal(out, &frame->surface);
        assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
        assert_int_equal(out->Data.Locked, 0);
        assert_int_equal(hash_surface(out), reference.hash[got]);
        got++;
    }
    assert_int_equal(got, reference.frames);
    client_close(&client);
    for (int i = 0; i < 3; i++)
        frame_destroy(&frames[i]);
    free(reference.data);
}

/* An application that never releases meets the pool's bound, not the machine's. */
static void the_pool_is_bounded(void **state)
{
    (void)state;
    struct reference reference;
    struct client client;
    mfxFrameSurface1 *held[128];
    unsigned count = 0;
    reference_open(&reference, "sample_h264.ts", 10);
    mfxBitstream bitstream = { .Data = reference.data, .DataFlag = MFX_BITSTREAM_EOS };
    bitstream.MaxLength = bitstream.DataLength = (mfxU32)reference.start[reference.packets];
    client_open(&client);
    start_decoder(client.session, reference.codec, &bitstream);
    while (count < 128 && MFXMemory_GetSurfaceForDecode(client.session, &held[count]) == MFX_ERR_NONE)
        count++;
    assert_int_equal(count, 64);
    struct decode_run run = { 0 };
    assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_WRN_ALLOC_TIMEOUT_EXPIRED);
    for (unsigned i = 0; i < 4; i++) {
        count--;
        held[count]->FrameInterface->Release(held[count]);
    }
    assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_MORE_DATA);
    assert_int_equal(decode_what_is_there(client.session, NULL, &run), MFX_ERR_MORE_DATA);
    assert_int_equal(run.frames, reference.frames); /* the frame that met the bound was kept */
    assert_int_equal(run.hash[0], reference.hash[0]);
    assert_int_equal(MFXClose(client.session), MFX_ERR_NONE);
    while (count) { /* surfaces outlive their session, though not the library */
        count--;
        assert_int_equal(held[count]->FrameInterface->Release(held[count]), MFX_ERR_NONE);
    }
    MFXUnload(client.loader);
    free(reference.data);
}

/* ---- sequences -------------------------------------------------------------------------------------------------- */

static void a_new_size_comes_after_every_old_frame(void **state)
{
    (void)state;
    struct client client;
    struct stream stream = { 0 };
    struct encode_run first = { .frames = 20 }, second = { .frames = 15 };
    struct decode_run run = { 0 };
    mfxVideoParam small = encode_par(64, 64), large = encode_par(128, 96);
    encode_stream(&small, &first, &stream);
    encode_stream(&large, &second, &stream);
    mfxBitstream bitstream = { .Data = stream.data, .MaxLength = (mfxU32)stream.bytes };
    bitstream.DataLength = (mfxU32)stream.bytes;
    bitstream.DataFlag = MFX_BITSTREAM_EOS;
    client_open(&client);
    start_decoder(client.session, MFX_CODEC_AVC, &bitstream);
    assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(run.frames, 20);
    assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM);
    assert_int_equal(decode_what_is_there(client.session, NULL, &run), MFX_ERR_MORE_DATA);
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = MFX_CODEC_AVC };
    assert_int_equal(MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &par), MFX_ERR_NONE);
    assert_int_equal(par.mfx.FrameInfo.CropW, 128);
    assert_int_equal(MFXVideoDECODE_Reset(client.session, &par), MFX_ERR_INCOMPATIBLE_VIDEO_PARAM); /* larger */
    assert_int_equal(MFXVideoDECODE_Close(client.session), MFX_ERR_NONE);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &par), MFX_ERR_NONE);
    assert_int_equal(decode_what_is_there(client.session, &bitstream, &run), MFX_ERR_MORE_DATA);
    assert_int_equal(decode_what_is_there(client.session, NULL, &run), MFX_ERR_MORE_DATA);
    assert_int_equal(run.frames, 35);
    client_close(&client);
    stream_free(&stream);
}

static void interlaced_pictures_say_so(void **state)
{
    (void)state;
    struct client client;
    struct stream stream = { 0 };
    struct encode_run frames = { .frames = 6 };
    struct decode_run run = { 0 };
    mfxVideoParam par = encode_par(64, 64);
    par.mfx.FrameInfo.PicStruct = MFX_PICSTRUCT_FIELD_BFF;
    encode_stream(&par, &frames, &stream);
    mfxBitstream bitstream = { .Data = stream.data, .MaxLength = (mfxU32)stream.bytes };
    bitstream.DataLength = (mfxU32)stream.bytes;
    bitstream.DataFlag = MFX_BITSTREAM_EOS;
    client_open(&client);
    start_decoder(client.session, MFX_CODEC_AVC, &bitstream);
    decode_what_is_there(client.session, &bitstream, &run);
    decode_what_is_there(client.session, NULL, &run);
    assert_int_equal(run.frames, 6);
    for (unsigned i = 0; i < run.frames; i++)
        assert_int_equal(run.structure[i], MFX_PICSTRUCT_FIELD_BFF);
    client_close(&client);
    stream_free(&stream);
}

static void captions_of_a_real_stream_come_out(void **state)
{
    (void)state;
    struct reference reference;
    struct client client;
    struct decode_run run = { 0 };
    unsigned captions = 0;
    reference_open(&reference, "sd-hls0000000000.ts", PACKETS_MAX);
    mfxBitstream bitstream = { .Data = reference.data, .DataFlag = MFX_BITSTREAM_EOS };
    bitstream.MaxLength = bitstream.DataLength = (mfxU32)reference.start[reference.packets];
    client_open(&client);
    start_decoder(client.session, reference.codec, &bitstream);
    decode_what_is_there(client.session, &bitstream, &run);
    uint8_t data[4096];
    mfxPayload payload = { .Data = data, .BufSize = sizeof data };
    mfxU64 time_stamp;
    while (MFXVideoDECODE_GetPayload(client.session, &time_stamp, &payload) == MFX_ERR_NONE && payload.NumBit)
        captions += payload.Type == 4 && data[2] == 0xb5 && memcmp(data + 5, "GA94", 4) == 0;
    assert_int_equal(captions, CAPTIONS);
    client_close(&client);
    free(reference.data);
}

/* ---- damage ----------------------------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void survive(uint32_t codec, uint8_t *data, size_t bytes)
{
    struct client client;
    struct decode_run run = { 0 };
    mfxBitstream bitstream = {
        .Data = data, .MaxLength = (mfxU32)bytes, .DataLength = (mfxU32)bytes, .DataFlag = MFX_BITSTREAM_EOS
    };
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY, .mfx.CodecId = codec };
    client_open(&client);
    for (int sequences = 0; sequences < 50; sequences++) {
        mfxStatus status = MFXVideoDECODE_DecodeHeader(client.session, &bitstream, &par);
        if (status != MFX_ERR_NONE)
            break;
        if (MFXVideoDECODE_Init(client.session, &par) < MFX_ERR_NONE)
            break;
        status = decode_what_is_there(client.session, &bitstream, &run);
        decode_what_is_there(client.session, NULL, &run);
        MFXVideoDECODE_Close(client.session);
        if (status != MFX_ERR_INCOMPATIBLE_VIDEO_PARAM)
            break;
    }
    client_close(&client);
}

static void damaged_streams_are_survived(void **state)
{
    (void)state;
    static const char *const names[] = { "sample_h264.ts", "sample_h265.ts", "sd-hls0000000000.ts" };
    for (unsigned i = 0; i < 3; i++) {
        struct reference reference;
        uint32_t seed = i + 1;
        reference_open(&reference, names[i], 12);
        size_t bytes = reference.start[reference.packets];
        uint8_t *damaged = malloc(bytes);
        for (unsigned round = 0; round < 6; round++) {
            memcpy(damaged, reference.data, bytes);
            unsigned flips = 1U << (2 * round);
            for (unsigned f = 0; f < flips; f++)
                damaged[next_random(&seed) % (round % 2 ? bytes : 600)] ^= (uint8_t)(1U << next_random(&seed) % 8);
            survive(reference.codec, damaged, bytes);
            survive(reference.codec, damaged, bytes * (round + 1) / 7); /* cut anywhere */
        }
        free(damaged);
        free(reference.data);
    }
}

static void garbage_is_survived(void **state)
{
    (void)state;
    static uint8_t garbage[60000];
    static const uint32_t codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_MPEG2, MFX_CODEC_AV1, MFX_CODEC_JPEG };
    uint32_t seed = 99;
    for (unsigned i = 0; i < 12; i++) {
        for (size_t at = 0; at < sizeof garbage; at++)
            garbage[at] = (uint8_t)next_random(&seed);
        for (size_t at = 0; at + 4 < sizeof garbage; at += 40 + next_random(&seed) % 400) {
            static const uint8_t headers[] = { 0x67, 0x68, 0x65, 0x41, 0x42, 0x44, 0x26, 0xb3, 0x00, 0x01 };
            memcpy(garbage + at, (const uint8_t[]){ 0, 0, 1, headers[next_random(&seed) % 10] }, 4);
        }
        survive(codecs[i % 5], garbage, sizeof garbage);
    }
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    struct client client;
    mfxVideoParam par = { .IOPattern = MFX_IOPATTERN_OUT_VIDEO_MEMORY, .mfx.CodecId = MFX_CODEC_AVC }, out = { 0 };
    par.mfx.FrameInfo = nv12_info(64, 64);
    client_open(&client);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par.IOPattern = MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
    par.mfx.CodecId = MFX_CODEC_VP9;
    assert_int_equal(MFXVideoDECODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(MFXVideoDECODE_Init(client.session, &par), MFX_ERR_INVALID_VIDEO_PARAM);
    par.mfx.CodecId = MFX_CODEC_HEVC;
    par.mfx.FrameInfo.FourCC = MFX_FOURCC_RGB4;
    assert_int_equal(MFXVideoDECODE_Query(client.session, &par, &out), MFX_ERR_UNSUPPORTED);
    assert_int_equal(out.mfx.FrameInfo.FourCC, 0);
    assert_int_equal(MFXVideoDECODE_GetVideoParam(client.session, &out), MFX_ERR_NOT_INITIALIZED);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_decode_as_libavcodec_does),
        cmocka_unit_test(any_pieces_decode_the_same),
        cmocka_unit_test(application_surfaces_are_filled_and_unlocked),
        cmocka_unit_test(the_pool_is_bounded),
        cmocka_unit_test(a_new_size_comes_after_every_old_frame),
        cmocka_unit_test(interlaced_pictures_say_so),
        cmocka_unit_test(captions_of_a_real_stream_come_out),
        cmocka_unit_test(damaged_streams_are_survived),
        cmocka_unit_test(garbage_is_survived),
        cmocka_unit_test(what_is_not_there_is_refused),
    };
    client_environment();
    av_log_set_level(AV_LOG_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
