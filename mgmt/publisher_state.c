/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher_state.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { STATE_VERSION = 2 };

/* The numbers of a format, as they are kept. */
static const struct {
    const char *name;
    size_t offset;
    bool may_be_missing; /* an earlier release did not keep it: 0 */
} numbers[] = {
    { "peak_bitrate", offsetof(struct hls_format, peak_bitrate), false },
    { "average_bitrate", offsetof(struct hls_format, average_bitrate), false },
    { "key_peak_bitrate", offsetof(struct hls_format, key_peak_bitrate), false },
    { "width", offsetof(struct hls_format, width), false },
    { "height", offsetof(struct hls_format, height), false },
    { "framerate_numerator", offsetof(struct hls_format, framerate_numerator), false },
    { "framerate_denominator", offsetof(struct hls_format, framerate_denominator), false },
    { "channels", offsetof(struct hls_format, channels), false },
    { "transfer_characteristics", offsetof(struct hls_format, transfer_characteristics), true },
};

static json_t *format_json(const struct hls_format *format)
{
    json_t *json = json_pack("{s:s}", "codecs", format->codecs);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        json_object_set_new(json, numbers[i].name,
                            json_integer(*(const uint32_t *)((const char *)format + numbers[i].offset)));
    return json;
}

static int read_format(const json_t *json, struct hls_format *format)
{
    const char *codecs = json_string_value(json_object_get(json, "codecs"));
    struct hls_format read = { 0 };
    if (!codecs || strlen(codecs) >= sizeof read.codecs || strpbrk(codecs, "\"\r\n"))
        return -EBADMSG;
    strcpy(read.codecs, codecs);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const json_t *number = json_object_get(json, numbers[i].name);
        json_int_t value = json_integer_value(number);
        if (!number && numbers[i].may_be_missing)
            continue;
        if (!json_is_integer(number) || value < 0 || value > UINT32_MAX)
            return -EBADMSG;
        *(uint32_t *)((char *)&read + numbers[i].offset) = (uint32_t)value;
    }
    *format = read;
    return 0;
}

json_t *publisher_state_json(const struct publisher_output *const *outputs, unsigned count, const char *url,
                             bool finished)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I, s:o}", "name", outputs[i]->name, "stem",
                                              outputs[i]->stem, "format", format_json(&outputs[i]->format), "instance",
                                              (json_int_t)outputs[i]->delivered_instance, "window",
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
    json_int_t instance = 0; /* an earlier release did not keep it */
    if (json_unpack((json_t *)json, "{s:s, s:s, s:o, s?I, s:o}", "name", &name, "stem", &stem, "format", &format,
                    "instance", &instance, "window", &window) < 0)
        return -EBADMSG;
    struct publisher_output *output = find(outputs, count, name, stem);
    if (!output)
        return 0;
    segment_window_clear(&output->window);
    if (read_format(format, &output->format) < 0)
        return -EBADMSG;
    output->delivered_instance = (uint64_t)instance;
    instances_note(&output->instances, output->delivered_instance);
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
