/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode.c - from a picture's buffers to oneVPL's parameters, to the library, to the coded buffer. */
#include "drivers/softva/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/softva/softva_ext.h"

/* What is not of the four kinds; va.h's own name for it is deprecated, and clients send it. */
#define MISC_MASK 0x80000000U

enum { RATE_DEFAULT = 30, QP_MAX = 51, THREADS = 1, QUALITY_DEFAULT = 4, KBPS_MAX = 65535, SLICES_MAX = 32 };

struct va_encoder {
    struct driver *driver;
    const struct config *config;
    const struct encode_kind *kind;
    const struct encode_codec *codec;
    struct encode_sequence sequence;
    bool has_sequence;
    struct encode_misc misc;
    void *library;                   /* NULL: not open yet */
    struct encode_settings settings; /* it was opened with */
    struct encode_picture picture;
};

/* The headers that a picture brought. */
struct packed {
    struct message_list list;
    uint32_t type, bits;
    bool escaped;
};

VAStatus encoder_create(void **instance, const struct engine_settings *settings, const struct encode_kind *kind)
{
    struct va_encoder *encoder = calloc(1, sizeof *encoder);

    if (!encoder)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    encoder->driver = settings->driver;
    encoder->config = settings->config;
    encoder->kind = kind;
    encoder->codec = encode_codec_find(kind->codec);
    *instance = encoder;
    return VA_STATUS_SUCCESS;
}

static void close_library(struct va_encoder *encoder)
{
    if (encoder->library)
        encoder->codec->close(encoder->library);
    encoder->library = NULL;
}

void encoder_destroy(void *instance)
{
    close_library(instance);
    free(instance);
}

/* ---- lasting parameters ----------------------------------------------------------------------------------------- */

/* The parameter behind its type; NULL: the buffer is too short for it. */
static const void *misc_of(const struct buffer *buffer, size_t bytes)
{
    const VAEncMiscParameterBuffer *misc = buffer_data(buffer, sizeof *misc + bytes);
    return misc ? misc->data : NULL;
}

static void read_rate_control(struct encode_misc *misc, const VAEncMiscParameterRateControl *rate)
{
    misc->bits_per_second = rate->bits_per_second;
    misc->target_percent = rate->target_percentage;
    misc->minimum_qp = rate->min_qp;
    misc->maximum_qp = rate->max_qp;
    misc->icq_quality = rate->ICQ_quality_factor;
    misc->qvbr_quality = rate->quality_factor;
}

static void read_frame_rate(struct encode_misc *misc, uint32_t rate)
{
    misc->rate_numerator = rate & 0xffff;
    misc->rate_denominator = rate >> 16 ? rate >> 16 : 1;
}

static bool read_misc(struct encode_misc *misc, const struct buffer *buffer)
{
    const VAEncMiscParameterBuffer *head = buffer_data(buffer, sizeof *head);
    const void *data = NULL;

    switch (head ? head->type : VAEncMiscParameterTypeExtensionData) {
    case VAEncMiscParameterTypeRateControl:
        if ((data = misc_of(buffer, sizeof(VAEncMiscParameterRateControl))))
            read_rate_control(misc, data);
        break;
    case VAEncMiscParameterTypeFrameRate:
        if ((data = misc_of(buffer, sizeof(VAEncMiscParameterFrameRate))))
            read_frame_rate(misc, ((const VAEncMiscParameterFrameRate *)data)->framerate);
        break;
    case VAEncMiscParameterTypeHRD:
        if ((data = misc_of(buffer, sizeof(VAEncMiscParameterHRD)))) {
            misc->buffer_bits = ((const VAEncMiscParameterHRD *)data)->buffer_size;
            misc->buffer_fullness = ((const VAEncMiscParameterHRD *)data)->initial_buffer_fullness;
        }
        break;
    case VAEncMiscParameterTypeQualityLevel:
        if ((data = misc_of(buffer, sizeof(VAEncMiscParameterBufferQualityLevel))))
            misc->quality_level = ((const VAEncMiscParameterBufferQualityLevel *)data)->quality_level;
        break;
    default: /* what is not known is no error: it is a wish */
        return head != NULL;
    }
    return data != NULL;
}

/* ---- in oneVPL's words ------------------------------------------------------------------------------------------ */

static uint16_t method_of(unsigned rate_control)
{
    switch (rate_control) {
    case VA_RC_CBR:
        return MFX_RATECONTROL_CBR;
    case VA_RC_VBR:
        return MFX_RATECONTROL_VBR;
    case VA_RC_QVBR:
        return MFX_RATECONTROL_QVBR;
    case VA_RC_ICQ:
        return MFX_RATECONTROL_ICQ;
    default:
        return MFX_RATECONTROL_CQP;
    }
}

