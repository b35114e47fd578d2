/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher.h"

#include <errno.h>
#include <stddef.h>

#include "board/error.h"
#include "mgmt/archive_publisher.h"
#include "mgmt/cmaf_publisher.h"
#include "mgmt/frame_capture_publisher.h"
#include "mgmt/hls_publisher.h"
#include "mgmt/publisher_fan.h"
#include "mgmt/rtmp_publisher.h"
#include "mgmt/smooth_publisher.h"

/* clang-format off */
static const struct publisher_class *const classes[] = {
    [OUTPUT_GROUP_HLS] = &hls_publisher_class,
    [OUTPUT_GROUP_ARCHIVE] = &archive_publisher_class,
    [OUTPUT_GROUP_CMAF_INGEST] = &cmaf_publisher_class,
    [OUTPUT_GROUP_MEDIAPACKAGE] = &hls_publisher_class,
    [OUTPUT_GROUP_RTMP] = &rtmp_publisher_class,
    [OUTPUT_GROUP_FRAME_CAPTURE] = &frame_capture_publisher_class,
    [OUTPUT_GROUP_SMOOTH] = &smooth_publisher_class,
};
/* clang-format on */

/* MediaPackage is two types in one. */
static const struct publisher_class *class_of(const struct output_group *group)
{
    if (group->type == OUTPUT_GROUP_MEDIAPACKAGE && group->mediapackage.version == MEDIAPACKAGE_V2)
        return &cmaf_publisher_class;
    return classes[group->type];
}

int publisher_create(struct publisher **out, const struct publisher_config *config, struct error *err)
{
    const struct output_group *group = config->group;
    if (config->pipeline >= group->destinations_count)
        return error_set(err, -EINVAL, "output group %s has no destination for pipeline %u", group->name,
                         config->pipeline);
    const struct publisher_class *class = publisher_fan_is_wanted(config) ? &publisher_fan_class : class_of(group);
    int result = class->create(out, config, err);
    if (result == 0)
        (*out)->class = class;
    return result;
}

void publisher_destroy(struct publisher *publisher)
{
    if (publisher)
        publisher->class->destroy(publisher);
}

void publisher_segment(struct publisher *publisher, const struct handoff_segment *segment, int memfd)
{
    publisher->class->segment(publisher, segment, memfd);
}

void publisher_finish(struct publisher *publisher)
{
    if (publisher->class->finish)
        publisher->class->finish(publisher);
}

bool publisher_idle(const struct publisher *publisher)
{
    return publisher->class->idle(publisher);
}

bool publisher_is_patient(const struct publisher *publisher)
{
    return publisher->class->on_disk;
}

int64_t publisher_resume_tick_90k(const struct publisher *publisher)
{
    return publisher->class->resume_tick_90k(publisher);
}

json_t *publisher_status(const struct publisher *publisher)
{
    return publisher->class->status(publisher);
}
