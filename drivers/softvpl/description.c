/* SPDX-License-Identifier: GPL-2.0-or-later */
/* description.c - what MFXQueryImplsDescription tells: one const tree, since the runtime is the same on every machine.
 *
 * The dispatcher hands the pointers of this tree to applications as they are, so nothing is allocated and release has
 * nothing to do. The structures of oneVPL have no const; nobody writes to them. */
#include "drivers/softvpl/vpl.h"

#include <stddef.h>

#include "drivers/softvpl/parameters.h"

#define EXPORT       __attribute__((visibility("default")))
#define COUNT(array) (mfxU16)(sizeof(array) / sizeof((array)[0]))
#define SIZES                                                                                                          \
    {                                                                                                                  \
        16, FRAME_SIZE_MAX, 2                                                                                          \
    }

/* clang-format off */
static const mfxU32 nv12[] = { MFX_FOURCC_NV12 };
/* What the profiles of the codecs can hold. */
static const mfxU32 nv12_p010[] = { MFX_FOURCC_NV12, MFX_FOURCC_P010 };
static const mfxU32 nv12_yuy2[] = { MFX_FOURCC_NV12, MFX_FOURCC_YUY2 };
static const mfxU32 all_decoded[] = { MFX_FOURCC_NV12, MFX_FOURCC_P010, MFX_FOURCC_YUY2, MFX_FOURCC_Y210 };
static const mfxU32 picture_formats[] = { MFX_FOURCC_NV12, MFX_FOURCC_IYUV, MFX_FOURCC_YV12, MFX_FOURCC_YUY2,
                                          MFX_FOURCC_UYVY, MFX_FOURCC_RGB4, MFX_FOURCC_BGR4, MFX_FOURCC_P010,
                                          MFX_FOURCC_Y210 };

#define DECODE_MEMORY(name, formats)                                                                                   \
    static const struct decmemdesc name[] = {                                                                          \
        { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES,                               \
          .NumColorFormats = COUNT(formats), .ColorFormats = (mfxU32 *)(formats) },                                    \
    }
DECODE_MEMORY(memory_nv12, nv12);
DECODE_MEMORY(memory_ten, nv12_p010);
DECODE_MEMORY(memory_wide, nv12_yuy2);
DECODE_MEMORY(memory_all, all_decoded);
#define DECODE_PROFILE(profile, memory)                                                                                \
    { .Profile = (profile), .NumMemTypes = 1, .MemDesc = (struct decmemdesc *)(memory) }
static const struct decprofile decode_avc[] = {
    DECODE_PROFILE(MFX_PROFILE_AVC_BASELINE, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_AVC_CONSTRAINED_BASELINE, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_AVC_MAIN, memory_nv12), DECODE_PROFILE(MFX_PROFILE_AVC_HIGH, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_AVC_CONSTRAINED_HIGH, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_AVC_PROGRESSIVE_HIGH, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_AVC_HIGH10, memory_ten), DECODE_PROFILE(MFX_PROFILE_AVC_HIGH_422, memory_all),
};
static const struct decprofile decode_hevc[] = {
    DECODE_PROFILE(MFX_PROFILE_HEVC_MAIN, memory_nv12), DECODE_PROFILE(MFX_PROFILE_HEVC_MAINSP, memory_nv12),
    DECODE_PROFILE(MFX_PROFILE_HEVC_MAIN10, memory_ten), DECODE_PROFILE(MFX_PROFILE_HEVC_REXT, memory_all),
};
static const struct decprofile decode_mpeg2[] = { DECODE_PROFILE(MFX_PROFILE_MPEG2_SIMPLE, memory_nv12),
                                                  DECODE_PROFILE(MFX_PROFILE_MPEG2_MAIN, memory_nv12),
                                                  DECODE_PROFILE(MFX_PROFILE_MPEG2_HIGH, memory_wide) };