static uint16_t profile_of(VAProfile profile)
{
    switch (profile) {
    case VAProfileH264ConstrainedBaseline:
        return MFX_PROFILE_AVC_CONSTRAINED_BASELINE;
    case VAProfileH264Main:
        return MFX_PROFILE_AVC_MAIN;
    case VAProfileH264High:
        return MFX_PROFILE_AVC_HIGH;
    case VAProfileHEVCMain10:
        return MFX_PROFILE_HEVC_MAIN10;
    case VAProfileHEVCMain422_10:
        return MFX_PROFILE_HEVC_REXT;
    default:
        return MFX_PROFILE_HEVC_MAIN;
    }
}

/* false: a bit rate is needed, and none was said. */
static bool say_rate(const struct va_encoder *encoder, mfxInfoMFX *mfx)
{
    const struct encode_misc *misc = &encoder->misc;
    unsigned long long most = misc->bits_per_second ? misc->bits_per_second : encoder->sequence.bits_per_second;

    mfx->RateControlMethod = method_of(encoder->config->rate_control);
    if (mfx->RateControlMethod == MFX_RATECONTROL_CQP) {
        mfx->QPI = mfx->QPP = mfx->QPB = QP_MAX; /* each picture says its own, and x264 takes none above */
        return true;
    }
    if (mfx->RateControlMethod == MFX_RATECONTROL_ICQ) {
        mfx->ICQQuality = (mfxU16)(misc->icq_quality > QP_MAX ? QP_MAX : misc->icq_quality);
        return true;
    }
    bool part = mfx->RateControlMethod != MFX_RATECONTROL_CBR && misc->target_percent && misc->target_percent < 100;
    unsigned long long kbps = (most + 500) / 1000, target = part ? kbps * misc->target_percent / 100 : kbps;
    unsigned long long room = misc->buffer_bits / 8000U, fullness = misc->buffer_fullness / 8000U;
    unsigned long long largest = kbps > room ? kbps : room, multiplier = largest / KBPS_MAX + 1;
    mfx->BRCParamMultiplier = (mfxU16)multiplier;
    mfx->TargetKbps = (mfxU16)(target / multiplier);
    mfx->MaxKbps = (mfxU16)(kbps / multiplier);
    mfx->BufferSizeInKB = (mfxU16)(room / multiplier);
    mfx->InitialDelayInKB = (mfxU16)((fullness < room ? fullness : room) / multiplier);
    return mfx->TargetKbps > 0;
}

static void say_frame(const struct va_encoder *encoder, const struct surface *surface, mfxFrameInfo *info)
{
    const struct encode_sequence *sequence = &encoder->sequence;
    const struct encode_misc *misc = &encoder->misc;
    const struct image_format *layout = format_layout(surface->format);

    /* What the surface does not have was never to be seen: HEVC's sequence does not tell of the crop. */
    info->CropW = (mfxU16)((sequence->width < surface->width ? sequence->width : surface->width) & ~1U);
    info->CropH = (mfxU16)((sequence->height < surface->height ? sequence->height : surface->height) & ~1U);
    info->Width = (mfxU16)((info->CropW + 15U) & ~15U);
    info->Height = (mfxU16)((info->CropH + 15U) & ~15U);
    info->FourCC = layout->fourcc;
    info->ChromaFormat = layout->chroma_format;
    info->BitDepthLuma = info->BitDepthChroma = layout->depth;
    info->Shift = layout->depth > 8;
    info->PicStruct = MFX_PICSTRUCT_PROGRESSIVE;
    info->FrameRateExtN = misc->rate_numerator ? misc->rate_numerator : sequence->rate_numerator;
    info->FrameRateExtD = misc->rate_numerator ? misc->rate_denominator : sequence->rate_denominator;
    if (!info->FrameRateExtN || !info->FrameRateExtD) {
        info->FrameRateExtN = RATE_DEFAULT;
        info->FrameRateExtD = 1;
    }
    info->AspectRatioW = (mfxU16)sequence->aspect_width;
    info->AspectRatioH = (mfxU16)sequence->aspect_height;
}

