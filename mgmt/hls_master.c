/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/hls_master.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct master {
    FILE *text;
    const struct hls_entry *entries;
    unsigned count;
    const struct hls_settings *settings;
};

bool hls_output_is_rendition(const struct output *output)
{
    return !output->video[0] && output->audio_group[0] && output->audio_track_type != AUDIO_ONLY_VARIANT_STREAM;
}

/* ---- renditions ---- */
static bool is_in_group(const struct hls_entry *entry, const char *group, const char *suffix)
{
    return hls_output_is_rendition(entry->output) && strcmp(entry->output->audio_group, group) == 0 &&
           strcmp(entry->suffix, suffix) == 0;
}

/* A group has one default at most (RFC 8216, 4.3.4.1.1): the first that says so. */
static bool is_default(const struct master *master, const struct hls_entry *entry)
{
    if (entry->output->audio_track_type != ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT)
        return false;
    for (const struct hls_entry *other = master->entries; other < entry; other++)
        if (is_in_group(other, entry->output->audio_group, entry->suffix) &&
            other->output->audio_track_type == ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT)
            return false;
    return true;
}

/* By what they are chosen of themselves must tell those of a group apart: the default, then the first of a language. */
static bool is_chosen_by_itself(const struct master *master, const struct hls_entry *entry)
{
    if (is_default(master, entry))
        return true;
    if (entry->output->audio_track_type == ALTERNATE_AUDIO_NOT_AUTO_SELECT)
        return false;
    for (const struct hls_entry *other = master->entries; other < master->entries + master->count; other++)
        if (other != entry && is_in_group(other, entry->output->audio_group, entry->suffix) &&
            strcmp(other->output->language, entry->output->language) == 0 &&
            (is_default(master, other) ||
             (other < entry && other->output->audio_track_type != ALTERNATE_AUDIO_NOT_AUTO_SELECT)))
            return false;
    return true;
}

static void print_rendition(const struct master *master, const struct hls_entry *entry)
{
    const struct output *output = entry->output;
    fprintf(master->text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s%s\",NAME=\"%s\"", output->audio_group, entry->suffix,
            output->name);
    if (output->language[0])
        fprintf(master->text, ",LANGUAGE=\"%s\"", output->language);
    fprintf(master->text, ",DEFAULT=%s,AUTOSELECT=%s", is_default(master, entry) ? "YES" : "NO",
            is_chosen_by_itself(master, entry) ? "YES" : "NO");
    if (entry->format.channels)
        fprintf(master->text, ",CHANNELS=\"%u\"", entry->format.channels);
    fprintf(master->text, ",URI=\"%s\"\n", entry->uri);
}

/* ---- variants ---- */
/* Codecs and bitrates of a variant with the audio that a player may choose from a group. */
struct sum {
    char codecs[256];
    uint64_t peak_bitrate, average_bitrate;
};

static void add_codecs(struct sum *sum, const char *codecs)
{
    while (*codecs) {
        size_t length = strcspn(codecs, ",");
        char one[64];
        snprintf(one, sizeof one, "%.*s", (int)length, codecs);
        size_t used = strlen(sum->codecs);
        if (!strstr(sum->codecs, one))
            snprintf(sum->codecs + used, sizeof sum->codecs - used, "%s%s", used ? "," : "", one);
        codecs += length + (codecs[length] == ',');
    }
}

static struct sum sum_of(const struct master *master, const struct hls_entry *entry, const char *group)
{
    struct sum sum = { .peak_bitrate = entry->format.peak_bitrate, .average_bitrate = entry->format.average_bitrate };
    uint64_t peak = 0, average = 0;
    add_codecs(&sum, entry->format.codecs);
    for (unsigned i = 0; group && i < master->count; i++) {
        const struct hls_entry *audio = &master->entries[i];
        if (!is_in_group(audio, group, entry->suffix))
            continue;
        add_codecs(&sum, audio->format.codecs);
        if (audio->format.peak_bitrate > peak)
            peak = audio->format.peak_bitrate;
        if (audio->format.average_bitrate > average)
            average = audio->format.average_bitrate;
    }
    sum.peak_bitrate += peak;
    sum.average_bitrate += average;
    return sum;
}

