/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields.c - pictures are numbered by their time stamps on the way through deinterlace.h. */
#include "drivers/softva/fields.h"

#include "drivers/softvpl/deinterlace.h"

enum { BEFORE = 1, NOW, AFTER };

static int push(struct deinterlacer *deinterlacer, const struct fields *fields, const struct image *image, int number)
{
    return image ? deinterlace_push(deinterlacer, image, true, fields->top_first, (uint64_t)number) : 0;
}

static AVFrame *take(struct deinterlacer *deinterlacer, bool second_wanted)
{
    AVFrame *frame, *found = NULL;
    bool second = false;

    while ((frame = deinterlace_take(deinterlacer, &second))) {
        if (!found && frame->pts == NOW && second == second_wanted)
            found = frame;
        else
            av_frame_free(&frame);
    }
    return found;
}

AVFrame *fields_weave(const struct fields *fields)
{
    const struct image *now = fields->now;
    struct deinterlacer *deinterlacer = deinterlace_create(now->width, now->height, true, fields->spatial_only, 1);
    AVFrame *frame = NULL;

    if (!deinterlacer)
        return NULL;
    const struct image *before = fields->spatial_only ? NULL : fields->before;
    const struct image *after = fields->spatial_only ? NULL : fields->after;
    if (push(deinterlacer, fields, before, BEFORE) >= 0 && push(deinterlacer, fields, now, NOW) >= 0 &&
        push(deinterlacer, fields, after, AFTER) >= 0 && deinterlace_flush(deinterlacer) >= 0)
        frame = take(deinterlacer, fields->second);
    deinterlace_destroy(deinterlacer);
    return frame;
}
