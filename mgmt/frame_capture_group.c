/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/frame_capture_group.h"

#include <stddef.h>

static void check(const struct output_group *group, struct problems *problems)
{
    for (unsigned i = 0; i < group->outputs_count; i++) {
        const struct output *output = &group->outputs[i];
        if (!output->video[0] || output->audio_count)
            problem_at(problems, output,
                       "output group \"%s\": output \"%s\" must have a video and no audio: it is pictures", group->name,
                       output->name);
    }
}

static const double *segment_length(const struct output_group *group)
{
    (void)group;
    return NULL; /* every picture stands for itself */
}

static void encode(const struct output_group *group, const struct output *output, struct encode_output *made)
{
    (void)group, (void)output;
    made->package = PACKAGE_JPEG;
}

const struct output_group_class frame_capture_group_class = {
    .name = "frame_capture", .check = check, .segment_length = segment_length, .encode = encode
};