static bool say(const struct va_encoder *encoder, const struct surface *surface, unsigned slices,
                struct encode_settings *settings)
{
    mfxExtCodingOption option = { .Header = { MFX_EXTBUFF_CODING_OPTION, sizeof option } };
    mfxExtCodingOption2 option2 = { .Header = { MFX_EXTBUFF_CODING_OPTION2, sizeof option2 } };
    mfxExtCodingOption3 option3 = { .Header = { MFX_EXTBUFF_CODING_OPTION3, sizeof option3 } };
    struct softvpl_words words = { .header = { SOFTVPL_EXTBUFF_WORDS, sizeof words }, .tune = "zerolatency" };
    mfxExtBuffer *buffers[] = { &option.Header, &option2.Header, &option3.Header, &words.header };
    mfxVideoParam par = { .AsyncDepth = 1, .ExtParam = buffers, .NumExtParam = 4 };
    const struct encode_misc *misc = &encoder->misc;

    snprintf(words.options, sizeof words.options, "%s", encoder->kind->options);
    option.CAVLC = encoder->sequence.cavlc ? MFX_CODINGOPTION_ON : MFX_CODINGOPTION_UNKNOWN;
    option2.MinQPI = option2.MinQPP = (mfxU8)(misc->minimum_qp > QP_MAX ? QP_MAX : misc->minimum_qp);
    option2.MaxQPI = option2.MaxQPP = (mfxU8)(misc->maximum_qp > QP_MAX ? QP_MAX : misc->maximum_qp);
    option3.QVBRQuality = (mfxU16)(misc->qvbr_quality > QP_MAX ? QP_MAX : misc->qvbr_quality);
    par.mfx.CodecId = encoder->kind->codec;
    par.mfx.CodecProfile = profile_of(encoder->config->capability->profile);
    if (!encoder->kind->level_needs_rate || encoder->config->rate_control & (VA_RC_CBR | VA_RC_VBR | VA_RC_QVBR))
        par.mfx.CodecLevel = (mfxU16)(encoder->sequence.level | (encoder->sequence.high_tier ? MFX_TIER_HEVC_HIGH : 0));
    unsigned quality = misc->quality_level ? misc->quality_level : QUALITY_DEFAULT;
    par.mfx.TargetUsage = (mfxU16)(quality > MFX_TARGETUSAGE_BEST_SPEED ? MFX_TARGETUSAGE_BEST_SPEED : quality);
    par.mfx.GopRefDist = 1;
    par.mfx.NumThread = THREADS;
    par.mfx.NumSlice = (mfxU16)(slices > 1 ? slices : 0);
    say_frame(encoder, surface, &par.mfx.FrameInfo);
    if (!say_rate(encoder, &par.mfx) || !par.mfx.FrameInfo.CropW || !par.mfx.FrameInfo.CropH)
        return false;
    encode_settings_read(settings, &par, NULL);
    return true;
}

/* ---- the library ------------------------------------------------------------------------------------------------ */

static VAStatus open_library(struct va_encoder *encoder, const struct encode_settings *settings)
{
    close_library(encoder);
    mfxStatus status = encoder->codec->open(&encoder->library, settings, THREADS, encoder->driver->log);
    if (status != MFX_ERR_NONE) {
        encoder->library = NULL;
        log_line(encoder->driver->log, "%s does not open: %d", encoder->codec->library, status);
        return status == MFX_ERR_MEMORY_ALLOC ? VA_STATUS_ERROR_ALLOCATION_FAILED : VA_STATUS_ERROR_INVALID_PARAMETER;
    }
    encoder->settings = *settings;
    encoder->picture.number = 0;
    return VA_STATUS_SUCCESS;
}

static VAStatus prepare(struct va_encoder *encoder, const struct picture *picture, struct encode_request *request)
{
    struct encode_settings settings;

    if (!encoder->has_sequence || !say(encoder, picture->target, request->slices, &settings))
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    if (!encoder->library) {
        request->idr = true; /* whatever was said, nothing came before */
        return open_library(encoder, &settings);
    }
    if (memcmp(&settings, &encoder->settings, sizeof settings) == 0)
        return VA_STATUS_SUCCESS;
    if (encoder->codec->reconfigure && encode_settings_same_sequence(&encoder->settings, &settings) &&
        encoder->codec->reconfigure(encoder->library, &settings)) {
        encoder->settings = settings;
        return VA_STATUS_SUCCESS;
    }
    return request->idr ? open_library(encoder, &settings) : VA_STATUS_SUCCESS;
}