static const struct decprofile decode_av1[] = { DECODE_PROFILE(MFX_PROFILE_AV1_MAIN, memory_ten) };
static const struct decprofile decode_jpeg[] = { DECODE_PROFILE(MFX_PROFILE_JPEG_BASELINE, memory_wide) };
static const struct decoder decoders[] = {
    { .CodecID = MFX_CODEC_AVC, .MaxcodecLevel = MFX_LEVEL_AVC_62, .NumProfiles = COUNT(decode_avc),
      .Profiles = (struct decprofile *)decode_avc },
    { .CodecID = MFX_CODEC_HEVC, .MaxcodecLevel = MFX_LEVEL_HEVC_62, .NumProfiles = COUNT(decode_hevc),
      .Profiles = (struct decprofile *)decode_hevc },
    { .CodecID = MFX_CODEC_AV1, .MaxcodecLevel = MFX_LEVEL_AV1_63, .NumProfiles = COUNT(decode_av1),
      .Profiles = (struct decprofile *)decode_av1 },
    { .CodecID = MFX_CODEC_JPEG, .NumProfiles = COUNT(decode_jpeg), .Profiles = (struct decprofile *)decode_jpeg },
    { .CodecID = MFX_CODEC_MPEG2, .MaxcodecLevel = MFX_LEVEL_MPEG2_HIGH, .NumProfiles = COUNT(decode_mpeg2),
      .Profiles = (struct decprofile *)decode_mpeg2 },
};

static const struct encmemdesc encode_memory[] = {
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES, .NumColorFormats = COUNT(nv12),
      .ColorFormats = (mfxU32 *)nv12 },
};
#define ENCODE_PROFILE(profile) { .Profile = (profile), .NumMemTypes = 1, .MemDesc = (struct encmemdesc *)encode_memory }
static const struct encprofile encode_avc[] = {
    ENCODE_PROFILE(MFX_PROFILE_AVC_BASELINE), ENCODE_PROFILE(MFX_PROFILE_AVC_CONSTRAINED_BASELINE),
    ENCODE_PROFILE(MFX_PROFILE_AVC_MAIN), ENCODE_PROFILE(MFX_PROFILE_AVC_HIGH),
    ENCODE_PROFILE(MFX_PROFILE_AVC_CONSTRAINED_HIGH), ENCODE_PROFILE(MFX_PROFILE_AVC_PROGRESSIVE_HIGH),
};
static const mfxU32 p010[] = { MFX_FOURCC_P010 };
static const mfxU32 y210[] = { MFX_FOURCC_Y210 };
#define ENCODE_MEMORY(formats)                                                                                         \
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES, .NumColorFormats = COUNT(formats), \
      .ColorFormats = (mfxU32 *)(formats) }
static const struct encmemdesc encode_memory_10[] = { ENCODE_MEMORY(p010) };
static const struct encmemdesc encode_memory_422[] = { ENCODE_MEMORY(y210) };
static const struct encprofile encode_hevc[] = {
    ENCODE_PROFILE(MFX_PROFILE_HEVC_MAIN),
    { .Profile = MFX_PROFILE_HEVC_MAIN10, .NumMemTypes = 1, .MemDesc = (struct encmemdesc *)encode_memory_10 },
    { .Profile = MFX_PROFILE_HEVC_REXT, .NumMemTypes = 1, .MemDesc = (struct encmemdesc *)encode_memory_422 },
};
static const struct encmemdesc encode_memory_both[] = { /* SVT-AV1 takes no smaller pictures */
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = { 64, FRAME_SIZE_MAX, 2 },
      .Height = { 64, FRAME_SIZE_MAX, 2 }, .NumColorFormats = COUNT(nv12_p010), .ColorFormats = (mfxU32 *)nv12_p010 },
};
static const struct encprofile encode_av1[] = {
    { .Profile = MFX_PROFILE_AV1_MAIN, .NumMemTypes = 1, .MemDesc = (struct encmemdesc *)encode_memory_both },
};
static const struct encprofile encode_jpeg[] = { ENCODE_PROFILE(MFX_PROFILE_JPEG_BASELINE) };
static const struct encoder encoders[] = {
    { .CodecID = MFX_CODEC_AVC, .MaxcodecLevel = MFX_LEVEL_AVC_62, .BiDirectionalPrediction = 1,
      .NumProfiles = COUNT(encode_avc), .Profiles = (struct encprofile *)encode_avc },
    { .CodecID = MFX_CODEC_HEVC, .MaxcodecLevel = MFX_LEVEL_HEVC_62, .BiDirectionalPrediction = 1,
      .NumProfiles = COUNT(encode_hevc), .Profiles = (struct encprofile *)encode_hevc },
    { .CodecID = MFX_CODEC_AV1, .MaxcodecLevel = MFX_LEVEL_AV1_63, .BiDirectionalPrediction = 1,
      .NumProfiles = COUNT(encode_av1), .Profiles = (struct encprofile *)encode_av1 },
    { .CodecID = MFX_CODEC_JPEG, .NumProfiles = COUNT(encode_jpeg), .Profiles = (struct encprofile *)encode_jpeg },
};

