/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream_fragments.c - what an ingest server for Smooth or CMAF has written so far: files of fragmented MP4 that
 * grow, in a folder. Each file is read on from where the last whole box ended; one that has become shorter has begun
 * anew. Servers that write one file a fragment are not followed: no file but the header's knows the timescale.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/downstream.h"

enum { FILES_MAX = 64, READ_BYTES = 32 * 1024 * 1024, LIST_INTERVAL_MS = 500 };

struct growing {
    char name[128], track[OBSERVATION_TRACK_BYTES];
    uint64_t at, bytes;
    struct boxes boxes;
    bool ended, bad; /* bad: its structure is lost: nothing more is said about it */
};

struct fragments {
    const struct downstream_config *config;
    struct origin *origin;
    char prefix[ADDRESS_BYTES], folder[ADDRESS_BYTES];
    unsigned count;
    struct growing file[FILES_MAX];
    struct growing *reading;
    bool full; /* there was a file too many */
};

static bool has_extension(const char *name)
{
    static const char *const extensions[] = { ".mp4", ".ismv", ".isma", ".cmfv", ".cmfa", ".cmfm", ".m4s", ".ism" };
    const char *dot = strrchr(name, '.');
    for (unsigned i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (!strcmp(dot, extensions[i]))
            return true;
    return false;
}

static void on_listed(void *context, const struct origin_listed *listed)
{
    struct fragments *fragments = context;
    struct growing *file = NULL;
    for (unsigned i = 0; i < fragments->count && !file; i++)
        if (!strcmp(fragments->file[i].name, listed->name))
            file = &fragments->file[i];
    if (!file) {
        if (strlen(listed->name) >= sizeof file->name || !has_extension(listed->name))
            return;
        fragments->full = fragments->full || fragments->count == FILES_MAX;
        if (fragments->full)
            return;
        file = &fragments->file[fragments->count++];
        *file = (struct growing){ 0 };
        snprintf(file->name, sizeof file->name, "%s", listed->name);
        const char *rest = listed->name + strlen(fragments->prefix);
        snprintf(file->track, sizeof file->track, "%.*s", (int)(strrchr(listed->name, '.') - rest), rest);
    }
    file->bytes = listed->told ? listed->bytes : UINT64_MAX;
    if (file->bytes < file->at) {
        file->at = 0;
        file->boxes = (struct boxes){ 0 };
        file->ended = file->bad = false;
    }
}

static void on_fragment(void *context, const struct boxes_fragment *fragment)
{
    struct fragments *fragments = context;
    char track[OBSERVATION_TRACK_BYTES];
    snprintf(track, sizeof track, "%.50s#%u", fragments->reading->track, fragment->track);
    struct observation observation = downstream_observation(fragments->config, OBSERVED_FRAGMENT, track);
    observation.fragment = *fragment;
    downstream_report(fragments->config, &observation);
}

/* A Smooth stream ends with an mfra box: that nothing more comes is right then. */
static void report_end(struct fragments *fragments, struct growing *file)
{
    for (unsigned i = 0; i < file->boxes.tracks_count; i++)
        on_fragment(fragments, &(struct boxes_fragment){ .track = file->boxes.tracks[i].id, .ended = true });
    file->ended = true;
}

static void report_faults(struct fragments *fragments, const struct media *media)
{
    for (unsigned i = 0; i < media->faults_count; i++) {
        struct observation observation =
            downstream_observation(fragments->config, OBSERVED_FRAGMENT, fragments->reading->track);
        snprintf(observation.text, sizeof observation.text, "%s", media->faults[i].text);
        downstream_report(fragments->config, &observation);
    }
}

static void read_on(struct fragments *fragments, struct growing *file)
{
    char address[2 * ADDRESS_BYTES];
    struct origin_answer answer;
    struct media media = { 0 };
    uint64_t left = file->bytes > file->at ? file->bytes - file->at : 0;
    if (!left || file->bad)
        return;
    snprintf(address, sizeof address, "%s%s", fragments->folder, file->name);
    origin_get(fragments->origin,
               &(struct origin_request){ .address = address,
                                         .offset = file->at,
                                         .range = left < READ_BYTES ? left : READ_BYTES,
                                         .bytes_maximum = READ_BYTES },
               &answer);
    if (answer.outcome == ORIGIN_OK) {
        fragments->reading = file;
        file->at += boxes_read(&file->boxes, answer.data, answer.bytes, on_fragment, fragments, &media);
        report_faults(fragments, &media);
        file->bad = media.faults_count > 0;
        if (file->boxes.mfra && !file->ended)
            report_end(fragments, file);
    } else if (answer.status != 416) { /* nothing new */
        downstream_report_text(fragments->config, OBSERVED_UNREACHABLE, file->track, answer.status, answer.text);
    }
    origin_answer_free(&answer);
}

static void list(struct fragments *fragments)
{
    const struct downstream_config *config = fragments->config;
    struct origin_answer answer;
    char text[OBSERVATION_TEXT_BYTES] = "";
    origin_list(fragments->origin, config->place->address, on_listed, fragments, &answer);
    if (answer.outcome != ORIGIN_OK) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, "", answer.status, answer.text);
    } else {
        struct observation observation = downstream_observation(config, OBSERVED_LISTING, "");
        downstream_report(config, &observation);
    }
    origin_answer_free(&answer);
    if (fragments->full)
        snprintf(text, sizeof text,
                 "more than %d files begin with this name: a file for each fragment cannot be followed", FILES_MAX);
    downstream_report_text(config, OBSERVED_NOT_FOLLOWED, "", 0, text);
}

static void run(const struct downstream_config *config)
{
    struct fragments *fragments = calloc(1, sizeof *fragments);
    struct error err = { 0 };
    if (!fragments || downstream_open(&fragments->origin, config, &err) < 0) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, "", 0, err.text);
        free(fragments);
        return;
    }
    fragments->config = config;
    address_name(fragments->prefix, config->place->address);
    snprintf(fragments->folder, sizeof fragments->folder, "%s", config->place->address);
    fragments->folder[strlen(fragments->folder) - strlen(fragments->prefix)] = '\0';
    do {
        list(fragments);
        for (unsigned i = 0; i < fragments->count; i++)
            read_on(fragments, &fragments->file[i]);
    } while (downstream_wait(config, LIST_INTERVAL_MS / 1000.0));
    origin_close(fragments->origin);
    free(fragments);
}

const struct downstream_class downstream_fragments = { "fragments", run };
