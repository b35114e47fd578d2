/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colours.c - the numbers are those of ITU-T H.273. */
#include "encode/colours.h"

#include <string.h>

#include "drivers/vpp_colours.h"
#include "encode/job.h"

enum { BT470BG = 5, SMPTE170M = 6, ROWS_625 = 576, VIDEO_FORMAT_UNSAID = 5 };

struct colours colours_of(const mfxExtVideoSignalInfo *signal, const struct light_metadata *light)
{
    struct colours colours = { 0 };

    if (signal) {
        colours.signal = *signal;
        colours.signal.Header = (mfxExtBuffer){ MFX_EXTBUFF_VIDEO_SIGNAL_INFO, sizeof colours.signal };
    }
    if (light)
        colours.light = *light;
    return colours;
}

bool colours_said(const struct colours *colours)
{
    return colours->signal.Header.BufferId != 0;
}

static unsigned transfer_of(const struct colours *colours)
{
    return colours->signal.ColourDescriptionPresent ? colours->signal.TransferCharacteristics : 0;
}

bool colours_are_hdr(const struct colours *colours)
{
    return transfer_of(colours) == VPP_COLOURS_PQ || transfer_of(colours) == VPP_COLOURS_HLG;
}

const char *colours_name(const struct colours *colours)
{
    unsigned transfer = transfer_of(colours);
    return transfer == VPP_COLOURS_PQ ? "HDR (PQ)" : transfer == VPP_COLOURS_HLG ? "HDR (HLG)" : "SDR";
}

static bool same_signal(const mfxExtVideoSignalInfo *a, const mfxExtVideoSignalInfo *b)
{
    return a->VideoFullRange == b->VideoFullRange && a->ColourDescriptionPresent == b->ColourDescriptionPresent &&
           a->ColourPrimaries == b->ColourPrimaries && a->TransferCharacteristics == b->TransferCharacteristics &&
           a->MatrixCoefficients == b->MatrixCoefficients;
}

bool colours_equal(const struct colours *a, const struct colours *b)
{
    uint8_t light_a[LIGHT_METADATA_SEI_BYTES], light_b[LIGHT_METADATA_SEI_BYTES];
    size_t bytes = light_metadata_sei(&a->light, light_a);

    return same_signal(&a->signal, &b->signal) && bytes == light_metadata_sei(&b->light, light_b) &&
           memcmp(light_a, light_b, bytes) == 0;
}

static void describe(struct colour_plan *plan, unsigned primaries, unsigned transfer, unsigned matrix)
{
    const mfxExtVideoSignalInfo signal = { .VideoFormat = VIDEO_FORMAT_UNSAID,
                                           .ColourDescriptionPresent = 1,
                                           .ColourPrimaries = (mfxU16)primaries,
                                           .TransferCharacteristics = (mfxU16)transfer,
                                           .MatrixCoefficients = (mfxU16)matrix };

    plan->out = colours_of(&signal, NULL);
}

static void keep_light_of_pq(struct colour_plan *plan, const struct colours *source)
{
    if (transfer_of(source) == VPP_COLOURS_PQ)
        plan->out.light = source->light;
}

void colour_plan_keep(struct colour_plan *plan, const struct colours *source)
{
    *plan = (struct colour_plan){ .out = *source };
}

void colour_plan_make(struct colour_plan *plan, const struct video_description *description,
                      const struct colours *source, unsigned height)
{
    colour_plan_keep(plan, source);
    plan->converts = plan->all = description->color_space > COLOR_SPACE_PASSTHROUGH;
    switch (description->color_space) {
    case COLOR_SPACE_AUTO: /* of ten bits and nothing said: that may become anything, and is passed on */
        plan->converts = description->bit_depth < 10 || colours_said(source);
        if (description->bit_depth < 10 && colours_are_hdr(source))
            describe(plan, VPP_COLOURS_BT709, VPP_COLOURS_BT709, VPP_COLOURS_BT709);
        break;
    case COLOR_SPACE_REC_601:
        if (height == ROWS_625)
            describe(plan, BT470BG, SMPTE170M, BT470BG);
        else
            describe(plan, SMPTE170M, SMPTE170M, SMPTE170M);
        break;
    case COLOR_SPACE_REC_709:
        describe(plan, VPP_COLOURS_BT709, VPP_COLOURS_BT709, VPP_COLOURS_BT709);
        break;
    case COLOR_SPACE_HDR10:
        describe(plan, VPP_COLOURS_BT2020, VPP_COLOURS_PQ, VPP_COLOURS_BT2020);
        keep_light_of_pq(plan, source);
        break;
    case COLOR_SPACE_HLG_2020:
        describe(plan, VPP_COLOURS_BT2020, VPP_COLOURS_HLG, VPP_COLOURS_BT2020);
        break;
    default:
        break;
    }
}

bool colour_plan_converts(const struct colour_plan *plan, const struct colours *picture)
{
    if (!plan->converts)
        return false;
    if (colours_are_hdr(&plan->out) || colours_are_hdr(picture))
        return transfer_of(&plan->out) != transfer_of(picture) ||
               (plan->all && !same_signal(&plan->out.signal, &picture->signal));
    return plan->all && colours_said(picture) && !same_signal(&plan->out.signal, &picture->signal);
}
