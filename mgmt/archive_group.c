/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/archive_group.h"

#include <ctype.h>
#include <string.h>

/* What is handed over at once. Short, so that little is lost with a process; long enough to be worth a write. */
#define PIECE_S 1.0

static const struct setting archive_rows[] = {
    SETTING_DOUBLE(struct archive_settings, rollover_interval, .minimum = 1, .maximum = 86400, .default_number = 300,
                   .unit = "s", .help = "Length of a file; files begin at its multiples since midnight UTC."),
    SETTING_UNSIGNED(struct archive_settings, disk_cache_megabytes, .minimum = 16, .maximum = 16777216,
                     .default_number = 16384, .unit = "MiB",
                     .help =
                         "Bound of the complete files that wait on the box's disk for one destination; the oldest is "
                         "dropped past it."),
    SETTING_STRING(struct archive_settings, extension, .default_text = "m2ts",
                   .help = "Extension of the files' names, without a dot."),
    SETTING_GROUP(struct archive_settings, transport_stream, &transport_stream_settings,
                  .help = "Layout of the files, which are transport streams."),
    { 0 }
};
const struct settings archive_settings_table = { "archive", sizeof(struct archive_settings), archive_rows,
                                                 .help = "Archive: recordings." };

static void check(const struct output_group *group, struct problems *problems)
{
    const char *extension = group->archive.extension;
    bool has_video = false;
    for (unsigned i = 0; i < group->outputs_count; i++)
        has_video |= group->outputs[i].video[0] != '\0';
    if (!has_video)
        problem_at(problems, group->outputs, "output group \"%s\": at least one output of an archive needs a video",
                   group->name);
    for (const char *c = extension; *c; c++)
        if (!isalnum((unsigned char)*c)) {
            problem_at(problems, extension, "output group \"%s\": extension \"%s\" may hold letters and digits only",
                       group->name, extension);
            break;
        }
    transport_stream_check(&group->archive.transport_stream, problems);
    if (!*extension)
        problem_at(problems, extension, "output group \"%s\": extension is empty", group->name);
}

static const double *segment_length(const struct output_group *group)
{
    return &group->archive.rollover_interval;
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    (void)output;
    made->package = PACKAGE_M2TS;
    made->segment_length = PIECE_S;
    made->rollover_interval = group->archive.rollover_interval;
    made->transport_stream = group->archive.transport_stream;
    made->splice_cut = encode_output_has_splices(made) ? SPLICE_CUT_KEY : SPLICE_CUT_NONE;
}

const struct output_group_class archive_group_class = {
    .name = "archive", .check = check, .segment_length = segment_length, .encode = encode
};
