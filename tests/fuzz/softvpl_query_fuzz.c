/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Query, QueryIOSurf and Init of the software runtime, through the dispatcher: parameters and extension buffers of any
 * content. Whatever Query has corrected, it takes as it is the next time; what Init takes is closed again. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vpl/mfx.h>

#include "drivers/softvpl/softvpl_ext.h"

enum { BUFFERS_MAX = 4, BUFFER_BYTES_MAX = 1024, SIDE_MAX = 128 };

static mfxSession session;

/* libFuzzer's own, allocated through the library of C++ that the dispatcher brings along. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:fuzzer::\n";
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    const char *build = getenv("BUILD");
    char directory[512];

    (void)count;
    (void)arguments;
    snprintf(directory, sizeof directory, "%s/lib", build ? build : "build");
    setenv("ONEVPL_PRIORITY_PATH", directory, 1);
    if (MFXCreateSession(MFXLoad(), 0, &session) != MFX_ERR_NONE) {
        fprintf(stderr, "no runtime in %s\n", directory);
        exit(1);
    }
    return 0;
}

static const struct kind {
    mfxU32 id;
    size_t bytes;
} kinds[] = {
    { MFX_EXTBUFF_CODING_OPTION, sizeof(mfxExtCodingOption) },
    { MFX_EXTBUFF_CODING_OPTION2, sizeof(mfxExtCodingOption2) },
    { MFX_EXTBUFF_CODING_OPTION3, sizeof(mfxExtCodingOption3) },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof(mfxExtVideoSignalInfo) },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO_IN, sizeof(mfxExtVideoSignalInfo) },
    { MFX_EXTBUFF_VIDEO_SIGNAL_INFO_OUT, sizeof(mfxExtVideoSignalInfo) },
    { MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME, sizeof(mfxExtMasteringDisplayColourVolume) },
    { MFX_EXTBUFF_MASTERING_DISPLAY_COLOUR_VOLUME_IN, sizeof(mfxExtMasteringDisplayColourVolume) },
    { MFX_EXTBUFF_CONTENT_LIGHT_LEVEL_INFO, sizeof(mfxExtContentLightLevelInfo) },
    { MFX_EXTBUFF_VPP_SCALING, sizeof(mfxExtVPPScaling) },
    { MFX_EXTBUFF_VPP_DEINTERLACING, sizeof(mfxExtVPPDeinterlacing) },
    { MFX_EXTBUFF_VPP_VIDEO_SIGNAL_INFO, sizeof(mfxExtVPPVideoSignalInfo) },
    { MFX_EXTBUFF_VPP_DENOISE2, sizeof(mfxExtVPPDenoise2) },
    { MFX_EXTBUFF_VPP_FRAME_RATE_CONVERSION, sizeof(mfxExtVPPFrameRateConversion) },
    { MFX_EXTBUFF_AV1_BITSTREAM_PARAM, sizeof(mfxExtAV1BitstreamParam) },
    { MFX_EXTBUFF_HEVC_PARAM, sizeof(mfxExtHEVCParam) },
    { SOFTVPL_EXTBUFF_WORDS, sizeof(struct softvpl_words) },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

struct buffers {
    union {
        mfxExtBuffer head;
        uint8_t bytes[BUFFER_BYTES_MAX];
    } each[BUFFERS_MAX];
    mfxExtBuffer *all[BUFFERS_MAX];
};

static const uint8_t *take(const uint8_t *at, const uint8_t *end, void *to, size_t bytes)
{
    size_t there = (size_t)(end - at) < bytes ? (size_t)(end - at) : bytes;

    memcpy(to, at, there);
    return at + there;
}

static unsigned fill(struct buffers *buffers, const uint8_t *at, const uint8_t *end)
{
    unsigned count = 0;

    memset(buffers, 0, sizeof *buffers);
    for (; at < end && count < BUFFERS_MAX; count++) {
        const struct kind *kind = &kinds[*at++ % KINDS];
        at = take(at, end, buffers->each[count].bytes, kind->bytes);
        buffers->each[count].head = (mfxExtBuffer){ kind->id, (mfxU32)kind->bytes };
        buffers->all[count] = &buffers->each[count].head;
    }
    return count;
}

typedef mfxStatus query(mfxSession, mfxVideoParam *, mfxVideoParam *);

static void ask(query *function, const mfxVideoParam *asked, struct buffers *buffers, unsigned count, bool again)
{
    struct buffers answered = *buffers;
    mfxVideoParam in = *asked, out = *asked;

    for (unsigned i = 0; i < count; i++)
        answered.all[i] = &answered.each[i].head;
    in.ExtParam = buffers->all;
    out.ExtParam = answered.all;
    in.NumExtParam = out.NumExtParam = (mfxU16)count;
    mfxStatus status = function(session, &in, &out);
    if (again && status == MFX_WRN_INCOMPATIBLE_VIDEO_PARAM) {
        out.ExtParam = NULL;
        ask(function, &out, &answered, count, false);
    } else if (!again && status < MFX_ERR_NONE && status != MFX_ERR_UNSUPPORTED) {
        abort(); /* what it has corrected itself */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mfxU32 codecs[] = { MFX_CODEC_AVC, MFX_CODEC_HEVC, MFX_CODEC_AV1, MFX_CODEC_JPEG, MFX_CODEC_MPEG2 };
    query *const functions[] = { MFXVideoENCODE_Query, MFXVideoDECODE_Query, MFXVideoVPP_Query };
    const uint8_t *end = data + size;
    mfxVideoParam par = { 0 };
    struct buffers buffers;

    if (size < 2)
        return 0;
    unsigned which = data[0] % 3, codec = data[1] % (sizeof codecs / sizeof codecs[0] + 1);
    data = take(data + 2, end, &par, sizeof par);
    if (which < 2 && codec < sizeof codecs / sizeof codecs[0])
        par.mfx.CodecId = codecs[codec];
    unsigned count = fill(&buffers, data, end);
    ask(functions[which], &par, &buffers, count, true);
    par.ExtParam = buffers.all;
    par.NumExtParam = (mfxU16)count;
    mfxFrameAllocRequest requests[2];
    if (which == 0) {
        MFXVideoENCODE_QueryIOSurf(session, &par, requests);
    } else if (which == 1) {
        MFXVideoDECODE_QueryIOSurf(session, &par, requests);
    } else {
        MFXVideoVPP_QueryIOSurf(session, &par, requests);
        bool small = par.vpp.In.Width <= SIDE_MAX && par.vpp.Out.Width <= SIDE_MAX;
        if (small && MFXVideoVPP_Init(session, &par) >= MFX_ERR_NONE)
            MFXVideoVPP_Close(session);
    }
    return 0;
}
