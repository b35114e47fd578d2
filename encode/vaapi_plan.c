/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_plan.c - tables of levels and names, and the questions to the driver. */
#include "encode/vaapi_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <va/va_enc_hevc.h>

#include "board/error.h"
#include "encode/job.h"
#include "encode/rung.h"
#include "encode/timeline.h"

enum { ENTRYPOINTS_MAX = 32, MACROBLOCK = 16, B_FRAMES_DEFAULT = 2 };

/* ---- levels ---- */
struct level {
    unsigned number; /* level_idc */
    unsigned picture, second, kbps;
};

/* H.264, table A-1: macroblocks, and kbit/s in the High profile */
static const struct level h264_levels[] = {
    { 10, 99, 1485, 80 },           { 11, 396, 3000, 240 },        { 12, 396, 6000, 480 },
    { 13, 396, 11880, 960 },        { 20, 396, 11880, 2500 },      { 21, 792, 19800, 5000 },
    { 22, 1620, 20250, 5000 },      { 30, 1620, 40500, 12500 },    { 31, 3600, 108000, 17500 },
    { 32, 5120, 216000, 25000 },    { 40, 8192, 245760, 25000 },   { 41, 8192, 245760, 62500 },
    { 42, 8704, 522240, 62500 },    { 50, 22080, 589824, 168750 }, { 51, 36864, 983040, 300000 },
    { 52, 36864, 2073600, 300000 },
};
/* HEVC, tables A.8 and A.9: samples of luma, and kbit/s in the main tier */
static const struct level hevc_levels[] = {
    { 30, 36864, 552960, 128 },
    { 60, 122880, 3686400, 1500 },
    { 63, 245760, 7372800, 3000 },
    { 90, 552960, 16588800, 6000 },
    { 93, 983040, 33177600, 10000 },
    { 120, 2228224, 66846720, 12000 },
    { 123, 2228224, 133693440, 20000 },
    { 150, 8912896, 267386880, 25000 },
    { 153, 8912896, 534773760, 40000 },
    { 156, 8912896, 1069547520, 60000 },
    { 180, 35651584, 1069547520, 60000 },
    { 183, 35651584, 2139095040, 120000 },
    { 186, 35651584, 4278190080, 240000 },
};

unsigned vaapi_level(enum AVCodecID codec, unsigned width, unsigned height, double pictures_per_second,
                     unsigned bits_per_second)
{
    bool hevc = codec == AV_CODEC_ID_HEVC;
    const struct level *table = hevc ? hevc_levels : h264_levels;
    unsigned count = hevc ? sizeof hevc_levels / sizeof hevc_levels[0] : sizeof h264_levels / sizeof h264_levels[0];
    unsigned blocks = (width + MACROBLOCK - 1) / MACROBLOCK * ((height + MACROBLOCK - 1) / MACROBLOCK);
    unsigned picture = hevc ? width * height : blocks;
    unsigned longer = width > height ? width : height; /* strips: the square of a side is at most eight pictures */
    unsigned side = hevc ? longer : (longer + MACROBLOCK - 1) / MACROBLOCK;

    for (unsigned i = 0; i < count; i++)
        if (picture <= table[i].picture && side * side <= 8 * table[i].picture &&
            picture * pictures_per_second <= table[i].second && bits_per_second / 1000 <= table[i].kbps)
            return table[i].number;
    return table[count - 1].number;
}

/* ---- questions ---- */
static bool find_entrypoint(VADisplay va, VAProfile profile, VAEntrypoint *found)
{
    VAEntrypoint list[ENTRYPOINTS_MAX];
    int count = 0;

    if (vaMaxNumEntrypoints(va) > ENTRYPOINTS_MAX ||
        vaQueryConfigEntrypoints(va, profile, list, &count) != VA_STATUS_SUCCESS)
        return false;
    *found = (VAEntrypoint)0;
    for (int i = 0; i < count; i++) /* newer hardware of Intel only has the one of low power */
        if (list[i] == VAEntrypointEncSlice || (list[i] == VAEntrypointEncSliceLP && !*found))
            *found = list[i];
    return *found != 0;
}