#define PICTURE_FORMAT(in) { .InFormat = (in), .NumOutFormat = COUNT(picture_formats),                                 \
                             .OutFormats = (mfxU32 *)picture_formats }
static const struct format all_formats[] = {
    PICTURE_FORMAT(MFX_FOURCC_NV12), PICTURE_FORMAT(MFX_FOURCC_IYUV), PICTURE_FORMAT(MFX_FOURCC_YV12),
    PICTURE_FORMAT(MFX_FOURCC_YUY2), PICTURE_FORMAT(MFX_FOURCC_UYVY), PICTURE_FORMAT(MFX_FOURCC_RGB4),
    PICTURE_FORMAT(MFX_FOURCC_BGR4), PICTURE_FORMAT(MFX_FOURCC_P010), PICTURE_FORMAT(MFX_FOURCC_Y210),
};
static const struct format filter_formats[] = { PICTURE_FORMAT(MFX_FOURCC_NV12), PICTURE_FORMAT(MFX_FOURCC_IYUV),
                                                PICTURE_FORMAT(MFX_FOURCC_YV12), PICTURE_FORMAT(MFX_FOURCC_P010),
                                                PICTURE_FORMAT(MFX_FOURCC_Y210) };
/* Composition: what lies below, and pictures with alpha above it. */
static const mfxU32 composed[] = { MFX_FOURCC_NV12, MFX_FOURCC_RGB4 };
static const struct format composed_formats[] = {
    { .InFormat = MFX_FOURCC_NV12, .NumOutFormat = COUNT(nv12), .OutFormats = (mfxU32 *)nv12 },
    { .InFormat = MFX_FOURCC_RGB4, .NumOutFormat = COUNT(composed), .OutFormats = (mfxU32 *)composed },
};
static const struct memdesc compose_memory[] = {
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES,
      .NumInFormats = COUNT(composed_formats), .Formats = (struct format *)composed_formats },
};
static const struct memdesc scale_memory[] = {
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES,
      .NumInFormats = COUNT(all_formats), .Formats = (struct format *)all_formats },
};
static const struct memdesc filter_memory[] = {
    { .MemHandleType = MFX_RESOURCE_SYSTEM_SURFACE, .Width = SIZES, .Height = SIZES,
      .NumInFormats = COUNT(filter_formats), .Formats = (struct format *)filter_formats },
};
static const struct filter filters[] = {
    { .FilterFourCC = MFX_EXTBUFF_VPP_SCALING, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)scale_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_COLOR_CONVERSION, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)scale_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_FRAME_RATE_CONVERSION, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)scale_memory },
    { .FilterFourCC = MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)scale_memory },
    { .FilterFourCC = MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)scale_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_DENOISE2, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)filter_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_DETAIL, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)filter_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_DEINTERLACING, .MaxDelayInFrames = 1, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)filter_memory },
    { .FilterFourCC = MFX_EXTBUFF_VPP_COMPOSITE, .MaxDelayInFrames = 0, .NumMemTypes = 1,
      .MemDesc = (struct memdesc *)compose_memory },
};

/* Without a display, and on one: surfaces of VA-API are video memory (video_memory.h). */
static const mfxAccelerationMode modes[] = { MFX_ACCEL_MODE_NA, MFX_ACCEL_MODE_VIA_VAAPI };
static const mfxPoolAllocationPolicy policies[] = { MFX_ALLOCATION_OPTIMAL };

