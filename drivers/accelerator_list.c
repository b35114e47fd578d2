/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/accelerator_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drm.h>
#include <vpl/mfx.h>

#include "drivers/va_display.h"
#include "drivers/va_tones.h"
#include "drivers/vpp_colours.h"

enum { PROFILES_MAX = 64, ENTRYPOINTS_MAX = 16 };

/* ---- one entry for a codec and a depth, whatever the number of profiles ---- */
static struct accelerator_coder *coder_of(struct accelerator_coder *coders, unsigned *count, const char *codec,
                                          unsigned bits)
{
    for (unsigned i = 0; i < *count; i++)
        if (strcmp(coders[i].codec, codec) == 0 && coders[i].bits == bits)
            return &coders[i];
    if (*count == ACCELERATOR_CODERS_MAX)
        return NULL;
    coders[*count] = (struct accelerator_coder){ .codec = codec, .bits = bits };
    return &coders[(*count)++];
}

static void add_format(struct accelerator_coder *coder, mfxU32 fourcc)
{
    char name[5];

    for (unsigned i = 0; i < 4; i++)
        name[i] = (char)(fourcc >> 8 * i);
    name[4] = '\0';
    for (unsigned i = 0; i < ACCELERATOR_FORMATS_MAX; i++) {
        if (coder->formats[i][0] && strcmp(coder->formats[i], name) != 0)
            continue;
        memcpy(coder->formats[i], name, sizeof name);
        return;
    }
}

static void widen(struct accelerator_coder *coder, const mfxRange32U *width, const mfxRange32U *height)
{
    coder->width_min = coder->width_max && coder->width_min < width->Min ? coder->width_min : width->Min;
    coder->height_min = coder->height_max && coder->height_min < height->Min ? coder->height_min : height->Min;
    coder->width_max = coder->width_max > width->Max ? coder->width_max : width->Max;
    coder->height_max = coder->height_max > height->Max ? coder->height_max : height->Max;
}

/* ---- oneVPL ---- */
static const char *codec_name(mfxU32 codec)
{
    static const struct {
        mfxU32 codec;
        const char *name;
    } names[] = { { MFX_CODEC_AVC, "h264" },    { MFX_CODEC_HEVC, "hevc" }, { MFX_CODEC_AV1, "av1" },
                  { MFX_CODEC_MPEG2, "mpeg2" }, { MFX_CODEC_JPEG, "jpeg" }, { MFX_CODEC_VP9, "vp9" } };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].codec == codec)
            return names[i].name;
    return NULL;
}

static unsigned bits_of(mfxU32 fourcc)
{
    return fourcc == MFX_FOURCC_P010 || fourcc == MFX_FOURCC_Y210 || fourcc == MFX_FOURCC_Y410 ? 10 : 8;
}

static void add_memory(struct accelerator_coder *coders, unsigned *count, mfxU32 codec, const mfxRange32U *width,
                       const mfxRange32U *height, const mfxU32 *formats, unsigned formats_count)
{
    for (unsigned i = 0; codec_name(codec) && i < formats_count; i++) {
        struct accelerator_coder *coder = coder_of(coders, count, codec_name(codec), bits_of(formats[i]));
        if (!coder)
            return;
        widen(coder, width, height);
        add_format(coder, formats[i]);
    }
}

static void add_encoders(struct accelerator_found *found, const mfxEncoderDescription *encoders)
{
    for (unsigned c = 0; c < encoders->NumCodecs; c++)
        for (unsigned p = 0; p < encoders->Codecs[c].NumProfiles; p++) {
            const struct encprofile *profile = &encoders->Codecs[c].Profiles[p];
            for (unsigned m = 0; m < profile->NumMemTypes; m++)
                add_memory(found->encoders, &found->encoder_count, encoders->Codecs[c].CodecID,
                           &profile->MemDesc[m].Width, &profile->MemDesc[m].Height, profile->MemDesc[m].ColorFormats,
                           profile->MemDesc[m].NumColorFormats);
        }
}

static void add_decoders(struct accelerator_found *found, const mfxDecoderDescription *decoders)
{
    for (unsigned c = 0; c < decoders->NumCodecs; c++)
        for (unsigned p = 0; p < decoders->Codecs[c].NumProfiles; p++) {
            const struct decprofile *profile = &decoders->Codecs[c].Profiles[p];
            for (unsigned m = 0; m < profile->NumMemTypes; m++)
                add_memory(found->decoders, &found->decoder_count, decoders->Codecs[c].CodecID,
                           &profile->MemDesc[m].Width, &profile->MemDesc[m].Height, profile->MemDesc[m].ColorFormats,
                           profile->MemDesc[m].NumColorFormats);
        }
}

