/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STATE_VERSION = 1 };

static json_t *variant_json(const struct hls_variant *variant)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "codecs", variant->codecs, "peak_bitrate",
                     (json_int_t)variant->peak_bitrate, "average_bitrate", (json_int_t)variant->average_bitrate,
                     "width", (json_int_t)variant->width, "height", (json_int_t)variant->height, "framerate_numerator",
                     (json_int_t)variant->framerate_numerator, "framerate_denominator",
                     (json_int_t)variant->framerate_denominator);
}

static int read_variant(const json_t *json, struct hls_variant *variant)
{
    const char *codecs;
    json_int_t peak, average, width, height, numerator, denominator;
    if (json_unpack((json_t *)json, "{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "codecs", &codecs, "peak_bitrate", &peak,
                    "average_bitrate", &average, "width", &width, "height", &height, "framerate_numerator", &numerator,
                    "framerate_denominator", &denominator) < 0)
        return -EBADMSG;
    const json_int_t all[] = { peak, average, width, height, numerator, denominator };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] < 0 || all[i] > UINT32_MAX)
            return -EBADMSG;
    if (strlen(codecs) >= sizeof variant->codecs || strpbrk(codecs, "\"\r\n"))
        return -EBADMSG;
    *variant = (struct hls_variant){
        .peak_bitrate = (uint32_t)peak,
        .average_bitrate = (uint32_t)average,
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .framerate_numerator = (uint32_t)numerator,
        .framerate_denominator = (uint32_t)denominator,
    };
    strcpy(variant->codecs, codecs);
    return 0;
}

json_t *publisher_state_json(const struct publisher_output *const *outputs, unsigned count, const char *url,
                             bool finished)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "name", outputs[i]->name, "stem",
                                              outputs[i]->stem, "format", variant_json(&outputs[i]->variant), "window",
                                              segment_window_json(&outputs[i]->window)));
    return json_pack("{s:i, s:s, s:b, s:o}", "version", STATE_VERSION, "url", url, "finished", finished, "outputs",
                     list);
}

static struct publisher_output *find(struct publisher_output *const *outputs, unsigned count, const char *name,
                                     const char *stem)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(outputs[i]->name, name) == 0 && strcmp(outputs[i]->stem, stem) == 0)
            return outputs[i];
    return NULL;
}

static int read_output(const json_t *json, struct publisher_output *const *outputs, unsigned count, uint64_t now_ns)
{
    const char *name, *stem;
    json_t *format, *window;
    if (json_unpack((json_t *)json, "{s:s, s:s, s:o, s:o}", "name", &name, "stem", &stem, "format", &format, "window",
                    &window) < 0)
        return -EBADMSG;
    struct publisher_output *output = find(outputs, count, name, stem);
    if (!output)
        return 0;
    segment_window_clear(&output->window);
    if (read_variant(format, &output->variant) < 0)
        return -EBADMSG;
    return segment_window_from_json(&output->window, window, now_ns);
}

int publisher_state_read(const json_t *state, struct publisher_output *const *outputs, unsigned count, const char *url,
                         uint64_t now_ns, bool *finished)
{
    const char *saved_url;
    json_t *list, *entry;
    size_t i;
    int version, was_finished, result = 0;

    if (json_unpack((json_t *)state, "{s:i, s:s, s:b, s:o}", "version", &version, "url", &saved_url, "finished",
                    &was_finished, "outputs", &list) < 0 ||
        version != STATE_VERSION || !json_is_array(list))
        return -EBADMSG;
    if (strcmp(saved_url, url) != 0)
        return 0;
    *finished = was_finished;
    json_array_foreach(list, i, entry)
    {
        if (result == 0)
            result = read_output(entry, outputs, count, now_ns);
    }
    for (unsigned o = 0; o < count && result < 0; o++)
        segment_window_clear(&outputs[o]->window);
    return result;
}
