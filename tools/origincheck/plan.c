/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/credentials.h"

static const struct {
    const char *word;
    enum plan_kind kind;
} words[] = {
    { "hls", PLAN_HLS },
    { "mediapackage", PLAN_HLS },
    { "archive", PLAN_ARCHIVE },
    { "frame_capture", PLAN_FRAME_CAPTURE },
    { "rtmp", PLAN_RTMP },
    { "fragments", PLAN_FRAGMENTS },
    { "ms_smooth", PLAN_FRAGMENTS },
    { "smooth", PLAN_FRAGMENTS },
    { "cmaf_ingest", PLAN_FRAGMENTS },
};

bool plan_kind_of(const char *word, enum plan_kind *kind)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].word, word)) {
            *kind = words[i].kind;
            return true;
        }
    return false;
}

const char *plan_kind_name(enum plan_kind kind)
{
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].kind == kind)
            return words[i].word;
    return "automatic";
}

int plan_add_group(struct plan *plan, const char *name, enum plan_kind kind, struct error *err)
{
    if (plan->groups_count == JUDGE_GROUPS_MAX)
        return error_set(err, -ENOSPC, "more than %d groups", JUDGE_GROUPS_MAX);
    struct judge_group *group = &plan->groups[plan->groups_count];
    *group = (struct judge_group){ 0 };
    snprintf(group->name, sizeof group->name, "%s", name);
    plan->kinds[plan->groups_count++] = kind;
    return 0;
}

int plan_add_place(struct plan *plan, const char *address, const struct plan_settings *settings, struct error *err)
{
    if (!plan->groups_count && plan_add_group(plan, "destinations", PLAN_AUTOMATIC, err) < 0)
        return -ENOSPC;
    struct judge_group *group = &plan->groups[plan->groups_count - 1];
    if (plan->places_count == PLAN_PLACES_MAX || group->copies == JUDGE_COPIES_MAX)
        return error_set(err, -ENOSPC, "group %s: more than %d copies", group->name, JUDGE_COPIES_MAX);
    struct plan_place *place = &plan->places[plan->places_count];
    *place = (struct plan_place){ .group = plan->groups_count - 1, .copy = group->copies, .settings = *settings };
    if ((size_t)snprintf(place->address, sizeof place->address, "%s", address) >= sizeof place->address - 8)
        return error_set(err, -ENAMETOOLONG, "an address of more than %d bytes", ADDRESS_BYTES - 8);
    group->copies++;
    plan->places_count++;
    return 0;
}

/* How much of an address a copy's own has without its ".m3u8"; 0: it begins otherwise. */
static size_t common_stem(const struct plan_place *place, const char *address)
{
    size_t length = strlen(place->address), stem = length - (length > 5 ? 5 : 0);
    return strncmp(address, place->address, stem) == 0 ? stem : 0;
}

bool plan_is_of(const struct plan *plan, const struct plan_place *place, const char *address)
{
    size_t stem = common_stem(place, address);
    for (unsigned i = 0; stem && i < plan->places_count; i++)
        if (plan->places[i].group == place->group && common_stem(&plan->places[i], address) > stem)
            return false;
    return stem > 0;
}

int plan_add_replacement(struct plan *plan, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || (size_t)(equals - text) >= ADDRESS_BYTES || strlen(equals) >= ADDRESS_BYTES)
        return error_set(err, -EINVAL, "\"%.80s\": want FROM=TO", text);
    if (plan->replacements_count == PLAN_REPLACEMENTS_MAX)
        return error_set(err, -ENOSPC, "more than %d times --read-at", PLAN_REPLACEMENTS_MAX);
    struct plan_replacement *replacement = &plan->replacements[plan->replacements_count++];
    snprintf(replacement->from, sizeof replacement->from, "%.*s", (int)(equals - text), text);
    snprintf(replacement->to, sizeof replacement->to, "%s", equals + 1);
    return 0;
}

