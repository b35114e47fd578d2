/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svtav1_encoder.c - AV1 by SVT-AV1's own interface, 8 and 10 bits. It is a pipeline of threads of its own: what comes
 * out is collected at each call, and a picture that is due is waited for. Temporal units come in the order of display,
 * one for each picture.
 *
 * A key frame can only be forced where SVT-AV1 decides by quality and looks ahead. Elsewhere they come at their regular
 * distance; one that is wanted between is had by coding what is inside to its end and beginning anew.
 *
 * What the application may see: the units as they are, or (mfxExtAV1BitstreamParam) as an IVF file. */
#include <stdlib.h>
#include <string.h>
#include <svt-av1/EbSvtAv1Metadata.h>

#include "drivers/softvpl/parameters.h"
#include "drivers/softvpl/svtav1_settings.h"
#include "drivers/softvpl/svtav1_wait.h"

enum {
    QP_MAX = 255,
    REF_DISTANCE_MAX = 32,
    REFERENCES_MAX = 7,
    SIZE_MIN = 64,
    LOOKAHEAD_MAX = 120,
    LEVELS_DEFAULT = 5,
    HELD_BESIDE_GROUP = 3,
    IVF_FILE_BYTES = 32,
    IVF_FRAME_BYTES = 12,
    MESSAGE_T35 = 4, /* of SEI messages */
};

struct unit {
    struct unit *next;
    uint64_t number;
    uint16_t frame_type;
    size_t bytes;
    uint8_t data[];
};

struct library {
    EbComponentType *svt;
    struct log *log;
    struct encode_settings settings;
    unsigned threads;
    unsigned delay, shift;
    uint8_t *planes[3];
    int pitch[3]; /* bytes */
    bool wide;    /* samples of 16 bits */
    bool ivf, ivf_begun, draining, ended, started, forces_keys;
    bool still; /* it does not answer any more */
    mfxFrameInfo info;
    uint64_t since_begin;               /* pictures that this instance of SVT-AV1 was given */
    struct unit *first, **last, *given; /* what came out; what the last call gave */
};

/* It says on stderr what it was told, unless its environment is quiet before it is first used. */
__attribute__((constructor)) static void keep_quiet(void)
{
    setenv("SVT_LOG", "1", 0); /* errors only; who set it knows better */
}

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static bool level_known(unsigned level)
{
    return level == 0 || (level >= MFX_LEVEL_AV1_2 && level <= MFX_LEVEL_AV1_63 && level % 10 <= 3);
}

/* The words of softvpl_ext.h are only understood by SVT-AV1 itself: try them. */
static void check_words(struct verdict *verdict, mfxVideoParam *par)
{
    struct softvpl_words *words = extension_find(par->ExtParam, par->NumExtParam, SOFTVPL_EXTBUFF_WORDS);
    struct encode_settings settings = { 0 };
    EbSvtAv1EncConfiguration configuration;
    EbComponentType *svt;

    if (!words || words->header.BufferSz != sizeof *words)
        return;
    settings.words = *words;
    if (svt_av1_enc_init_handle(&svt, NULL, &configuration) != EB_ErrorNone)
        return;
    if (!svtav1_settings_apply(&settings, 1, &configuration)) {
        verdict_unsupported(verdict, "SVT-AV1 preset, tune or option");
        if (!verdict->read_only)
            memset(words->preset, 0, sizeof *words - sizeof words->header);
    }
    svt_av1_enc_deinit_handle(svt);
}

