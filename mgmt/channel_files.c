/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel_files.c - two outputs that write one file name destroy each other on air, and every other check passes: so
 * all names that all channels will write are made here and compared.
 */
#include <stdlib.h>
#include <string.h>

#include "mgmt/channel.h"

enum { FILE_NAME_BYTES = 2 * OUTPUT_URL_BYTES + 2 * ENCODE_NAME_BYTES + 8 };

struct file {
    char name[FILE_NAME_BYTES]; /* for segments: up to the number */
    const struct channel *channel;
    const struct output_group *group;
    unsigned pipeline, order;
};

struct files {
    unsigned count, room;
    struct file *file;
};

static void add(struct files *files, const struct file *like, const char *modifier, const char *segment_modifier,
                const char *end)
{
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
    const struct destination *destination = &like->group->destinations[like->pipeline];
    snprintf(file->name, sizeof file->name, "%s%s%s%s%s%s", destination->endpoint, destination->endpoint[0] ? " " : "",
             destination->url, modifier, segment_modifier, end);
}

static void add_group(struct files *files, const struct channel *channel, const struct output_group *group)
{
    for (unsigned pipeline = 0; pipeline < group->destinations_count; pipeline++) {
        const struct file like = { .channel = channel, .group = group, .pipeline = pipeline };
        if (!group->destinations[pipeline].url[0])
            continue;
        add(files, &like, "", "", ".m3u8");
        for (unsigned i = 0; i < group->outputs_count; i++) {
            const struct output *output = &group->outputs[i];
            if (!output->name_modifier[0])
                continue; /* a problem of its own */
            add(files, &like, output->name_modifier, "", ".m3u8");
            add(files, &like, output->name_modifier, output->segment_modifier, "_");
        }
    }
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

static void complain(const struct file *mine, const struct file *other, struct problems *problems)
{
    const char *url = mine->group->destinations[mine->pipeline].url;
    if (mine->group == other->group)
        problem_at(problems, url, "output group \"%s\": pipelines 0 and 1 would both write %s", mine->group->name,
                   mine->name);
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
        for (unsigned g = 0; channels[c] && g < channels[c]->output_groups_count; g++)
            add_group(&files, channels[c], &channels[c]->output_groups[g]);
    if (files.count)
        qsort(files.file, files.count, sizeof *files.file, compare);
    const struct file *last = NULL; /* one sentence a destination is enough */
    for (unsigned i = 1; i < files.count; i++) {
        const struct file *mine = &files.file[i], *other = &files.file[i - 1];
        if (strcmp(mine->name, other->name) != 0 || same_destination(mine, other))
            continue; /* within one destination output_group_check() has seen it */
        if (!last || !same_destination(last, mine))
            complain(mine, other, problems);
        last = mine;
    }
    free(files.file);
}
