/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.c - the functions that the dispatcher loads: check the pointers, take the component's mutex, pass on.
 *
 * What the stock dispatcher demands is listed in its mfxvideo_functions.h; a runtime that lacks one of them is passed
 * over without a word. DECODE_VPP has to be there and answers MFX_ERR_UNSUPPORTED. */
#include <stdlib.h>
#include <string.h>

#include "drivers/softvpl/decode.h"
#include "drivers/softvpl/encoder.h"
#include "drivers/softvpl/session.h"
#include "drivers/softvpl/vpp.h"

#define EXPORT __attribute__((visibility("default")))

static const mfxVersion version_2 = { .Major = 2, .Minor = 8 };
static const mfxVersion version_1 = { .Major = 1, .Minor = 35 };

/* ---- session ---------------------------------------------------------------------------------------------------- */

EXPORT mfxStatus MFXInitialize(mfxInitializationParam par, mfxSession *session)
{
    if (!session)
        return MFX_ERR_NULL_PTR;
    if (par.AccelerationMode != MFX_ACCEL_MODE_NA && par.AccelerationMode != MFX_ACCEL_MODE_VIA_VAAPI)
        return MFX_ERR_UNSUPPORTED;
    return session_create(session, version_2, par.ExtParam, par.NumExtParam);
}

/* What an old session may say that it is. MFX_IMPL_UNSUPPORTED: it asks for a GPU, and nobody has allowed it. */
static mfxIMPL implementation_of(mfxIMPL wanted)
{
    const char *hardware = getenv("BIPLANE_SOFTVPL_HARDWARE");
    mfxIMPL base = MFX_IMPL_BASETYPE(wanted);

    if (base == MFX_IMPL_SOFTWARE || base == MFX_IMPL_AUTO || base == MFX_IMPL_AUTO_ANY)
        return MFX_IMPL_SOFTWARE;
    if (base < MFX_IMPL_HARDWARE || base > MFX_IMPL_HARDWARE4 || !hardware || strcmp(hardware, "1"))
        return MFX_IMPL_UNSUPPORTED;
    return MFX_IMPL_HARDWARE;
}

/* Sessions of the old kind speak API 1.35, unless they ask for 2.x: old clients refuse what is newer than they are. */
EXPORT mfxStatus MFXInitEx(mfxInitParam par, mfxSession *session)
{
    if (!session)
        return MFX_ERR_NULL_PTR;
    mfxIMPL implementation = implementation_of(par.Implementation);
    if (implementation == MFX_IMPL_UNSUPPORTED)
        return MFX_ERR_UNSUPPORTED;
    mfxVersion version = par.Version.Major >= 2 ? version_2 : version_1;
    if (par.Version.Major > version.Major || (par.Version.Major == version.Major && par.Version.Minor > version.Minor))
        return MFX_ERR_UNSUPPORTED;
    mfxStatus status = session_create(session, version, par.ExtParam, par.NumExtParam);
    if (status == MFX_ERR_NONE)
        (*session)->implementation = implementation;
    return status;
}

EXPORT mfxStatus MFXInit(mfxIMPL implementation, mfxVersion *version, mfxSession *session)
{
    mfxInitParam par = { .Implementation = implementation };
    if (version)
        par.Version = *version;
    return MFXInitEx(par, session);
}

EXPORT mfxStatus MFXClose(mfxSession session)
{
    return session ? session_close(session) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXQueryIMPL(mfxSession session, mfxIMPL *implementation)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!implementation)
        return MFX_ERR_NULL_PTR;
    *implementation = session->implementation | (session->va_display ? MFX_IMPL_VIA_VAAPI : 0);
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXQueryVersion(mfxSession session, mfxVersion *version)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!version)
        return MFX_ERR_NULL_PTR;
    *version = session->version;
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXJoinSession(mfxSession session, mfxSession child)
{
    return session && child ? session_join(session, child) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXDisjoinSession(mfxSession session)
{
    return session ? session_disjoin(session) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXCloneSession(mfxSession session, mfxSession *clone)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!clone)
        return MFX_ERR_NULL_PTR;
    mfxStatus status = session_create(clone, session->version, NULL, 0);
    if (status == MFX_ERR_NONE) {
        (*clone)->threads = session->threads;
        (*clone)->implementation = session->implementation;
    }
    return status;
}