/* RFC 8216bis, 4.4.6.2: by the reference transfer function. Who says nothing is taken to be SDR by players. */
static const char *video_range(uint32_t transfer_characteristics)
{
    switch (transfer_characteristics) {
    case 1:  /* BT.709 */
    case 6:  /* BT.601 */
    case 13: /* sRGB */
    case 14: /* BT.2020, 10 bits */
    case 15: /* BT.2020, 12 bits */
        return "SDR";
    case 16: /* SMPTE ST 2084 */
        return "PQ";
    case 18: /* ARIB STD-B67 */
        return "HLG";
    default:
        return NULL;
    }
}

static void print_range(const struct master *master, const struct hls_format *format)
{
    const char *range = video_range(format->transfer_characteristics);
    if (format->width && range)
        fprintf(master->text, ",VIDEO-RANGE=%s", range);
}

static void print_size(const struct master *master, const struct hls_format *format)
{
    if (format->width && master->settings->stream_inf_resolution)
        fprintf(master->text, ",RESOLUTION=%ux%u", format->width, format->height);
}

static void print_variant(const struct master *master, const struct hls_entry *entry, const char *group)
{
    const struct hls_format *format = &entry->format;
    struct sum sum = sum_of(master, entry, group);
    fprintf(master->text, "#EXT-X-STREAM-INF:BANDWIDTH=%llu,AVERAGE-BANDWIDTH=%llu,CODECS=\"%s\"",
            (unsigned long long)sum.peak_bitrate, (unsigned long long)sum.average_bitrate, sum.codecs);
    print_size(master, format);
    if (format->width && format->framerate_numerator && format->framerate_denominator)
        fprintf(master->text, ",FRAME-RATE=%.3f", (double)format->framerate_numerator / format->framerate_denominator);
    print_range(master, format);
    if (group)
        fprintf(master->text, ",AUDIO=\"%s%s\"", group, entry->suffix);
    fprintf(master->text, "\n%s\n", entry->uri);
}

static void print_variants(const struct master *master, const struct hls_entry *entry)
{
    const struct output *output = entry->output;
    if (hls_output_is_rendition(output))
        return;
    for (unsigned i = 0; i < output->audio_rendition_sets_count; i++)
        print_variant(master, entry, output->audio_rendition_sets[i]);
    if (!output->audio_rendition_sets_count)
        print_variant(master, entry, NULL);
}

static void print_key_variant(const struct master *master, const struct hls_entry *entry)
{
    fprintf(master->text, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%u,CODECS=\"%.*s\"", entry->format.key_peak_bitrate,
            (int)strcspn(entry->format.codecs, ","), entry->format.codecs);
    print_size(master, &entry->format);
    print_range(master, &entry->format);
    fprintf(master->text, ",URI=\"%s\"\n", entry->key_uri);
}

static int version_of(const struct master *master)
{
    int version = 3;
    for (unsigned i = 0; i < master->count; i++) {
        const struct hls_entry *entry = &master->entries[i];
        if (entry->output->container == CONTAINER_FMP4)
            return 6;
        if (hls_output_is_rendition(entry->output) || entry->key_uri[0])
            version = 4;
    }
    return version;
}

char *hls_master_playlist(const struct hls_entry *entries, unsigned count, const struct hls_settings *settings)
{
    char *memory = NULL;
    size_t bytes;
    struct master master = { open_memstream(&memory, &bytes), entries, count, settings };
    if (!master.text)
        return NULL;
    fprintf(master.text, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-INDEPENDENT-SEGMENTS\n", version_of(&master));
    for (unsigned i = 0; i < count; i++)
        if (hls_output_is_rendition(entries[i].output))
            print_rendition(&master, &entries[i]);
    for (unsigned i = 0; i < count; i++)
        print_variants(&master, &entries[i]);
    for (unsigned i = 0; i < count; i++)
        if (entries[i].key_uri[0])
            print_key_variant(&master, &entries[i]);
    fclose(master.text);
    return memory;
}