static void check_options(struct verdict *verdict, mfxVideoParam *par)
{
    const mfxExtCodingOption2 *option2 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION2);
    const mfxExtCodingOption3 *option3 = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION3);
    const mfxExtCodingOption *option = extension_find(par->ExtParam, par->NumExtParam, MFX_EXTBUFF_CODING_OPTION);
    bool ten = par->mfx.FrameInfo.FourCC == MFX_FOURCC_P010;

    if (option2 &&
        (option2->MaxSliceSize || option2->NumMbPerSlice || option2->IntRefType || option2->DisableDeblockingIdc))
        verdict_unsupported(verdict, "slices, intra refresh, or no deblocking of AV1");
    if (option && (option->CAVLC == MFX_CODINGOPTION_ON || option->NalHrdConformance == MFX_CODINGOPTION_ON ||
                   option->VuiNalHrdParameters == MFX_CODINGOPTION_ON))
        verdict_unsupported(verdict, "CAVLC or HRD of AV1");
    if (option3 && option3->TargetBitDepthLuma && option3->TargetBitDepthLuma != (ten ? 10 : 8))
        verdict_unsupported(verdict, "another depth than the picture's");
    if (option3 && option3->TargetChromaFormatPlus1 > MFX_CHROMAFORMAT_YUV420 + 1)
        verdict_unsupported(verdict, "AV1 of 4:2:2");
}

