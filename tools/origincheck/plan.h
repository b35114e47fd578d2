/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - what is to be checked: groups of interchangeable copies, each copy an address to read from.
 *
 * Comes from the command line or from a channel's configuration file. Plain values; bounded.
 *
 *     plan_add_group(&plan, "web", PLAN_HLS, &err);
 *     plan_add_place(&plan, "https://origin-a/live/news", &settings, &err);      // copy 0
 *     plan_add_channel(&plan, "/etc/biplane/channels.d/news.cfg", stderr);       // or all that a channel has
 *     plan_complete(&plan, credentials, &err);
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "tools/origincheck/address.h"
#include "tools/origincheck/judge.h"

struct credential;
struct credentials;
struct error;

enum plan_kind {
    PLAN_AUTOMATIC, /* by the address: rtmp:// is RTMP, everything else HLS */
    PLAN_HLS,
    PLAN_ARCHIVE,
    PLAN_FRAME_CAPTURE,
    PLAN_RTMP,
    PLAN_FRAGMENTS, /* Smooth or CMAF ingest: files of fragmented MP4 in a folder */
};

enum { PLAN_PLACES_MAX = 32, PLAN_REPLACEMENTS_MAX = 8, PLAN_NAME_BYTES = 64, PLAN_PATH_BYTES = 512 };

/* How a place is connected to. */
struct plan_settings {
    char credentials[PLAN_NAME_BYTES]; /* name of a section of the credentials file; "": none */
    char certificate_authority[PLAN_PATH_BYTES];
    char interface_name[PLAN_NAME_BYTES];
    char endpoint[PLAN_PATH_BYTES], region[PLAN_NAME_BYTES]; /* of S3 */
    bool self_signed;                                        /* whatever certificate the server shows is taken */
    bool mediastore;                                         /* a MediaStore container: requests are signed */
};

struct plan_place {
    unsigned group, copy;
    enum plan_kind kind;
    char address[ADDRESS_BYTES];
    struct plan_settings settings;
    const struct credential *credential; /* borrow; NULL: none */
};

/* "--read-at FROM=TO": what is published to FROM... is read at TO... */
struct plan_replacement {
    char from[ADDRESS_BYTES], to[ADDRESS_BYTES];
};

struct plan {
    unsigned groups_count, places_count, replacements_count, channels_count;
    struct judge_group groups[JUDGE_GROUPS_MAX];
    char channels[JUDGE_GROUPS_MAX][PLAN_NAME_BYTES]; /* that the groups are of; "": of none */
    enum plan_kind kinds[JUDGE_GROUPS_MAX];
    struct plan_place places[PLAN_PLACES_MAX];
    struct plan_replacement replacements[PLAN_REPLACEMENTS_MAX];
};

bool plan_kind_of(const char *word, enum plan_kind *kind); /* "hls", "archive", ...; false: none of them */
const char *plan_kind_name(enum plan_kind kind);

int plan_add_group(struct plan *plan, const char *name, enum plan_kind kind, struct error *err);
/* One more copy of the last group. -ENOSPC: too many. */
int plan_add_place(struct plan *plan, const char *address, const struct plan_settings *settings, struct error *err);
/* A master playlist lists an address: is it this copy's? It begins like the copy's own, and no other copy of the group
 * has more of it ("news" and "news2"). */
bool plan_is_of(const struct plan *plan, const struct plan_place *place, const char *address);
int plan_add_replacement(struct plan *plan, const char *text, struct error *err);
/* All output groups of a channel's file that can be followed; problems and what is left out are printed to `words`. */
int plan_add_channel(struct plan *plan, const char *path, FILE *words);
/* Addresses complete, names resolved, those of groups unique: "channel/group" where there are several channels.
 * credentials (borrow: outlives the plan) may be NULL when none is named. */
int plan_complete(struct plan *plan, const struct credentials *credentials, struct error *err);
