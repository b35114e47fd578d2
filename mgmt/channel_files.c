/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel_files.c - two outputs that write one file name destroy each other on air, and every other check passes: so
 * all names that all channels will write are made here, with their identifiers filled in, and compared. Dates are taken
 * to be the same everywhere: two channels may well be started in the same second.
 */
#include <stdlib.h>
#include <string.h>

#include "mgmt/channel.h"
#include "mgmt/channel_names.h"

#define KEY_PICTURES_END "_iframe.m3u8"
enum { FILE_NAME_BYTES = 2 * OUTPUT_URL_BYTES + 2 * ENCODE_TEXT_BYTES + 16 };

struct file {
    char name[FILE_NAME_BYTES]; /* for segments: up to the number */
    const struct channel *channel;
    const struct output_group *group;
    const struct output *output; /* NULL: of the group */
    unsigned pipeline, order;    /* pipeline: number of the destination in the group */
    bool key_pictures;           /* playlist of them */
};

struct files {
    unsigned count, room;
    struct file *file;
};

static void add(struct files *files, const struct file *like, const char *url, const char *modifier,
                const char *segment_modifier, const char *end)
{
    const struct identifier_values start = { 0 };
    char text[FILE_NAME_BYTES];
    if (files->count == files->room) {
        unsigned room = files->room ? 2 * files->room : 64;
        struct file *grown = realloc(files->file, room * sizeof *grown);
        if (!grown)
            return; /* the check then sees less; the files themselves are no less right */
        files->file = grown;
        files->room = room;
    }
    struct file *file = &files->file[files->count];
    *file = *like;
    file->order = files->count++;
    file->key_pictures = strcmp(end, KEY_PICTURES_END) == 0;
    const struct destination *destination = &like->group->destinations[like->pipeline];
    snprintf(text, sizeof text, "%s%s%s%s%s%s", destination->endpoint, destination->endpoint[0] ? " " : "", url,
             modifier, segment_modifier, end);
    identifiers_resolve(file->name, sizeof file->name, text, &start); /* dates that a modifier has kept */
}

static bool has_playlists(const struct output_group *group)
{
    return group->type == OUTPUT_GROUP_HLS ||
           (group->type == OUTPUT_GROUP_MEDIAPACKAGE && group->mediapackage.version == MEDIAPACKAGE_V1);
}

static void add_output(struct files *files, const struct file *like, const char *url, const struct output *named)
{
    if (!named->name_modifier[0])
        return; /* a problem of its own, where one is needed */
    if (!has_playlists(like->group)) {
        add(files, like, url, named->name_modifier, "", "");
        return;
    }
    add(files, like, url, named->name_modifier, "", ".m3u8");
    if (like->group->hls.i_frame_only_playlists && named->video[0])
        add(files, like, url, named->name_modifier, "", KEY_PICTURES_END);
    add(files, like, url, named->name_modifier, named->segment_modifier, "_");
}

/* named: the same group with its identifiers filled in */
static void add_group(struct files *files, const struct channel *channel, const struct output_group *group,
                      const struct output_group *named)
{
    for (unsigned pipeline = 0; pipeline < group->destinations_count; pipeline++) {
        struct file like = { .channel = channel, .group = group, .pipeline = pipeline };
        const char *url = named->destinations[pipeline].url;
        if (!*url)
            continue;
        if (group->type == OUTPUT_GROUP_RTMP) { /* no files: one stream, which two would take from each other */
            add(files, &like, url, "/", named->destinations[pipeline].stream, "");
            continue;
        }
        add(files, &like, url, "", "", has_playlists(group) ? ".m3u8" : "");
        for (unsigned i = 0; i < group->outputs_count; i++) {
            like.output = &group->outputs[i];
            add_output(files, &like, url, &named->outputs[i]);
        }
    }
}

static void add_channel(struct files *files, const struct channel *channel)
{
    struct channel *named = malloc(sizeof *named);
    if (!named)
        return;
    *named = *channel;
    channel_names_resolve(named, 0);
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        add_group(files, channel, &channel->output_groups[g], &named->output_groups[g]);
    free(named);
}

static int compare(const void *a, const void *b)
{
    const struct file *mine = a, *other = b;
    int order = strcmp(mine->name, other->name);
    return order ? order : (mine->order > other->order) - (mine->order < other->order);
}

static bool same_destination(const struct file *a, const struct file *b)
{
    return a->group == b->group && a->pipeline == b->pipeline;
}

static bool has_identifiers(const struct output *output)
{
    return identifiers_in(output->name_modifier) || identifiers_in(output->segment_modifier);
}

/* Within one destination output_group_check() sees what is written alike; here is seen what becomes alike. */
static bool is_seen_elsewhere(const struct file *a, const struct file *b)
{
    if (!same_destination(a, b))
        return false;
    if (!a->output || !b->output || a->pipeline > 0)
        return true;
    if (a->key_pictures != b->key_pictures) /* whose modifiers are not alike */
        return false;
    return !has_identifiers(a->output) && !has_identifiers(b->output);
}

static void complain(const struct file *mine, const struct file *other, struct problems *problems)
{
    const char *url = mine->group->destinations[mine->pipeline].url;
    if (same_destination(mine, other))
        problem_at(problems, mine->output->name_modifier,
                   "output group \"%s\": outputs \"%s\" and \"%s\" would both write %s", mine->group->name,
                   other->output->name, mine->output->name, mine->name);
    else if (mine->group == other->group)
        problem_at(problems, url, "output group \"%s\": destinations %u and %u would both write %s", mine->group->name,
                   other->pipeline, mine->pipeline, mine->name);
    else if (mine->channel == other->channel)
        problem_at(problems, url, "output groups \"%s\" and \"%s\" would both write %s", other->group->name,
                   mine->group->name, mine->name);
    else
        problem_at(problems, url, "channels \"%s\" (group \"%s\") and \"%s\" (group \"%s\") would both write %s",
                   other->channel->name, other->group->name, mine->channel->name, mine->group->name, mine->name);
}

void channels_check_destinations(const struct channel *const *channels, unsigned count, struct problems *problems)
{
    struct files files = { 0 };
    for (unsigned c = 0; c < count; c++)
        if (channels[c])
            add_channel(&files, channels[c]);
    if (files.count)
        qsort(files.file, files.count, sizeof *files.file, compare);
    const struct file *last = NULL; /* one sentence a destination is enough */
    for (unsigned i = 1; i < files.count; i++) {
        const struct file *mine = &files.file[i], *other = &files.file[i - 1];
        if (strcmp(mine->name, other->name) != 0 || is_seen_elsewhere(mine, other))
            continue;
        if (!last || !same_destination(last, mine))
            complain(mine, other, problems);
        last = mine;
    }
    free(files.file);
}