static void check(struct verdict *verdict, mfxVideoParam *par, bool complete)
{
    static const struct encode_limits limits = { QP_MAX, REF_DISTANCE_MAX - 1, REFERENCES_MAX, 1, false };
    mfxInfoMFX *mfx = &par->mfx;
    mfxFrameInfo *info = &mfx->FrameInfo;

    if (info->PicStruct == MFX_PICSTRUCT_FIELD_TFF || info->PicStruct == MFX_PICSTRUCT_FIELD_BFF)
        UNSUPPORTED(verdict, info->PicStruct);
    if (info->Width && (info->CropW ? info->CropW : info->Width) < SIZE_MIN)
        UNSUPPORTED(verdict, info->Width);
    if (info->Height && (info->CropH ? info->CropH : info->Height) < SIZE_MIN)
        UNSUPPORTED(verdict, info->Height);
    if (mfx->CodecProfile && mfx->CodecProfile != MFX_PROFILE_AV1_MAIN)
        UNSUPPORTED(verdict, mfx->CodecProfile);
    if (!level_known(mfx->CodecLevel))
        UNSUPPORTED(verdict, mfx->CodecLevel);
    check_options(verdict, par);
    if ((mfx->RateControlMethod == MFX_RATECONTROL_CBR || !mfx->RateControlMethod) && mfx->GopRefDist > 1)
        CORRECT(verdict, mfx->GopRefDist, 1);
    encode_check_rate(verdict, par, &limits, complete);
    encode_check_structure(verdict, mfx, &limits);
    check_words(verdict, par);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void drop_units(struct library *library)
{
    while (library->first) {
        struct unit *unit = library->first;
        library->first = unit->next;
        free(unit);
    }
    library->last = &library->first;
    free(library->given);
    library->given = NULL;
}

static bool fetch(struct library *library, bool wait);

static void begin_drain(struct library *library)
{
    EbBufferHeaderType end = { .size = sizeof end, .flags = EB_BUFFERFLAG_EOS };

    if (library->draining || !library->since_begin)
        return;
    library->draining = true;
    svt_av1_enc_send_picture(library->svt, &end);
}

/* An instance that was given nothing waits for ever for its end: it gets a picture. */
static void send_nothing(struct library *library)
{
    size_t pitch = (size_t)library->info.CropW * 2;
    uint8_t *memory = calloc(library->info.CropH, pitch);
    EbSvtIOFormat planes = { .luma = memory, .cb = memory, .cr = memory };
    EbBufferHeaderType buffer = { .size = sizeof buffer, .p_buffer = (uint8_t *)&planes };

    planes.y_stride = library->info.CropW;
    planes.cb_stride = planes.cr_stride = library->info.CropW / 2U;
    buffer.n_filled_len = (uint32_t)(pitch * library->info.CropH);
    buffer.pic_type = EB_AV1_INVALID_PICTURE;
    if (memory && svt_av1_enc_send_picture(library->svt, &buffer) == EB_ErrorNone)
        library->since_begin++;
    free(memory);
}

/* What is inside comes out first: SVT-AV1 does not end while it has work. */
static void stop_svt(struct library *library)
{
    if (library->started && !library->since_begin)
        send_nothing(library);
    if (!library->still)
        begin_drain(library);
    while (library->draining && !library->ended && !library->still && fetch(library, true))
        continue;
    if (library->still) { /* it would never end */
        library->svt = NULL;
        return;
    }
    if (library->started)
        svt_av1_enc_deinit(library->svt);
    svt_av1_enc_deinit_handle(library->svt);
    library->svt = NULL;
}

static void close_library(void *opaque)
{
    struct library *library = opaque;

    if (library->svt)
        stop_svt(library);
    drop_units(library);
    for (int i = 0; i < 3; i++)
        free(library->planes[i]);
    free(library);
}

/* Pictures held back, measured: the group of a hierarchy and three, and the lookahead; that is bounded by two groups
 * unless rate control is given more. */
static unsigned delay_of(const EbSvtAv1EncConfiguration *configuration, bool low_delay)
{
    unsigned levels = configuration->hierarchical_levels;
    unsigned group = 1U << (levels == 0 || levels > LEVELS_DEFAULT ? LEVELS_DEFAULT : levels);
    unsigned lookahead = configuration->look_ahead_distance;

    if (low_delay)
        return 1;
    if (lookahead > LOOKAHEAD_MAX)
        lookahead = 2 * group + 1;
    else if (lookahead && lookahead < group)
        lookahead = group;
    return group + HELD_BESIDE_GROUP + lookahead;
}

static bool make_planes(struct library *library, const mfxFrameInfo *info)
{
    size_t bytes = library->wide ? 2 : 1;
    size_t width[3] = { library->wide ? info->CropW : 0, info->CropW / 2, info->CropW / 2 };

    for (int i = 0; i < 3; i++) {
        library->pitch[i] = (int)((width[i] * bytes + 63) & ~(size_t)63);
        library->planes[i] = library->pitch[i] ? malloc((size_t)library->pitch[i] * (info->CropH + 1U)) : NULL;
        if (library->pitch[i] && !library->planes[i])
            return false;
    }
    return true;
}

static mfxStatus start_svt(struct library *library)
{
    const mfxInfoMFX *mfx = &library->settings.par.mfx;
    EbSvtAv1EncConfiguration configuration;

    library->since_begin = 0;
    library->draining = library->ended = library->started = false;
    if (svt_av1_enc_init_handle(&library->svt, NULL, &configuration) != EB_ErrorNone) {
        library->svt = NULL;
        return MFX_ERR_MEMORY_ALLOC;
    }
    bool good = svtav1_settings_apply(&library->settings, library->threads, &configuration);
    library->forces_keys = !svtav1_low_delay(&library->settings) && !encode_has_bitrate(mfx);
    library->forces_keys |= mfx->RateControlMethod == MFX_RATECONTROL_QVBR && !svtav1_low_delay(&library->settings);
    configuration.force_key_frames = library->forces_keys;
    library->delay = delay_of(&configuration, svtav1_low_delay(&library->settings));
    if (!good || svt_av1_enc_set_parameter(library->svt, &configuration) != EB_ErrorNone ||
        svt_av1_enc_init(library->svt) != EB_ErrorNone)
        return MFX_ERR_INVALID_VIDEO_PARAM;
    library->started = true;
    return MFX_ERR_NONE;
}

static mfxStatus open_library(void **out, const struct encode_settings *settings, unsigned threads, struct log *log)
{
    struct library *library = calloc(1, sizeof *library);

    if (!library)
        return MFX_ERR_MEMORY_ALLOC;
    library->log = log;
    library->settings = *settings;
    library->threads = threads;
    library->info = settings->par.mfx.FrameInfo;
    library->wide = library->info.FourCC == MFX_FOURCC_P010;
    library->shift = library->wide && library->info.Shift ? 6 : 0;
    library->ivf = settings->has_av1 && settings->av1.WriteIVFHeaders != MFX_CODINGOPTION_OFF;
    library->last = &library->first;
    mfxStatus status = make_planes(library, &library->info) ? start_svt(library) : MFX_ERR_MEMORY_ALLOC;
    if (status != MFX_ERR_NONE)
        close_library(library);
    else
        *out = library;
    return status;
}

static unsigned delay(void *library)
{
    return ((struct library *)library)->delay;
}

static void resolve(void *library, const struct encode_headers *sets, mfxVideoParam *par)
{
    (void)library;
    (void)sets;
    if (!par->mfx.CodecProfile)
        par->mfx.CodecProfile = MFX_PROFILE_AV1_MAIN;
}

/* ---- what comes out --------------------------------------------------------------------------------------------- */

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* Bytes of IVF's headers before this unit; the file's header comes before the first. */
static size_t write_ivf(struct library *library, uint8_t *to, uint64_t number, size_t bytes)
{
    size_t at = 0;

    if (!library->ivf)
        return 0;
    if (!library->ivf_begun) {
        memset(to, 0, IVF_FILE_BYTES);
        memcpy(to, "DKIF\0\0\040\0AV01", 12);
        put(to + 12, library->info.CropW, 2);
        put(to + 14, library->info.CropH, 2);
        put(to + 16, library->info.FrameRateExtN, 4);
        put(to + 20, library->info.FrameRateExtD, 4);
        library->ivf_begun = true;
        at = IVF_FILE_BYTES;
    }
    put(to + at, bytes, 4);
    put(to + at + 4, number, 8);
    return at + IVF_FRAME_BYTES;
}

static uint16_t frame_type_of(unsigned type)
{
    switch (type) {
    case EB_AV1_KEY_PICTURE:
    case EB_AV1_FW_KEY_PICTURE:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_IDR | MFX_FRAMETYPE_REF;
    case EB_AV1_INTRA_ONLY_PICTURE:
        return MFX_FRAMETYPE_I | MFX_FRAMETYPE_REF;
    case EB_AV1_NON_REF_PICTURE:
        return MFX_FRAMETYPE_P;
    default:
        return MFX_FRAMETYPE_P | MFX_FRAMETYPE_REF;
    }
}

static bool keep_packet(struct library *library, const EbBufferHeaderType *packet)
{
    struct unit *unit = malloc(sizeof *unit + packet->n_filled_len + IVF_FILE_BYTES + IVF_FRAME_BYTES);

    if (!unit)
        return false;
    size_t header = write_ivf(library, unit->data, (uint64_t)packet->pts, packet->n_filled_len);
    memcpy(unit->data + header, packet->p_buffer, packet->n_filled_len);
    unit->bytes = header + packet->n_filled_len;
    unit->number = (uint64_t)packet->pts;
    unit->frame_type = frame_type_of(packet->pic_type);
    unit->next = NULL;
    *library->last = unit;
    library->last = &unit->next;
    return true;
}

/* One packet. Only what is sure to come may be waited for: delay_of() and the tests see to that. false: none came, or
 * it failed. */
static bool fetch(struct library *library, bool wait)
{
    EbBufferHeaderType *packet;
    EbErrorType status = library->draining || wait ? svtav1_wait(library->svt, &packet)
                                                   : svt_av1_enc_get_packet(library->svt, &packet, 0);

    if (status == EB_ErrorInsufficientResources && !library->still) {
        library->still = true;
        log_line(library->log, "SVT-AV1 stands still");
    }
    if (status != EB_ErrorNone)
        return false;
    library->ended |= (packet->flags & EB_BUFFERFLAG_EOS) != 0;
    bool kept = !packet->n_filled_len || keep_packet(library, packet);
    svt_av1_enc_release_out_buffer(&packet);
    return kept;
}

static void give(struct library *library, struct encode_coded *coded)
{
    struct unit *unit = library->first;

    free(library->given);
    library->given = unit;
    if (!unit)
        return;
    library->first = unit->next;
    if (!library->first)
        library->last = &library->first;
    *coded = (struct encode_coded){ .data = unit->data,
                                    .bytes = unit->bytes,
                                    .number = unit->number,
                                    .decode_number = (int64_t)unit->number,
                                    .frame_type = unit->frame_type };
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static void add_messages(EbBufferHeaderType *buffer, const struct encode_messages *messages)
{
    for (unsigned i = 0; messages && i < messages->count; i++)
        if (messages->message[i].type == MESSAGE_T35) /* the others have no counterpart in AV1 */
            svt_add_metadata(buffer, EB_AV1_METADATA_TYPE_ITUT_T35, messages->message[i].data,
                             messages->message[i].bytes);
}

/* A key frame where the library would not make one: begin anew. It knows no distance of 1. */
static bool make_key(struct library *library, const struct encode_picture *picture)
{
    unsigned distance = library->settings.par.mfx.GopPicSize;

    if (picture->type == ENCODE_AUTO || library->forces_keys || !library->since_begin ||
        (distance > 1 && library->since_begin % distance == 0))
        return true;
    stop_svt(library);
    log_line(library->log, "SVT-AV1 begins anew for a key frame");
    return start_svt(library) == MFX_ERR_NONE;
}

static bool send(struct library *library, const struct encode_picture *picture)
{
    const struct image *image = &picture->image;
    unsigned sample = library->wide ? 2 : 1;
    EbSvtIOFormat planes = { .width = (uint32_t)image->width, .height = (uint32_t)image->height };
    EbBufferHeaderType buffer = { .size = sizeof buffer, .p_buffer = (uint8_t *)&planes };

    image_separate(library->planes, library->pitch, image, library->shift);
    planes.luma = library->planes[0] ? library->planes[0] : image->plane[0];
    planes.cb = library->planes[1];
    planes.cr = library->planes[2];
    planes.y_stride = (uint32_t)(library->planes[0] ? library->pitch[0] : image->pitch[0]) / sample;
    planes.cb_stride = planes.cr_stride = (uint32_t)library->pitch[1] / sample;
    buffer.n_filled_len = (uint32_t)(image->width * image->height) * 3 / 2 * sample;
    buffer.pts = (int64_t)picture->number;
    buffer.pic_type =
        picture->type != ENCODE_AUTO && library->forces_keys ? EB_AV1_KEY_PICTURE : EB_AV1_INVALID_PICTURE;
    add_messages(&buffer, picture->messages);
    /* It waits while SVT-AV1 has no room, and without an end where that stands still. This is the encoder's worker: the
     * application sees that nothing comes out, as with a device that hangs (encode/device_watch.h). */
    bool good = svt_av1_enc_send_picture(library->svt, &buffer) == EB_ErrorNone;
    if (buffer.metadata)
        svt_metadata_array_free(&buffer.metadata);
    library->since_begin++;
    return good;
}

static bool encode(void *opaque, const struct encode_picture *picture, struct encode_coded *coded)
{
    struct library *library = opaque;

    memset(coded, 0, sizeof *coded);
    if (library->still)
        return false;
    if (picture && (!make_key(library, picture) || !send(library, picture)))
        return false;
    if (!picture)
        begin_drain(library);
    while (!library->draining && fetch(library, false))
        continue;
    bool due = picture ? picture->due : library->draining;
    while (due && !library->first && !library->ended)
        if (!fetch(library, true))
            return false;
    if (!picture || picture->due)
        give(library, coded);
    return true;
}

static const uint32_t formats[] = { MFX_FOURCC_NV12, MFX_FOURCC_P010, 0 };
static const uint32_t buffers[] = { MFX_EXTBUFF_CODING_OPTION,
                                    MFX_EXTBUFF_CODING_OPTION2,
                                    MFX_EXTBUFF_CODING_OPTION3,
                                    MFX_EXTBUFF_VIDEO_SIGNAL_INFO,
                                    MFX_EXTBUFF_ENCODER_RESET_OPTION,
                                    MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME,
                                    MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO,
                                    MFX_EXTBUFF_AV1_BITSTREAM_PARAM,
                                    SOFTVPL_EXTBUFF_WORDS,
                                    0 };

/* No headers: svt_av1_enc_stream_header() of 1.4 writes another sequence header than the stream has. */
const struct encode_codec encode_codec_av1 = {
    .id = MFX_CODEC_AV1,
    .library = "SVT-AV1",
    .formats = formats,
    .buffers = buffers,
    .messages = true,
    .check = check,
    .mark = encode_mark_video,
    .defaults = encode_defaults_video,
    .open = open_library,
    .close = close_library,
    .delay = delay,
    .encode = encode,
    .resolve = resolve,
};