/* What VPP answers: its description tells of filters, not of what goes in and out. */
static bool converts(mfxSession session, unsigned from, unsigned to)
{
    mfxExtVideoSignalInfo signals[2];
    struct vpp_colours colours;

    for (unsigned i = 0; i < 2; i++) {
        unsigned transfer = i ? to : from;
        unsigned primaries = transfer == VPP_COLOURS_BT709 ? VPP_COLOURS_BT709 : VPP_COLOURS_BT2020;
        signals[i] = (mfxExtVideoSignalInfo){ .VideoFormat = 5,
                                              .ColourDescriptionPresent = 1,
                                              .ColourPrimaries = (mfxU16)primaries,
                                              .TransferCharacteristics = (mfxU16)transfer,
                                              .MatrixCoefficients = (mfxU16)primaries };
    }
    vpp_colours_fill(&colours, &signals[0], &signals[1]);
    return vpp_colours_supported(session, &colours, from == VPP_COLOURS_BT709 ? MFX_FOURCC_NV12 : MFX_FOURCC_P010,
                                 to == VPP_COLOURS_BT709 ? MFX_FOURCC_NV12 : MFX_FOURCC_P010);
}

static void ask_colours(struct accelerator_found *found, mfxLoader loader, mfxU32 number)
{
    mfxSession session;

    if (MFXCreateSession(loader, number, &session) < MFX_ERR_NONE)
        return;
    found->hdr10_to_sdr = converts(session, VPP_COLOURS_PQ, VPP_COLOURS_BT709);
    found->hlg_to_sdr = converts(session, VPP_COLOURS_HLG, VPP_COLOURS_BT709);
    found->sdr_to_hdr10 = converts(session, VPP_COLOURS_BT709, VPP_COLOURS_PQ);
    MFXClose(session);
}

/* A hardware implementation says its device as "<vendor device>/<number of the render node from 128 on>". */
static const struct gpu *gpu_of(const mfxImplDescription *description, const struct gpu *gpus, unsigned count)
{
    const char *slash = strchr(description->Dev.DeviceID, '/');

    if (description->Impl != MFX_IMPL_TYPE_HARDWARE || !slash)
        return NULL;
    return gpu_by_number(gpus, count, (unsigned)strtoul(slash + 1, NULL, 10));
}

static void list_onevpl(struct accelerator_list *list, const struct gpu *gpus, unsigned gpu_count)
{
    mfxLoader loader = MFXLoad();
    mfxImplDescription *description;

    for (mfxU32 i = 0;
         loader && list->count < ACCELERATORS_MAX &&
         MFXEnumImplementations(loader, i, MFX_IMPLCAPS_IMPLDESCSTRUCTURE, (mfxHDL *)&description) == MFX_ERR_NONE;
         i++) {
        struct accelerator_found *found = &list->found[list->count++];
        const struct gpu *gpu = gpu_of(description, gpus, gpu_count);
        snprintf(found->name, sizeof found->name, "%.64s (API %u.%u)", description->ImplName,
                 description->ApiVersion.Major, description->ApiVersion.Minor);
        found->kind = "oneVPL";
        found->hardware = description->Impl == MFX_IMPL_TYPE_HARDWARE;
        found->vendor = gpu ? gpu->vendor : 0;
        found->node = gpu ? gpu->node : -1;
        snprintf(found->device, sizeof found->device, "%.120s", gpu ? gpu->device : "");
        add_encoders(found, &description->Enc);
        add_decoders(found, &description->Dec);
        ask_colours(found, loader, i);
        MFXDispReleaseImplDescription(loader, description);
    }
    if (loader)
        MFXUnload(loader);
}

/* ---- VA-API ---- */
static const char *profile_codec(VAProfile profile, unsigned *bits)
{
    *bits = profile == VAProfileHEVCMain10 || profile == VAProfileVP9Profile2 ? 10 : 8;
    switch (profile) {
    case VAProfileH264ConstrainedBaseline:
    case VAProfileH264Main:
    case VAProfileH264High:
        return "h264";
    case VAProfileHEVCMain:
    case VAProfileHEVCMain10:
        return "hevc";
    case VAProfileAV1Profile0:
        return "av1";
    case VAProfileMPEG2Simple:
    case VAProfileMPEG2Main:
        return "mpeg2";
    case VAProfileJPEGBaseline:
        return "jpeg";
    case VAProfileVP9Profile0:
    case VAProfileVP9Profile2:
        return "vp9";
    default:
        return NULL;
    }
}