EXPORT mfxStatus MFXSetPriority(mfxSession session, mfxPriority priority)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (priority > MFX_PRIORITY_HIGH)
        return MFX_ERR_UNSUPPORTED;
    session->priority = priority; /* a note: the kernel schedules */
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXGetPriority(mfxSession session, mfxPriority *priority)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!priority)
        return MFX_ERR_NULL_PTR;
    *priority = session->priority;
    return MFX_ERR_NONE;
}

/* ---- core ------------------------------------------------------------------------------------------------------- */

EXPORT mfxStatus MFXVideoCORE_SetFrameAllocator(mfxSession session, mfxFrameAllocator *allocator)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (allocator && (!allocator->Lock || !allocator->Unlock))
        return MFX_ERR_NULL_PTR;
    if (session->decoder || session->vpp || session->encoder)
        return MFX_ERR_UNDEFINED_BEHAVIOR; /* workers may be using the old one */
    session->has_allocator = allocator != NULL;
    if (allocator)
        session->allocator = *allocator;
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXVideoCORE_SetHandle(mfxSession session, mfxHandleType type, mfxHDL handle)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!handle)
        return MFX_ERR_INVALID_HANDLE;
    if (type != MFX_HANDLE_VA_DISPLAY)
        return MFX_ERR_UNSUPPORTED;
    if (session->va_display)
        return MFX_ERR_UNDEFINED_BEHAVIOR;
    session->va_display = handle; /* kept for GetHandle; nothing here needs a device */
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXVideoCORE_GetHandle(mfxSession session, mfxHandleType type, mfxHDL *handle)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!handle)
        return MFX_ERR_NULL_PTR;
    if (type != MFX_HANDLE_VA_DISPLAY)
        return MFX_ERR_UNSUPPORTED;
    *handle = session->va_display;
    return *handle ? MFX_ERR_NONE : MFX_ERR_NOT_FOUND;
}

EXPORT mfxStatus MFXVideoCORE_QueryPlatform(mfxSession session, mfxPlatform *platform)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!platform)
        return MFX_ERR_NULL_PTR;
    memset(platform, 0, sizeof *platform);
    platform->MediaAdapterType = MFX_MEDIA_UNKNOWN;
    return MFX_ERR_NONE;
}

EXPORT mfxStatus MFXVideoCORE_SyncOperation(mfxSession session, mfxSyncPoint point, mfxU32 wait)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!point)
        return MFX_ERR_NULL_PTR;
    return task_wait(session->tasks, point, wait);
}

/* ---- the components: handle, pointers, mutex, call -------------------------------------------------------------- */

#define CALL(mutex, component, pointers_good, call)                                                                    \
    do {                                                                                                               \
        if (!session)                                                                                                  \
            return MFX_ERR_INVALID_HANDLE;                                                                             \
        if (!(pointers_good))                                                                                          \
            return MFX_ERR_NULL_PTR;                                                                                   \
        pthread_mutex_lock(&session->mutex);                                                                           \
        mfxStatus status = MFX_ERR_NOT_INITIALIZED;                                                                    \
        if (session->component)                                                                                        \
            status = (call);                                                                                           \
        pthread_mutex_unlock(&session->mutex);                                                                         \
        return status;                                                                                                 \
    } while (0)

/* The same for frames: what a lost device answers comes first. */
#define SUBMIT(mutex, component, name, pointers_good, call)                                                            \
    CALL(mutex, component, pointers_good, (status = session_submit(session, name)) != MFX_ERR_NONE ? status : (call))

/* A hung device lets its component go. */
#define CLOSE(mutex, component, call) CALL(mutex, component, true, (session_mend(session), call, MFX_ERR_NONE))

#define CALL_WITHOUT(mutex, call)                                                                                      \
    do {                                                                                                               \
        pthread_mutex_lock(&session->mutex);                                                                           \
        mfxStatus status = (call);                                                                                     \
        pthread_mutex_unlock(&session->mutex);                                                                         \
        return status;                                                                                                 \
    } while (0)

