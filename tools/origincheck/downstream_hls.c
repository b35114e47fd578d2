/* SPDX-License-Identifier: GPL-2.0-or-later */
/* downstream_hls.c - reads a master playlist and lets a thread follow each media playlist that it names. The master is
 * read again from time to time: what it offers may change, and may go away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/address.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/hls_track.h"
#include "tools/origincheck/playlist.h"

enum { TRACKS_MAX = 32, MASTER_AGAIN_S = 5 };

#define ENDED_STEP_S 0.25

struct follower {
    const struct downstream_config *config;
    char address[ADDRESS_BYTES], name[OBSERVATION_TRACK_BYTES];
    pthread_t thread;
    atomic_bool ended; /* its playlist has, and all of it was looked at */
};

struct hls {
    const struct downstream_config *config;
    struct origin *origin;
    char etag[ORIGIN_ETAG_BYTES];
    unsigned followers_count;
    struct follower followers[TRACKS_MAX];
    bool told; /* the address is a media playlist itself */
};

/* What is left of an address without what all of a presentation's have in common: "720p" of ".../news_720p.m3u8" beside
 * ".../news.m3u8". Twins have the same name although their presentations are called differently. */
static void name_track(char name[OBSERVATION_TRACK_BYTES], const char *master, const char *address)
{
    size_t stem = strlen(master), end = strcspn(address, "?#"), same = 0;
    if (stem > 5 && !strcmp(master + stem - 5, ".m3u8"))
        stem -= 5;
    while (same < stem && master[same] == address[same])
        same++;
    size_t from = same == stem ? stem : 0;
    for (size_t i = 0; same != stem && i < same; i++) /* else from its folder on */
        if (master[i] == '/')
            from = i + 1;
    while (address[from] == '_' || address[from] == '-' || address[from] == '/')
        from++;
    if (end > from + 5 && !strncmp(address + end - 5, ".m3u8", 5))
        end -= 5;
    snprintf(name, OBSERVATION_TRACK_BYTES, "%.*s", (int)(end > from ? end - from : 0), address + from);
    if (!*name)
        snprintf(name, OBSERVATION_TRACK_BYTES, "main");
}

static void *follow(void *context)
{
    struct follower *follower = context;
    hls_track_run(follower->config, follower->address, follower->name);
    atomic_store(&follower->ended, true);
    return NULL;
}

static void follow_once(struct hls *hls, const char *address, const char *name)
{
    for (unsigned i = 0; i < hls->followers_count; i++)
        if (!strcmp(hls->followers[i].address, address))
            return;
    if (hls->followers_count == TRACKS_MAX)
        return;
    struct follower *follower = &hls->followers[hls->followers_count];
    follower->config = hls->config;
    snprintf(follower->address, sizeof follower->address, "%s", address);
    snprintf(follower->name, sizeof follower->name, "%s", name);
    if (pthread_create(&follower->thread, NULL, follow, follower) == 0)
        hls->followers_count++;
}

/* A redundant master lists the renditions of the other pipeline behind its own: that one's copy is followed from its
 * own master. Its own are those that begin like it; where none does (a base URL), all are its own. */
static bool is_own(const struct hls *hls, const struct playlist *playlist, const char *address)
{
    const char *master = hls->config->place->address;
    char other[ADDRESS_BYTES];
    if (hls->config->copies < 2 || plan_is_of(hls->config->plan, hls->config->place, address))
        return true;
    for (unsigned i = 0; i < playlist->variants_count; i++)
        if (*playlist->variants[i].uri && address_resolve(other, master, playlist->variants[i].uri) == 0 &&
            plan_is_of(hls->config->plan, hls->config->place, other))
            return false;
    return true;
}

static void take_variant(struct hls *hls, const struct playlist *playlist, const struct playlist_variant *variant)
{
    char address[ADDRESS_BYTES], name[OBSERVATION_TRACK_BYTES];
    if (!*variant->uri || address_resolve(address, hls->config->place->address, variant->uri) < 0 ||
        !is_own(hls, playlist, address))
        return;
    name_track(name, hls->config->place->address, address);
    struct playlist_variant copy = *variant;
    struct playlist one = { .master = true, .variants_count = 1, .variants = &copy };
    struct observation observation = downstream_observation(hls->config, OBSERVED_MASTER, name);
    observation.playlist = &one;
    downstream_report(hls->config, &observation);
    follow_once(hls, address, name);
}

static void take_master(struct hls *hls, const struct playlist *playlist)
{
    if (!playlist->master) {
        char name[ADDRESS_BYTES];
        address_name(name, hls->config->place->address);
        name[strcspn(name, ".")] = '\0';
        hls->told = true;
        follow_once(hls, hls->config->place->address, hls->config->copies > 1 ? "main" : name);
        return;
    }
    struct observation observation = downstream_observation(hls->config, OBSERVED_MASTER, "");
    observation.playlist = playlist;
    downstream_report(hls->config, &observation);
    for (unsigned i = 0; i < playlist->variants_count; i++)
        take_variant(hls, playlist, &playlist->variants[i]);
}

/* False: it is time to stop, or nothing more comes. */
static bool wait_for_more(struct hls *hls, double seconds)
{
    for (double waited_s = 0; waited_s < seconds; waited_s += ENDED_STEP_S) {
        bool all = hls->followers_count > 0;
        for (unsigned i = 0; i < hls->followers_count; i++)
            all = all && atomic_load(&hls->followers[i].ended);
        if (all || !downstream_wait(hls->config, ENDED_STEP_S))
            return false;
    }
    return true;
}

static void run(const struct downstream_config *config)
{
    struct hls *hls = calloc(1, sizeof *hls);
    struct error err = { 0 };
    if (!hls)
        return;
    hls->config = config;
    if (downstream_open(&hls->origin, config, &err) < 0) {
        downstream_report_text(config, OBSERVED_UNREACHABLE, "", 0, err.text);
        free(hls);
        return;
    }
    bool failed = true, ended = false;
    struct playlist *playlist = NULL;
    do {
        struct playlist *now = hls_read_playlist(config, hls->origin, config->place->address, "", hls->etag, &failed);
        if (now) {
            playlist_destroy(playlist);
            playlist = now;
        }
        if (!failed && playlist)
            take_master(hls, playlist);
        ended = hls->told; /* it is followed as what it is; nothing more is to be read here */
    } while (!ended && wait_for_more(hls, failed ? 0.5 : MASTER_AGAIN_S));
    for (unsigned i = 0; i < hls->followers_count; i++)
        pthread_join(hls->followers[i].thread, NULL);
    playlist_destroy(playlist);
    origin_close(hls->origin);
    free(hls);
}

const struct downstream_class downstream_hls = { "hls", run };
