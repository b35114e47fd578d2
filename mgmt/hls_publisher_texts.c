/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hls_publisher_texts.c - playlists on the way to the destination, and what they say when the source is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/log.h"
#include "board/loop.h"
#include "mgmt/gzip.h"
#include "mgmt/hls_publisher_private.h"
#include "mgmt/url.h"

/* Lanes of texts: media playlists, the master, playlists of key pictures. */
static unsigned key_text(const struct hls_publisher *publisher, unsigned index)
{
    return publisher->lane_count + 1 + index;
}

/* text: take */
static void put_playlist(struct hls_publisher *publisher, unsigned lane, const char *name, char *text,
                         struct destination_text_tag tag)
{
    struct destination_text put = {
        .name = name, .content_type = "application/vnd.apple.mpegurl", .body = text, .bytes = strlen(text), .tag = tag
    };
    if (hls_of(publisher)->manifest_compression == MANIFEST_COMPRESSION_GZIP) {
        put.body = gzip_compress(text, strlen(text), &put.bytes);
        put.content_encoding = "gzip";
        free(text);
    }
    if (put.body)
        destination_put_text(publisher->queue, lane, &put);
    else /* the next one comes with the next segment */
        log_error(publisher->config.log, "%s: no memory to compress %s", publisher->source, name);
}

static struct hls_view view_of(const struct hls_publisher *publisher, const struct hls_lane *lane)
{
    return (struct hls_view){ hls_of(publisher), &lane->names,
                              hls_content_url(hls_of(publisher), publisher->config.pipeline) };
}

static bool is_ended(const struct hls_publisher *publisher, const struct hls_lane *lane)
{
    return publisher->finished && hls_is_vod(publisher) && !lane->first;
}

void hls_send_playlist(struct hls_publisher *publisher, unsigned index)
{
    struct hls_lane *lane = &publisher->lanes[index];
    struct destination_text_tag tag;
    segment_window_listing(&lane->state.window, &tag.first, &tag.end);
    if (tag.first == tag.end || publisher->paused)
        return;
    struct hls_view view = view_of(publisher, lane);
    char *text =
        hls_printed_text(lane->printed, &lane->state.window, tag.first, tag.end, &view, is_ended(publisher, lane));
    if (text)
        put_playlist(publisher, index, lane->playlist, text, tag);
}

void hls_send_key_playlist(struct hls_publisher *publisher, unsigned index)
{
    struct hls_lane *lane = &publisher->lanes[index];
    struct destination_text_tag tag;
    segment_window_listing(&lane->state.window, &tag.first, &tag.end);
    if (!hls_of(publisher)->i_frame_only_playlists || tag.first == tag.end || publisher->paused)
        return;
    struct hls_view view = view_of(publisher, lane);
    char *text =
        hls_printed_text(lane->printed_keys, &lane->state.window, tag.first, tag.end, &view, is_ended(publisher, lane));
    if (text)
        put_playlist(publisher, key_text(publisher, index), lane->key_playlist, text, tag);
}

/* ---- the master ---- */
/* A playlist's name as the master of this pipeline has to say it. pipeline: whose it is. */
static void print_uri(const struct hls_publisher *publisher, char uri[HLS_URI_BYTES], unsigned pipeline,
                      const char *name)
{
    const struct output_group *group = publisher->config.group;
    const char *manifest_url = hls_manifest_url(hls_of(publisher), pipeline);
    const char *own = publisher->destination->url, *other = group->destinations[pipeline].url;
    size_t bytes = url_folder_bytes(other);
    bool same_folder = bytes == url_folder_bytes(own) && strncmp(own, other, bytes) == 0;
    if (*manifest_url || same_folder)
        snprintf(uri, HLS_URI_BYTES, "%s%s", manifest_url, name);
    else
        snprintf(uri, HLS_URI_BYTES, "%.*s%s", (int)bytes, other, name);
}

static struct hls_entry entry_of(const struct hls_publisher *publisher, const struct hls_lane *lane, unsigned pipeline)
{
    char name[HLS_FILE_NAME_BYTES];
    const struct output_group *group = publisher->config.group;
    struct hls_names names = hls_names_of(group, lane->output, pipeline, publisher->config.start_utc_s);
    struct hls_entry entry = { .format = lane->state.format, .output = lane->output };
    hls_playlist_name(name, &names);
    print_uri(publisher, entry.uri, pipeline, name);
    hls_key_playlist_name(name, &names);
    if (lane->has_key_playlist)
        print_uri(publisher, entry.key_uri, pipeline, name);
    if (hls_of(publisher)->redundant_manifest)
        snprintf(entry.suffix, sizeof entry.suffix, "-%u", pipeline);
    return entry;
}

/* give; NULL: not yet, or no memory */
static char *master_text(const struct hls_publisher *publisher)
{
    unsigned count = 0, own = publisher->config.pipeline;
    struct hls_entry *entries = calloc(2 * (size_t)publisher->lane_count, sizeof *entries);
    if (!entries)
        return NULL;
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct hls_lane *lane = &publisher->lanes[i];
        if (!lane->state.format.codecs[0] || (!lane->has_playlist && !publisher->paused)) {
            free(entries);
            return NULL;
        }
        if (!publisher->paused)
            entries[count++] = entry_of(publisher, lane, own);
    }
    for (unsigned i = 0; hls_of(publisher)->redundant_manifest && i < publisher->lane_count; i++)
        entries[count++] = entry_of(publisher, &publisher->lanes[i], 1 - own);
    char *text = hls_master_playlist(entries, count, hls_of(publisher));
    free(entries);
    return text;
}

void hls_send_master(struct hls_publisher *publisher, bool again)
{
    if (hls_of(publisher)->output_selection != HLS_MANIFESTS_AND_SEGMENTS)
        return;
    char *text = master_text(publisher);
    char *sent = text ? strdup(text) : NULL;
    if (!sent || (!again && publisher->master && strcmp(publisher->master, text) == 0)) {
        free(text);
        free(sent);
        return;
    }
    free(publisher->master);
    publisher->master = text;
    put_playlist(publisher, publisher->lane_count, publisher->master_name, sent, (struct destination_text_tag){ 0 });
}

/* ---- a lost source ---- */
void hls_pause(struct hls_publisher *publisher)
{
    if (publisher->paused || !publisher->master)
        return; /* nobody knows of its playlists yet */
    publisher->paused = true;
    publisher->counters.pauses++;
    log_warning(publisher->config.log, "%s: group %s is paused: its playlists are taken away", publisher->source,
                publisher->config.group->name);
    hls_send_master(publisher, false);
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        struct hls_lane *lane = &publisher->lanes[i];
        destination_delete(publisher->queue, key_text(publisher, i), lane->playlist);
        if (lane->has_key_playlist)
            destination_delete(publisher->queue, key_text(publisher, i), lane->key_playlist);
        lane->has_playlist = lane->has_key_playlist = false;
    }
}

void hls_resume(struct hls_publisher *publisher)
{
    if (!publisher->paused)
        return;
    publisher->paused = false; /* playlists come with the segments, and then the master */
    log_info(publisher->config.log, "%s: group %s goes on", publisher->source, publisher->config.group->name);
}