EXPORT mfxStatus MFXVideoDECODE_Query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    return session ? decode_query(session, in, out) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_DecodeHeader(mfxSession session, mfxBitstream *bitstream, mfxVideoParam *par)
{
    return session ? decode_header(session, bitstream, par) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_QueryIOSurf(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request)
{
    return session ? decode_query_surfaces(session, par, request) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_Init(mfxSession session, mfxVideoParam *par)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!par)
        return MFX_ERR_NULL_PTR;
    CALL_WITHOUT(decode_mutex, decoder_create(session, par));
}

EXPORT mfxStatus MFXVideoDECODE_Reset(mfxSession session, mfxVideoParam *par)
{
    CALL(decode_mutex, decoder, par, decoder_reset(session->decoder, par));
}

EXPORT mfxStatus MFXVideoDECODE_Close(mfxSession session)
{
    CLOSE(decode_mutex, decoder, decoder_destroy(session->decoder));
}

EXPORT mfxStatus MFXVideoDECODE_GetVideoParam(mfxSession session, mfxVideoParam *par)
{
    CALL(decode_mutex, decoder, par, decoder_get_parameters(session->decoder, par));
}

EXPORT mfxStatus MFXVideoDECODE_GetDecodeStat(mfxSession session, mfxDecodeStat *statistics)
{
    CALL(decode_mutex, decoder, statistics, decoder_get_statistics(session->decoder, statistics));
}

EXPORT mfxStatus MFXVideoDECODE_SetSkipMode(mfxSession session, mfxSkipMode mode)
{
    CALL(decode_mutex, decoder, true, decoder_set_skip_mode(session->decoder, mode));
}

EXPORT mfxStatus MFXVideoDECODE_GetPayload(mfxSession session, mfxU64 *time_stamp, mfxPayload *payload)
{
    CALL(decode_mutex, decoder, time_stamp && payload, decoder_get_payload(session->decoder, time_stamp, payload));
}

EXPORT mfxStatus MFXVideoDECODE_DecodeFrameAsync(mfxSession session, mfxBitstream *bitstream, mfxFrameSurface1 *work,
                                                 mfxFrameSurface1 **out, mfxSyncPoint *point)
{
    SUBMIT(decode_mutex, decoder, FAULT_DECODE, out && point,
           decoder_decode(session->decoder, bitstream, work, out, point));
}

EXPORT mfxStatus MFXMemory_GetSurfaceForDecode(mfxSession session, mfxFrameSurface1 **surface)
{
    CALL(decode_mutex, decoder, surface, decoder_get_surface(session->decoder, surface));
}

EXPORT mfxStatus MFXVideoVPP_Query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    return session ? vpp_query(session, in, out) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoVPP_QueryIOSurf(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest request[2])
{
    return session ? vpp_query_surfaces(session, par, request) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoVPP_Init(mfxSession session, mfxVideoParam *par)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!par)
        return MFX_ERR_NULL_PTR;
    CALL_WITHOUT(vpp_mutex, vpp_create(session, par));
}

EXPORT mfxStatus MFXVideoVPP_Reset(mfxSession session, mfxVideoParam *par)
{
    CALL(vpp_mutex, vpp, par, vpp_reset(session->vpp, par));
}

EXPORT mfxStatus MFXVideoVPP_Close(mfxSession session)
{
    CLOSE(vpp_mutex, vpp, vpp_destroy(session->vpp));
}

EXPORT mfxStatus MFXVideoVPP_GetVideoParam(mfxSession session, mfxVideoParam *par)
{
    CALL(vpp_mutex, vpp, par, vpp_get_parameters(session->vpp, par));
}

EXPORT mfxStatus MFXVideoVPP_GetVPPStat(mfxSession session, mfxVPPStat *statistics)
{
    CALL(vpp_mutex, vpp, statistics, vpp_get_statistics(session->vpp, statistics));
}

EXPORT mfxStatus MFXVideoVPP_RunFrameVPPAsync(mfxSession session, mfxFrameSurface1 *in, mfxFrameSurface1 *out,
                                              mfxExtVppAuxData *auxiliary, mfxSyncPoint *point)
{
    SUBMIT(vpp_mutex, vpp, FAULT_VPP, point, vpp_run(session->vpp, in, out, auxiliary, point));
}