static void add_entrypoint(struct accelerator_found *found, VADisplay display, VAProfile profile,
                           VAEntrypoint entrypoint)
{
    bool encodes = entrypoint == VAEntrypointEncSlice || entrypoint == VAEntrypointEncSliceLP ||
                   entrypoint == VAEntrypointEncPicture;
    VAConfigAttrib sizes[] = { { .type = VAConfigAttribMaxPictureWidth }, { .type = VAConfigAttribMaxPictureHeight } };
    unsigned bits;
    const char *codec = profile_codec(profile, &bits);

    if (!codec || (!encodes && entrypoint != VAEntrypointVLD))
        return;
    struct accelerator_coder *coder = encodes ? coder_of(found->encoders, &found->encoder_count, codec, bits)
                                              : coder_of(found->decoders, &found->decoder_count, codec, bits);
    if (!coder)
        return;
    add_format(coder, bits == 10 ? MFX_FOURCC_P010 : MFX_FOURCC_NV12);
    if (vaGetConfigAttributes(display, profile, entrypoint, sizes, 2) != VA_STATUS_SUCCESS)
        return;
    mfxRange32U width = { .Max = sizes[0].value }, height = { .Max = sizes[1].value };
    if (width.Max != VA_ATTRIB_NOT_SUPPORTED && height.Max != VA_ATTRIB_NOT_SUPPORTED)
        widen(coder, &width, &height);
}

static void list_profiles(struct accelerator_found *found, VADisplay display)
{
    VAProfile profiles[PROFILES_MAX];
    VAEntrypoint entrypoints[ENTRYPOINTS_MAX];
    int profile_count = 0, entrypoint_count;

    if (vaMaxNumProfiles(display) > PROFILES_MAX || vaMaxNumEntrypoints(display) > ENTRYPOINTS_MAX ||
        vaQueryConfigProfiles(display, profiles, &profile_count) != VA_STATUS_SUCCESS)
        return;
    for (int p = 0; p < profile_count; p++) {
        if (vaQueryConfigEntrypoints(display, profiles[p], entrypoints, &entrypoint_count) != VA_STATUS_SUCCESS)
            continue;
        for (int e = 0; e < entrypoint_count; e++)
            add_entrypoint(found, display, profiles[p], entrypoints[e]);
    }
}

static void list_vaapi(struct accelerator_list *list, const struct gpu *gpu)
{
    int major, minor, device = open(gpu->device, O_RDWR | O_CLOEXEC);
    VADisplay display = device >= 0 ? vaGetDisplayDRM(device) : NULL;

    if (display && list->count < ACCELERATORS_MAX && vaInitialize(display, &major, &minor) == VA_STATUS_SUCCESS) {
        struct accelerator_found *found = &list->found[list->count++];
        const char *vendor = vaQueryVendorString(display);
        snprintf(found->name, sizeof found->name, "%.100s", vendor ? vendor : "a driver without a name");
        found->kind = "VA-API";
        found->hardware = true;
        found->vendor = gpu->vendor;
        found->node = gpu->node;
        snprintf(found->device, sizeof found->device, "%.120s", gpu->device);
        list_profiles(found, display);
        found->hdr10_to_sdr = va_tones_mapped(display);
    }
    if (display)
        vaTerminate(display);
    if (device >= 0)
        close(device);
}

/* The software driver beside the program, where it is. */
static void list_software_vaapi(struct accelerator_list *list)
{
    struct va_display *display = NULL;
    struct error err = { 0 };

    if (list->count == ACCELERATORS_MAX || va_display_create(&display, &(struct va_display_settings){ 0 }, &err) < 0)
        return;
    struct accelerator_found *found = &list->found[list->count++];
    snprintf(found->name, sizeof found->name, "%.100s", vaQueryVendorString(va_display_handle(display)));
    found->kind = "VA-API";
    found->node = -1;
    list_profiles(found, va_display_handle(display));
    found->hdr10_to_sdr = va_tones_mapped(va_display_handle(display));
    va_display_destroy(display);
}

struct accelerator_list *accelerator_list_create(void)
{
    struct accelerator_list *list = calloc(1, sizeof *list);
    struct gpu gpus[GPUS_MAX];

    if (!list)
        return NULL;
    unsigned count = gpu_list(gpus, GPUS_MAX, "/sys/class/drm", "/dev/dri");
    list_onevpl(list, gpus, count);
    for (unsigned i = 0; i < count; i++)
        list_vaapi(list, &gpus[i]);
    list_software_vaapi(list);
    return list;
}

void accelerator_list_destroy(struct accelerator_list *list)
{
    free(list);
}