bool vaapi_can_encode(VADisplay va)
{
    VAEntrypoint entrypoint;
    return find_entrypoint(va, VAProfileH264High, &entrypoint) || find_entrypoint(va, VAProfileH264Main, &entrypoint);
}

/* An attribute's value; 0: the driver does not know it. */
static uint32_t attribute(VADisplay va, const struct vaapi_plan *plan, VAConfigAttribType type)
{
    VAConfigAttrib attribute = { .type = type };
    VAStatus status = vaGetConfigAttributes(va, plan->profile, plan->entrypoint, &attribute, 1);
    return status != VA_STATUS_SUCCESS || attribute.value == VA_ATTRIB_NOT_SUPPORTED ? 0 : attribute.value;
}

static int choose_profile(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config, struct error *err)
{
    static const VAProfile profiles[] = { VAProfileH264ConstrainedBaseline, VAProfileH264Main, VAProfileH264High };
    static const char *const names[] = { "H.264 Constrained Baseline", "H.264 Main", "H.264 High" };
    const struct video_description *video = config->description;
    bool hevc = video->codec == VIDEO_CODEC_HEVC, ten = video->bit_depth == 10;
    const char *name = !hevc ? names[video->profile] : ten ? "HEVC Main 10" : "HEVC Main";

    if (!hevc && (video->codec != VIDEO_CODEC_H264 || ten))
        return error_set(err, -ENOTSUP, "video \"%s\": the encoder \"vaapi\" has H.264 of eight bits, and HEVC",
                         video->name);
    plan->codec = hevc ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
    plan->profile = !hevc ? profiles[video->profile] : ten ? VAProfileHEVCMain10 : VAProfileHEVCMain;
    plan->bit_depth = ten ? 10 : 8;
    plan->rt_format = ten ? VA_RT_FORMAT_YUV420_10 : VA_RT_FORMAT_YUV420;
    plan->fourcc = ten ? VA_FOURCC_P010 : VA_FOURCC_NV12;
    plan->cabac = video->profile != PROFILE_BASELINE;
    plan->transform_8x8 = video->profile == PROFILE_HIGH;
    if (!find_entrypoint(va, plan->profile, &plan->entrypoint))
        return error_set(err, -ENOTSUP, "video \"%s\": %s is not encoded by %s", video->name, name,
                         vaQueryVendorString(va));
    if (!(attribute(va, plan, VAConfigAttribRTFormat) & plan->rt_format))
        return error_set(err, -ENOTSUP, "video \"%s\": %s of %u bits is not encoded by %s", video->name, name,
                         plan->bit_depth, vaQueryVendorString(va));
    return 0;
}

static int choose_size(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config, struct error *err)
{
    uint32_t width = attribute(va, plan, VAConfigAttribMaxPictureWidth);
    uint32_t height = attribute(va, plan, VAConfigAttribMaxPictureHeight);

    plan->width = config->width;
    plan->height = config->height;
    if (config->width % 2 || config->height % 2)
        return error_set(err, -EINVAL, "video \"%s\": the encoder refuses %ux%u: no even size",
                         config->description->name, config->width, config->height);
    if ((width && config->width > width) || (height && config->height > height))
        return error_set(err, -EINVAL, "video \"%s\": the encoder refuses %ux%u: its pictures are %ux%u at most",
                         config->description->name, config->width, config->height, width, height);
    plan->aspect_width = config->aspect_width ? config->aspect_width : 1;
    plan->aspect_height = config->aspect_height ? config->aspect_height : 1;
    return 0;
}

