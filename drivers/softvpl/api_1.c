/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_1.c - functions of API 1.x that 2.x has no longer. The old dispatcher (libmfx.so.1, which ffmpeg and GStreamer of
 * their time link) passes over a runtime that lacks one of them. What they did was left out by hardware runtimes too:
 * plugins, split encoding (ENC and PAK), a scheduler that applications drive. The headers of 2.x do not have them. */
#include "drivers/softvpl/vpl.h"

#define EXPORT __attribute__((visibility("default")))

/* Every one of them: NAME(session, what is not looked at). */
#define ABSENT(name, ...)                                                                                              \
    EXPORT mfxStatus name(mfxSession session __VA_OPT__(, ) __VA_ARGS__);                                              \
    EXPORT mfxStatus name(mfxSession session __VA_OPT__(, ) __VA_ARGS__)                                               \
    {                                                                                                                  \
        return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;                                                 \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"

ABSENT(MFXDoWork)
ABSENT(MFXVideoCORE_SetBufferAllocator, void *allocator)
ABSENT(MFXVideoVPP_RunFrameVPPAsyncEx, mfxFrameSurface1 *in, mfxFrameSurface1 *work, mfxFrameSurface1 **out,
       mfxSyncPoint *point)

ABSENT(MFXVideoUSER_Register, mfxU32 type, const void *plugin)
ABSENT(MFXVideoUSER_Unregister, mfxU32 type)
ABSENT(MFXVideoUSER_GetPlugin, mfxU32 type, void *plugin)
ABSENT(MFXVideoUSER_ProcessFrameAsync, const mfxHDL *in, mfxU32 in_number, const mfxHDL *out, mfxU32 out_number,
       mfxSyncPoint *point)

ABSENT(MFXVideoENC_Query, mfxVideoParam *in, mfxVideoParam *out)
ABSENT(MFXVideoENC_QueryIOSurf, mfxVideoParam *par, mfxFrameAllocRequest *request)
ABSENT(MFXVideoENC_Init, mfxVideoParam *par)
ABSENT(MFXVideoENC_Reset, mfxVideoParam *par)
ABSENT(MFXVideoENC_Close)
ABSENT(MFXVideoENC_GetVideoParam, mfxVideoParam *par)
ABSENT(MFXVideoENC_ProcessFrameAsync, void *in, void *out, mfxSyncPoint *point)

ABSENT(MFXVideoPAK_Query, mfxVideoParam *in, mfxVideoParam *out)
ABSENT(MFXVideoPAK_QueryIOSurf, mfxVideoParam *par, mfxFrameAllocRequest request[2])
ABSENT(MFXVideoPAK_Init, mfxVideoParam *par)
ABSENT(MFXVideoPAK_Reset, mfxVideoParam *par)
ABSENT(MFXVideoPAK_Close)
ABSENT(MFXVideoPAK_GetVideoParam, mfxVideoParam *par)
ABSENT(MFXVideoPAK_ProcessFrameAsync, void *in, void *out, mfxSyncPoint *point)
