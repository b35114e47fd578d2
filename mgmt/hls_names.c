/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_names.h"

#include <stdio.h>
#include <string.h>

#include "encode/identifiers.h"

enum { STEM_BYTES = HLS_FILE_NAME_BYTES / 2 - 16 };

static const char *extension_of(const struct output *output)
{
    static const char *const extensions[] = {
        [CONTAINER_TS] = "ts", [CONTAINER_FMP4] = "mp4", [CONTAINER_AAC] = "aac"
    };
    return extensions[output->container];
}

struct hls_names hls_names_of(const struct output_group *group, const struct output *output, unsigned pipeline,
                              int64_t start_utc_s)
{
    const char *slash = strrchr(group->destinations[pipeline].url, '/');
    bool divided = group->hls.directory_structure == HLS_SUBDIRECTORY_PER_STREAM;
    return (struct hls_names){
        .base = slash ? slash + 1 : "",
        .name_modifier = output->name_modifier,
        .segment_modifier = output->segment_modifier,
        .extension = extension_of(output),
        .start_utc_s = start_utc_s,
        .segments_per_subdirectory = divided ? group->hls.segments_per_subdirectory : 0,
    };
}

/* The base's identifiers are filled in already: a dollar in it is none. */
static void print_stem(char stem[STEM_BYTES], const struct hls_names *names, int64_t utc_s, bool of_segment)
{
    char modifiers[2 * ENCODE_NAME_BYTES], resolved[STEM_BYTES];
    const struct identifier_values values = { .utc_s = utc_s };
    snprintf(modifiers, sizeof modifiers, "%s%s", names->name_modifier, of_segment ? names->segment_modifier : "");
    identifiers_resolve(resolved, sizeof resolved, modifiers, &values);
    size_t used = strnlen(names->base, STEM_BYTES - 1);
    memcpy(stem, names->base, used);
    snprintf(stem + used, STEM_BYTES - used, "%s", resolved);
}

void hls_master_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names)
{
    snprintf(name, HLS_FILE_NAME_BYTES, "%.*s.m3u8", STEM_BYTES, names->base);
}

void hls_playlist_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names)
{
    char stem[STEM_BYTES];
    print_stem(stem, names, names->start_utc_s, false);
    snprintf(name, HLS_FILE_NAME_BYTES, "%s.m3u8", stem);
}

void hls_key_playlist_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names)
{
    char stem[STEM_BYTES];
    print_stem(stem, names, names->start_utc_s, false);
    snprintf(name, HLS_FILE_NAME_BYTES, "%s_iframe.m3u8", stem);
}

void hls_segment_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names, int64_t number, int64_t start_90k)
{
    char stem[STEM_BYTES], folder[STEM_BYTES];
    print_stem(stem, names, start_90k / 90000, true);
    if (!names->segments_per_subdirectory) {
        snprintf(name, HLS_FILE_NAME_BYTES, "%s_%05lld.%s", stem, (long long)number, names->extension);
        return;
    }
    print_stem(folder, names, names->start_utc_s, false);
    snprintf(name, HLS_FILE_NAME_BYTES, "%s/%05lld/%s_%05lld.%s", folder,
             (long long)(number / names->segments_per_subdirectory), stem, (long long)number, names->extension);
}

void hls_header_name(char name[HLS_FILE_NAME_BYTES], const struct hls_names *names, const void *header, size_t bytes)
{
    char stem[STEM_BYTES];
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: names of a few headers, chosen by nobody */
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)header)[i]) * UINT64_C(0x100000001b3);
    print_stem(stem, names, names->start_utc_s, false);
    snprintf(name, HLS_FILE_NAME_BYTES, "%s%s%s_init_%016llx.%s", names->segments_per_subdirectory ? stem : "",
             names->segments_per_subdirectory ? "/" : "", stem, (unsigned long long)hash, names->extension);
}