static const mfxImplDescription description = {
    .Version = { .Version = MFX_IMPLDESCRIPTION_VERSION },
    .Impl = MFX_IMPL_TYPE_SOFTWARE,
    .AccelerationMode = MFX_ACCEL_MODE_NA,
    .ApiVersion = { .Major = 2, .Minor = 8 },
    .ImplName = "Biplane software runtime",
    .License = "GPL-2.0-or-later",
    .Keywords = "software,CPU,x264,x265,SVT-AV1,libavcodec",
    .VendorID = 0xffff, /* none: there is no device */
    .VendorImplID = 0,
    .Dev = { .Version = { .Version = MFX_DEVICEDESCRIPTION_VERSION }, .MediaAdapterType = MFX_MEDIA_UNKNOWN,
             .DeviceID = "0000" },
    .Dec = { .Version = { .Version = MFX_DECODERDESCRIPTION_VERSION }, .NumCodecs = COUNT(decoders),
             .Codecs = (struct decoder *)decoders },
    .Enc = { .Version = { .Version = MFX_ENCODERDESCRIPTION_VERSION }, .NumCodecs = COUNT(encoders),
             .Codecs = (struct encoder *)encoders },
    .VPP = { .Version = { .Version = MFX_VPPDESCRIPTION_VERSION }, .NumFilters = COUNT(filters),
             .Filters = (struct filter *)filters },
    .AccelerationModeDescription = { .Version = { .Version = MFX_ACCELERATIONMODESCRIPTION_VERSION },
                                     .NumAccelerationModes = COUNT(modes), .Mode = (mfxAccelerationMode *)modes },
    .PoolPolicies = { .Version = { .Version = MFX_POOLPOLICYDESCRIPTION_VERSION }, .NumPoolPolicies = COUNT(policies),
                      .Policy = (mfxPoolAllocationPolicy *)policies },
};
static const mfxHDL handles[] = { (mfxHDL)&description };

static const mfxChar *const function_names[] = {
    "MFXInitialize", "MFXClose", "MFXQueryIMPL", "MFXQueryVersion", "MFXJoinSession", "MFXDisjoinSession",
    "MFXCloneSession", "MFXSetPriority", "MFXGetPriority", "MFXVideoCORE_SetFrameAllocator", "MFXVideoCORE_SetHandle",
    "MFXVideoCORE_GetHandle", "MFXVideoCORE_QueryPlatform", "MFXVideoCORE_SyncOperation", "MFXVideoENCODE_Query",
    "MFXVideoENCODE_QueryIOSurf", "MFXVideoENCODE_Init", "MFXVideoENCODE_Reset", "MFXVideoENCODE_Close",
    "MFXVideoENCODE_GetVideoParam", "MFXVideoENCODE_GetEncodeStat", "MFXVideoENCODE_EncodeFrameAsync",
    "MFXVideoDECODE_Query", "MFXVideoDECODE_DecodeHeader", "MFXVideoDECODE_QueryIOSurf", "MFXVideoDECODE_Init",
    "MFXVideoDECODE_Reset", "MFXVideoDECODE_Close", "MFXVideoDECODE_GetVideoParam", "MFXVideoDECODE_GetDecodeStat",
    "MFXVideoDECODE_SetSkipMode", "MFXVideoDECODE_GetPayload", "MFXVideoDECODE_DecodeFrameAsync", "MFXVideoVPP_Query",
    "MFXVideoVPP_QueryIOSurf", "MFXVideoVPP_Init", "MFXVideoVPP_Reset", "MFXVideoVPP_Close",
    "MFXVideoVPP_GetVideoParam", "MFXVideoVPP_GetVPPStat", "MFXVideoVPP_RunFrameVPPAsync",
    "MFXVideoVPP_ProcessFrameAsync", "MFXMemory_GetSurfaceForVPP", "MFXMemory_GetSurfaceForVPPOut",
    "MFXMemory_GetSurfaceForEncode", "MFXMemory_GetSurfaceForDecode",
};
static const mfxImplementedFunctions functions = { .NumFunctions = COUNT(function_names),
                                                   .FunctionsName = (mfxChar **)function_names };
static const mfxHDL function_handles[] = { (mfxHDL)&functions };
/* clang-format on */

EXPORT mfxHDL *MFXQueryImplsDescription(mfxImplCapsDeliveryFormat format, mfxU32 *count)
{
    if (!count)
        return NULL;
    *count = 1;
    if (format == MFX_IMPLCAPS_IMPLDESCSTRUCTURE)
        return (mfxHDL *)handles;
    if (format == MFX_IMPLCAPS_IMPLEMENTEDFUNCTIONS)
        return (mfxHDL *)function_handles;
    *count = 0;
    return NULL;
}

EXPORT mfxStatus MFXReleaseImplDescription(mfxHDL handle)
{
    (void)handle;
    return MFX_ERR_NONE;
}