/* ---- completing ---- */
static int replace(const struct plan *plan, struct plan_place *place, struct error *err)
{
    char shown[ADDRESS_BYTES];
    for (unsigned i = 0; i < plan->replacements_count; i++) {
        const char *from = plan->replacements[i].from, *to = plan->replacements[i].to;
        if (strncmp(place->address, from, strlen(from)) != 0)
            continue;
        char address[2 * ADDRESS_BYTES];
        snprintf(address, sizeof address, "%s%s", to, place->address + strlen(from));
        if (strlen(address) + 8 >= sizeof place->address)
            return error_set(err, -ENAMETOOLONG, "%.80s becomes too long", address_shown(shown, place->address));
        memcpy(place->address, address, strlen(address) + 1);
        return 0;
    }
    return 0;
}

static void settle_kind(struct plan *plan, struct plan_place *place)
{
    enum plan_kind *kind = &plan->kinds[place->group];
    if (*kind == PLAN_AUTOMATIC)
        *kind = !strncmp(place->address, "rtmp", 4) ? PLAN_RTMP : PLAN_HLS;
    char name[ADDRESS_BYTES];
    address_name(name, place->address);
    size_t length = strlen(name);
    bool prefix = length < 5 || strcmp(name + length - 5, ".m3u8") != 0;
    if (*kind == PLAN_FRAGMENTS && !prefix)
        *kind = PLAN_HLS; /* what a packager makes of them */
    place->kind = *kind;
    if (place->kind == PLAN_HLS && prefix && !strchr(place->address, '?'))
        strcat(place->address, ".m3u8"); /* plan_add_place left room */
}

static int settle_credential(struct plan_place *place, const struct credentials *credentials, struct error *err)
{
    if (!*place->settings.credentials)
        return 0;
    place->credential = credentials ? credentials_find(credentials, place->settings.credentials) : NULL;
    return place->credential ? 0
                             : error_set(err, -ENOENT, "no credentials \"%s\": give their file with --credentials",
                                         place->settings.credentials);
}

/* Reports and metrics know a group by its name alone. */
static void name_groups(struct plan *plan)
{
    for (unsigned i = 0; i < plan->groups_count; i++) {
        char name[2 * JUDGE_GROUP_BYTES], *whole = plan->groups[i].name;
        if (plan->channels_count > 1 && *plan->channels[i]) {
            snprintf(name, sizeof name, "%s/%s", plan->channels[i], whole);
            snprintf(whole, JUDGE_GROUP_BYTES, "%.*s", JUDGE_GROUP_BYTES - 1, name);
        }
    }
    for (unsigned i = 1; i < plan->groups_count; i++) {
        char *name = plan->groups[i].name;
        size_t length = strlen(name);
        unsigned count = 2;
        for (unsigned k = 0; k < i; k++)
            if (!strcmp(plan->groups[k].name, name)) {
                snprintf(name + length, JUDGE_GROUP_BYTES - length, "-%u", count++);
                k = (unsigned)-1; /* the new name may be another's */
            }
    }
}

static int check_identifiers(const struct plan_place *place, struct error *err)
{
    static const char *const identifiers[] = { "$dt$", "$d$", "$t$" };
    char shown[ADDRESS_BYTES];
    for (unsigned i = 0; i < sizeof identifiers / sizeof *identifiers; i++)
        if (strstr(place->address, identifiers[i]))
            return error_set(
                err, -EINVAL,
                "%.120s: %s is the time of the channel's start, which only the box knows: name what is read "
                "with --read-at",
                address_shown(shown, place->address), identifiers[i]);
    return 0;
}

int plan_complete(struct plan *plan, const struct credentials *credentials, struct error *err)
{
    if (!plan->places_count)
        return error_set(err, -EINVAL, "nothing to check: name a destination or a --channel");
    for (unsigned i = 0; i < plan->groups_count; i++)
        if (!plan->groups[i].copies)
            return error_set(err, -EINVAL, "group %s has no destination", plan->groups[i].name);
    name_groups(plan);
    for (unsigned i = 0; i < plan->places_count; i++) {
        struct plan_place *place = &plan->places[i];
        int result = replace(plan, place, err);
        if (result == 0)
            result = check_identifiers(place, err);
        settle_kind(plan, place);
        if (result == 0)
            result = settle_credential(place, credentials, err);
        if (result < 0)
            return result;
    }
    return 0;
}
