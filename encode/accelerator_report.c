/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/accelerator_report.h"

#include <jansson.h>

#include "drivers/accelerator_list.h"

static json_t *coders_json(const struct accelerator_coder *coders, unsigned count)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < count; i++) {
        json_t *formats = json_array();
        for (unsigned f = 0; f < ACCELERATOR_FORMATS_MAX && coders[i].formats[f][0]; f++)
            json_array_append_new(formats, json_string(coders[i].formats[f]));
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "codec", coders[i].codec, "bit_depth",
                                        (int)coders[i].bits, "width_min", (int)coders[i].width_min, "width_max",
                                        (int)coders[i].width_max, "height_min", (int)coders[i].height_min, "height_max",
                                        (int)coders[i].height_max, "formats", formats));
    }
    return list;
}

static json_t *conversions_json(const struct accelerator_found *found)
{
    const struct {
        bool there;
        const char *word;
    } words[] = { { found->hdr10_to_sdr, "hdr10_to_sdr" },
                  { found->hlg_to_sdr, "hlg_to_sdr" },
                  { found->sdr_to_hdr10, "sdr_to_hdr10" } };
    json_t *list = json_array();

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].there)
            json_array_append_new(list, json_string(words[i].word));
    return list;
}

char *accelerator_report(void)
{
    struct accelerator_list *list = accelerator_list_create();
    json_t *accelerators = json_array();

    for (unsigned i = 0; list && i < list->count; i++) {
        const struct accelerator_found *found = &list->found[i];
        json_t *json = json_pack(
            "{s:s, s:s, s:b, s:s, s:s, s:i, s:o, s:o, s:o}", "name", found->name, "kind", found->kind, "hardware",
            found->hardware, "device", found->device, "vendor", found->vendor ? gpu_vendor_name(found->vendor) : "",
            "node", found->node, "encoders", coders_json(found->encoders, found->encoder_count), "decoders",
            coders_json(found->decoders, found->decoder_count), "converts", conversions_json(found));
        json_array_append_new(accelerators, json);
    }
    accelerator_list_destroy(list);
    json_t *report = json_pack("{s:o}", "accelerators", accelerators);
    char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
    json_decref(report);
    return text;
}