EXPORT mfxStatus MFXVideoVPP_ProcessFrameAsync(mfxSession session, mfxFrameSurface1 *in, mfxFrameSurface1 **out)
{
    SUBMIT(vpp_mutex, vpp, FAULT_VPP, out, vpp_process(session->vpp, in, out));
}

EXPORT mfxStatus MFXMemory_GetSurfaceForVPP(mfxSession session, mfxFrameSurface1 **surface)
{
    CALL(vpp_mutex, vpp, surface, vpp_get_surface(session->vpp, false, surface));
}

EXPORT mfxStatus MFXMemory_GetSurfaceForVPPOut(mfxSession session, mfxFrameSurface1 **surface)
{
    CALL(vpp_mutex, vpp, surface, vpp_get_surface(session->vpp, true, surface));
}

EXPORT mfxStatus MFXVideoENCODE_Query(mfxSession session, mfxVideoParam *in, mfxVideoParam *out)
{
    return session ? encode_query(session, in, out) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoENCODE_QueryIOSurf(mfxSession session, mfxVideoParam *par, mfxFrameAllocRequest *request)
{
    return session ? encode_query_surfaces(session, par, request) : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoENCODE_Init(mfxSession session, mfxVideoParam *par)
{
    if (!session)
        return MFX_ERR_INVALID_HANDLE;
    if (!par)
        return MFX_ERR_NULL_PTR;
    CALL_WITHOUT(encode_mutex, encoder_create(session, par));
}

EXPORT mfxStatus MFXVideoENCODE_Reset(mfxSession session, mfxVideoParam *par)
{
    CALL(encode_mutex, encoder, par, encoder_reset(session->encoder, par));
}

EXPORT mfxStatus MFXVideoENCODE_Close(mfxSession session)
{
    CLOSE(encode_mutex, encoder, encoder_destroy(session->encoder));
}

EXPORT mfxStatus MFXVideoENCODE_GetVideoParam(mfxSession session, mfxVideoParam *par)
{
    CALL(encode_mutex, encoder, par, encoder_get_parameters(session->encoder, par));
}

EXPORT mfxStatus MFXVideoENCODE_GetEncodeStat(mfxSession session, mfxEncodeStat *statistics)
{
    CALL(encode_mutex, encoder, statistics, encoder_get_statistics(session->encoder, statistics));
}

EXPORT mfxStatus MFXVideoENCODE_EncodeFrameAsync(mfxSession session, mfxEncodeCtrl *control, mfxFrameSurface1 *surface,
                                                 mfxBitstream *bitstream, mfxSyncPoint *point)
{
    SUBMIT(encode_mutex, encoder, FAULT_ENCODE, point,
           encoder_encode(session->encoder, control, surface, bitstream, point));
}

EXPORT mfxStatus MFXMemory_GetSurfaceForEncode(mfxSession session, mfxFrameSurface1 **surface)
{
    CALL(encode_mutex, encoder, surface, encoder_get_surface(session->encoder, surface));
}

/* ---- decode and VPP in one: not here ---------------------------------------------------------------------------- */

EXPORT mfxStatus MFXVideoDECODE_VPP_Init(mfxSession session, mfxVideoParam *decode, mfxVideoChannelParam **channels,
                                         mfxU32 count)
{
    (void)decode;
    (void)channels;
    (void)count;
    return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_VPP_DecodeFrameAsync(mfxSession session, mfxBitstream *bitstream, mfxU32 *skip,
                                                     mfxU32 skip_count, mfxSurfaceArray **out)
{
    (void)bitstream;
    (void)skip;
    (void)skip_count;
    (void)out;
    return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_VPP_Reset(mfxSession session, mfxVideoParam *decode, mfxVideoChannelParam **channels,
                                          mfxU32 count)
{
    (void)decode;
    (void)channels;
    (void)count;
    return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_VPP_GetChannelParam(mfxSession session, mfxVideoChannelParam *par, mfxU32 channel)
{
    (void)par;
    (void)channel;
    return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;
}

EXPORT mfxStatus MFXVideoDECODE_VPP_Close(mfxSession session)
{
    return session ? MFX_ERR_UNSUPPORTED : MFX_ERR_INVALID_HANDLE;
}
