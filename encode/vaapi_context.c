/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vaapi_context.c - one context scales, one encodes, each coded picture has a buffer from the start. */
#include <va/va.h>
#include <va/va_vpp.h>

#include "encode/vaapi_private.h"

enum { CODED_SPARE = 1 << 16 };

static int make_scaler(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    /* whole blocks: the same for every picture, whoever has made its surface */
    struct vaapi_format format = { plan->fourcc, plan->rt_format, plan->coded_width, plan->coded_height };
    VAStatus status =
        vaCreateConfig(encoder->va, VAProfileNone, VAEntrypointVideoProc, NULL, 0, &encoder->scale_config);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_failed(encoder, "scaling", status, err);
    status = vaCreateContext(encoder->va, encoder->scale_config, (int)plan->width, (int)plan->height, VA_PROGRESSIVE,
                             NULL, 0, &encoder->scale_context);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_failed(encoder, "scaling", status, err);
    encoder->own = vaapi_pool_create(encoder->va, &format, VAAPI_OWN);
    if (!encoder->own)
        return vaapi_failed(encoder, "surfaces", VA_STATUS_ERROR_ALLOCATION_FAILED, err);
    return 0;
}

static int make_coding(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    VAStatus status =
        vaCreateContext(encoder->va, encoder->encode_config, (int)plan->coded_width, (int)plan->coded_height,
                        VA_PROGRESSIVE, encoder->reconstructed, VAAPI_RECONSTRUCTED, &encoder->context);
    unsigned bytes = plan->coded_width * plan->coded_height * (plan->bit_depth > 8 ? 3 : 2) + CODED_SPARE;

    if (status != VA_STATUS_SUCCESS)
        return vaapi_failed(encoder, "encoding", status, err);
    for (unsigned i = 0; i < VAAPI_TASKS; i++) {
        status = vaCreateBuffer(encoder->va, encoder->context, VAEncCodedBufferType, bytes, 1, NULL,
                                &encoder->tasks[i].coded);
        if (status != VA_STATUS_SUCCESS)
            return vaapi_failed(encoder, "coded buffers", status, err);
    }
    encoder->place = (struct vaapi_place){ 0 };
    encoder->broken = true; /* the first picture stands alone */
    return 0;
}

static void drop_coding(struct vaapi_encoder *encoder)
{
    for (unsigned i = 0; i < VAAPI_TASKS; i++) {
        if (encoder->tasks[i].coded != VA_INVALID_ID)
            vaDestroyBuffer(encoder->va, encoder->tasks[i].coded);
        encoder->tasks[i].coded = VA_INVALID_ID;
    }
    if (encoder->context != VA_INVALID_ID)
        vaDestroyContext(encoder->va, encoder->context);
    encoder->context = VA_INVALID_ID;
}

static int make_encoder(struct vaapi_encoder *encoder, struct error *err)
{
    const struct vaapi_plan *plan = &encoder->plan;
    VAConfigAttrib attributes[] = { { VAConfigAttribRTFormat, plan->rt_format },
                                    { VAConfigAttribRateControl, plan->rate_control },
                                    { VAConfigAttribEncPackedHeaders, VA_ENC_PACKED_HEADER_RAW_DATA } };
    VAStatus status = vaCreateConfig(encoder->va, plan->profile, plan->entrypoint, attributes,
                                     plan->raw_headers ? 3 : 2, &encoder->encode_config);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_failed(encoder, "encoding", status, err);
    status = vaCreateSurfaces(encoder->va, plan->rt_format, plan->coded_width, plan->coded_height,
                              encoder->reconstructed, VAAPI_RECONSTRUCTED, NULL, 0);
    if (status != VA_STATUS_SUCCESS) {
        encoder->reconstructed[0] = VA_INVALID_SURFACE;
        return vaapi_failed(encoder, "reference pictures", status, err);
    }
    return make_coding(encoder, err);
}

int vaapi_context_make(struct vaapi_encoder *encoder, struct error *err)
{
    int status = make_scaler(encoder, err);
    return status == 0 ? make_encoder(encoder, err) : status;
}

int vaapi_context_renew(struct vaapi_encoder *encoder, struct error *err)
{
    drop_coding(encoder);
    return make_coding(encoder, err);
}

void vaapi_context_drop(struct vaapi_encoder *encoder)
{
    drop_coding(encoder);
    if (encoder->reconstructed[0] != VA_INVALID_SURFACE)
        vaDestroySurfaces(encoder->va, encoder->reconstructed, VAAPI_RECONSTRUCTED);
    if (encoder->encode_config != VA_INVALID_ID)
        vaDestroyConfig(encoder->va, encoder->encode_config);
    if (encoder->scale_context != VA_INVALID_ID)
        vaDestroyContext(encoder->va, encoder->scale_context);
    if (encoder->scale_config != VA_INVALID_ID)
        vaDestroyConfig(encoder->va, encoder->scale_config);
}