static VAStatus code(struct va_encoder *encoder, const struct picture *picture, const struct encode_request *request,
                     const struct message_list *list)
{
    const mfxFrameInfo *info = &encoder->settings.par.mfx.FrameInfo;
    struct encode_coded coded;
    bool constant = encoder->settings.par.mfx.RateControlMethod == MFX_RATECONTROL_CQP;
    struct image whole = surface_image(picture->target);

    if (whole.format->fourcc != info->FourCC || whole.width < info->CropW || whole.height < info->CropH)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    struct buffer *buffer = objects_use(encoder->driver->objects, OBJECT_BUFFER, request->coded);
    if (!buffer || buffer->type != VAEncCodedBufferType) {
        object_release(buffer ? &buffer->object : NULL);
        return VA_STATUS_ERROR_INVALID_BUFFER;
    }
    struct encode_picture *in = &encoder->picture;
    in->image = image_at(&whole, 0, 0, info->CropW, info->CropH);
    in->type = request->idr ? ENCODE_IDR : request->intra ? ENCODE_I : ENCODE_AUTO;
    in->qp = constant ? (int)request->qp : -1;
    in->messages = list->messages.count ? &list->messages : NULL;
    in->due = true;
    VAStatus status = VA_STATUS_ERROR_ENCODING_ERROR;
    if (encoder->codec->encode(encoder->library, in, &coded) && coded.bytes)
        status = buffer_put_coded(buffer, coded.data, coded.bytes, constant ? request->qp : 0)
                     ? VA_STATUS_SUCCESS
                     : VA_STATUS_ERROR_NOT_ENOUGH_BUFFER;
    else
        buffer_put_coded(buffer, NULL, 0, VA_CODED_BUF_STATUS_BAD_BITSTREAM);
    if (encoder->driver->waits == SOFTVA_WAITS_SURFACE) {
        buffer_hide_coded(buffer, true);
        surface_owes(picture->target, buffer->object.id);
    }
    in->number++;
    object_release(&buffer->object);
    return status;
}

/* ---- a picture -------------------------------------------------------------------------------------------------- */

static bool read_packed(struct packed *packed, const struct encode_kind *kind, const struct buffer *buffer)
{
    if (buffer->type == VAEncPackedHeaderParameterBufferType) {
        const VAEncPackedHeaderParameterBuffer *head = buffer_data(buffer, sizeof *head);
        if (!head)
            return false;
        packed->type = head->type;
        packed->bits = head->bit_length;
        packed->escaped = head->has_emulation_bytes;
        return true;
    }
    size_t bytes = (packed->bits + 7ULL) / 8;
    const uint8_t *data = buffer_data(buffer, bytes);
    if (!data || !bytes)
        return false;
    bool wanted = packed->type == VAEncPackedHeaderRawData || (packed->type & MISC_MASK);
    return !wanted || message_list_add(&packed->list, kind, data, bytes, packed->escaped);
}

static bool read_buffer(struct va_encoder *encoder, const struct buffer *buffer, struct encode_request *request,
                        struct packed *packed)
{
    const struct encode_kind *kind = encoder->kind;

    switch (buffer->type) {
    case VAEncSequenceParameterBufferType:
        encoder->has_sequence = kind->read_sequence(buffer, &encoder->sequence);
        return encoder->has_sequence;
    case VAEncPictureParameterBufferType:
        return kind->read_picture(buffer, request);
    case VAEncSliceParameterBufferType:
        request->slices += buffer->count;
        return request->slices <= SLICES_MAX && kind->read_slice(buffer, request);
    case VAEncMiscParameterBufferType:
        return read_misc(&encoder->misc, buffer);
    case VAEncPackedHeaderParameterBufferType:
    case VAEncPackedHeaderDataBufferType:
        return read_packed(packed, kind, buffer);
    default:
        return true;
    }
}

VAStatus encoder_work(void *instance, const struct picture *picture)
{
    struct va_encoder *encoder = instance;
    struct encode_request request = { .coded = VA_INVALID_ID };
    struct packed packed = { 0 };
    VAStatus status = VA_STATUS_SUCCESS;

    for (unsigned i = 0; status == VA_STATUS_SUCCESS && i < picture->count; i++)
        if (!read_buffer(encoder, picture->buffers[i], &request, &packed))
            status = VA_STATUS_ERROR_INVALID_PARAMETER;
    if (status == VA_STATUS_SUCCESS && (request.coded == VA_INVALID_ID || !request.slices))
        status = VA_STATUS_ERROR_INVALID_PARAMETER;
    if (status == VA_STATUS_SUCCESS && !(picture->target->format->rt_format & encoder->config->rt_formats))
        status = VA_STATUS_ERROR_INVALID_SURFACE;
    if (status == VA_STATUS_SUCCESS)
        status = prepare(encoder, picture, &request);
    if (status == VA_STATUS_SUCCESS)
        status = code(encoder, picture, &request, &packed.list);
    message_list_clear(&packed.list);
    return status;
}