static int choose_rate(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config, struct error *err)
{
    static const struct {
        unsigned bit;
        const char *name;
    } methods[] = { [RATE_CONTROL_CBR] = { VA_RC_CBR, "CBR" },
                    [RATE_CONTROL_VBR] = { VA_RC_VBR, "VBR" },
                    [RATE_CONTROL_QVBR] = { VA_RC_QVBR, "QVBR" } };
    const struct video_description *video = config->description;
    bool constant = video->rate_control == RATE_CONTROL_CBR || !video->max_bitrate;

    plan->rate_control = methods[video->rate_control].bit;
    if (!(attribute(va, plan, VAConfigAttribRateControl) & plan->rate_control))
        return error_set(err, -ENOTSUP, "video \"%s\": rate control %s is not offered by %s", video->name,
                         methods[video->rate_control].name, vaQueryVendorString(va));
    plan->bits_per_second = constant ? video->bitrate : video->max_bitrate;
    plan->target_percent = (unsigned)(100ULL * video->bitrate / (plan->bits_per_second ? plan->bits_per_second : 1));
    plan->buffer_bits = video->buffer_size ? video->buffer_size : 2 * plan->bits_per_second;
    plan->quality = 17 + 2 * (10 - video->quality); /* levels 10..1 over what eyes can tell, as with oneVPL */
    plan->rate_numerator = config->rate->numerator;
    plan->rate_denominator = config->rate->denominator * video->framerate_divisor;
    plan->gop_frames = config->gop_frames;
    return 0;
}

/* Coding blocks of HEVC: what the driver says, else 32 down to 16, which Intel's take. */
static void choose_blocks(struct vaapi_plan *plan, VADisplay va)
{
    VAConfigAttribValEncHEVCBlockSizes sizes = { .value = attribute(va, plan, VAConfigAttribEncHEVCBlockSizes) };

    plan->tools = attribute(va, plan, VAConfigAttribEncHEVCFeatures);
    plan->block_sizes = sizes.value;
    plan->describes_tools = plan->tools && sizes.value;
    plan->smallest_block = plan->describes_tools ? 8U << sizes.bits.log2_min_luma_coding_block_size_minus3 : 16;
}

static void choose_speed(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config)
{
    static const unsigned speeds[] = { 6, 6, 5, 4, 3, 2, 0 }; /* of our presets, out of 6 */
    unsigned range = attribute(va, plan, VAConfigAttribEncQualityRange);

    if (range > 1)
        plan->speed = 1 + (speeds[config->description->preset] * (range - 1) + 3) / 6;
}

/* A picture refers to the one before: what all drivers can, and no delay. B pictures that nobody asked for are not
 * missed. */
static void note_changes(struct vaapi_plan *plan, const struct video_description *video)
{
    size_t used = 0;

    if (video->b_frames > B_FRAMES_DEFAULT && (plan->codec == AV_CODEC_ID_HEVC || video->profile != PROFILE_BASELINE))
        used += (size_t)snprintf(plan->changes, sizeof plan->changes, "b_frames %u became 0", video->b_frames);
    if (video->reference_frames > 1)
        snprintf(plan->changes + used, sizeof plan->changes - used, "%sreference_frames %u became 1", used ? ", " : "",
                 video->reference_frames);
}

int vaapi_plan_make(struct vaapi_plan *plan, VADisplay va, const struct rung_config *config, struct error *err)
{
    memset(plan, 0, sizeof *plan);
    int status = choose_profile(plan, va, config, err);
    if (status == 0)
        status = choose_size(plan, va, config, err);
    if (status == 0)
        status = choose_rate(plan, va, config, err);
    if (status < 0)
        return status;
    plan->smallest_block = MACROBLOCK;
    if (plan->codec == AV_CODEC_ID_HEVC)
        choose_blocks(plan, va);
    plan->coded_width = (plan->width + plan->smallest_block - 1) & ~(plan->smallest_block - 1);
    plan->coded_height = (plan->height + plan->smallest_block - 1) & ~(plan->smallest_block - 1);
    unsigned most = plan->bits_per_second > plan->buffer_bits ? plan->bits_per_second : plan->buffer_bits;
    plan->level = vaapi_level(plan->codec, plan->coded_width, plan->coded_height,
                              (double)plan->rate_numerator / plan->rate_denominator, most);
    choose_speed(plan, va, config);
    plan->raw_headers = attribute(va, plan, VAConfigAttribEncPackedHeaders) & VA_ENC_PACKED_HEADER_RAW_DATA;
    note_changes(plan, config->description);
    return 0;
}
