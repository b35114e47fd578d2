/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/channel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mgmt/box.h"
#include "mgmt/channel_names.h"
#include "mgmt/credentials.h"
#include "mgmt/frame_capture_group.h"
#include "mgmt/hls_group.h"
#include "mgmt/mediapackage_group.h"

enum { SOURCE_PID_MIN = 32 }; /* below are tables of their own (ISO/IEC 13818-1, table 2-3; DVB's up to 31) */

static const struct setting input_attachment_rows[] = {
    SETTING_STRING(struct input_attachment, input, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of an input of the box."),
    SETTING_GROUP(struct input_attachment, video_selector, &video_selector_settings,
                  .help = "Which video of the source; without it the first of the first program that has one."),
    SETTING_LIST(struct input_attachment, audio_selectors, &audio_selector_settings,
                 .help = "Which audios of the source, by name."),
    SETTING_UNSIGNED(struct input_attachment, scte35_pid, .maximum = 8191,
                     .help = "PID of the SCTE 35 messages of the source that outputs get which want them (32 to 8191), "
                             "one that its program map registers as such; 0: the first of the program."),
    { 0 }
};
static const struct settings input_attachment_settings = {
    "input attachment", sizeof(struct input_attachment), input_attachment_rows,
    .help = "The input that the channel takes, and what it takes from it."
};

static const struct setting encodes_rows[] = {
    SETTING_LIST(struct encodes, video, &video_description_settings, .help = "The rungs of the ladder."),
    SETTING_LIST(struct encodes, audio, &audio_description_settings, .help = "The audio encodes."),
    { 0 }
};
static const struct settings encodes_settings = { "encodes", sizeof(struct encodes), encodes_rows,
                                                  .help = "What is encoded, once, for all outputs." };

static const char *const classes[] = { "standard", "single_pipeline", NULL };
static const char *const accelerators[] = { "auto", "hardware", "software", NULL };
static const char *const encoders[] = { "auto", "vpl", "vaapi", NULL };

static const struct setting channel_rows[] = {
    SETTING_STRING(struct channel, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of the channel: that of its file."),
    { .name = "class",
      .type = SETTING_TYPE_CHOICE,
      .offset = offsetof(struct channel, channel_class),
      .choices = classes,
      .default_number = CHANNEL_STANDARD,
      .help = "standard: two pipelines, on two nodes, to two destinations; single_pipeline: one." },
    SETTING_BOOL(struct channel, start, .default_number = 0, .help = "Start the channel as soon as the box is up."),
    SETTING_CHOICE(struct channel, accelerator, .choices = accelerators, .default_number = ACCELERATOR_AUTO,
                   .help = "What decodes, scales and encodes; auto: what the box says, else hardware where it is."),
    SETTING_CHOICE(
        struct channel, encoder, .choices = encoders, .default_number = ENCODER_AUTO,
        .help = "Through what H.264 and HEVC are encoded: vpl, oneVPL; vaapi, VA-API beneath it; auto: oneVPL "
                "where the accelerator is hardware with it or there is no GPU, else VA-API (AMD). VA-API has no B "
                "pictures, one reference picture, H.264 of eight bits only, and no AV1."),
    SETTING_UNSIGNED(struct channel, encoder_threads, .minimum = 1, .maximum = 64, .default_number = 1,
                     .help = "Threads of each encode in software; hardware ignores it."),
    SETTING_UNSIGNED(struct channel, framerate_numerator, .minimum = 0, .maximum = 240000, .default_number = 0,
                     .help = "Frame rate of the channel; 0: as the source."),
    SETTING_UNSIGNED(struct channel, framerate_denominator, .minimum = 1, .maximum = 1001, .default_number = 1,
                     .help = "Its denominator: 1, or 1001 for rates like 30000/1001."),
    SETTING_LIST(struct channel, input_attachments, &input_attachment_settings, .flags = SETTING_REQUIRED,
                 .help = "The input."),
    SETTING_GROUP(struct channel, encodes, &encodes_settings, .flags = SETTING_REQUIRED, .help = "The encodes."),
    SETTING_GROUP(struct channel, avail_configuration, &avail_settings_table,
                  .help = "Which SCTE 35 messages of the source are avails, and which groups are cut at them."),
    SETTING_GROUP(struct channel, input_loss, &input_loss_settings, .help = "What is shown without a source."),
    SETTING_LIST(struct channel, output_groups, &output_group_settings, .flags = SETTING_REQUIRED,
                 .help = "Where it goes."),
    { 0 }
};
const struct settings channel_settings = {
    "channel", sizeof(struct channel), channel_rows,
    .help = "A file channels.d/<name>.cfg: one channel, from its input to its destinations."
};

static void make_absolute(char *path, size_t bytes, const char *directory)
{
    char whole[1024];
    if (!*path || *path == '/')
        return;
    snprintf(whole, sizeof whole, "%s/%s", directory, path);
    if (strlen(whole) < bytes)
        strcpy(path, whole);
}

/* An output's language is that of what its first audio is taken from. */
static void complete_language(const struct channel *channel, struct output *output)
{
    const struct input_attachment *attachment = &channel->input_attachments[0];
    if (output->language[0] || !output->audio_count)
        return;
    for (unsigned i = 0; i < channel->encodes.audio_count; i++) {
        const struct audio_description *audio = &channel->encodes.audio[i];
        for (unsigned s = 0; s < attachment->audio_selectors_count; s++)
            if (strcmp(audio->name, output->audio[0]) == 0 && audio->selector[0] &&
                strcmp(attachment->audio_selectors[s].name, audio->selector) == 0)
                snprintf(output->language, sizeof output->language, "%s", attachment->audio_selectors[s].language);
    }
}

/* Whether it is of the kind whose segments are cut at avails. */
static bool is_hls(const struct output_group *group)
{
    return group->type == OUTPUT_GROUP_HLS ||
           (group->type == OUTPUT_GROUP_MEDIAPACKAGE && group->mediapackage.version == MEDIAPACKAGE_V1);
}

/* One group that hands messages on or tells of them makes all be cut, unless only such are to be. */
static bool are_all_cut(const struct channel *channel)
{
    if (channel->avail_configuration.scte35_segmentation_scope != AVAIL_SCOPE_ALL_OUTPUT_GROUPS)
        return false;
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        if (is_hls(&channel->output_groups[g]) && hls_has_avails(&channel->output_groups[g]))
            return true;
    return false;
}

static void complete_avails(struct channel *channel)
{
    bool all = are_all_cut(channel);

    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        struct output_group *group = &channel->output_groups[g];
        group->hls.cut_at_avails = is_hls(group) && (all || hls_has_avails(group));
    }
}

void channel_complete(struct channel *channel, const char *directory)
{
    make_absolute(channel->input_loss.slate, sizeof channel->input_loss.slate, directory);
    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        struct output_group *group = &channel->output_groups[g];
        output_group_complete(group);
        for (unsigned i = 0; i < group->outputs_count; i++)
            complete_language(channel, &group->outputs[i]);
        for (unsigned d = 0; d < group->destinations_count; d++)
            make_absolute(group->destinations[d].certificate_authority,
                          sizeof group->destinations[d].certificate_authority, directory);
    }
    complete_avails(channel);
}

unsigned channel_pipelines(const struct channel *channel)
{
    return channel->channel_class == CHANNEL_SINGLE_PIPELINE ? 1 : 2;
}

/* ---- checks: from the outputs back to the input ---- */
static bool video_exists(const struct channel *channel, const char *name)
{
    for (unsigned i = 0; i < channel->encodes.video_count; i++)
        if (strcmp(channel->encodes.video[i].name, name) == 0)
            return true;
    return false;
}

static bool audio_exists(const struct channel *channel, const char *name)
{
    for (unsigned i = 0; i < channel->encodes.audio_count; i++)
        if (strcmp(channel->encodes.audio[i].name, name) == 0)
            return true;
    return false;
}

static void check_references(const struct channel *channel, const struct output_group *group, struct problems *problems)
{
    for (unsigned i = 0; i < group->outputs_count; i++) {
        const struct output *output = &group->outputs[i];
        if (output->video[0] && !video_exists(channel, output->video))
            problem_at(problems, output->video, "output \"%s\" of group \"%s\": there is no video description \"%s\"",
                       output->name, group->name, output->video);
        for (unsigned a = 0; a < output->audio_count; a++)
            if (!audio_exists(channel, output->audio[a]))
                problem_at(problems, output->audio[a],
                           "output \"%s\" of group \"%s\": there is no audio description \"%s\"", output->name,
                           group->name, output->audio[a]);
    }
}

static bool encode_is_used(const struct channel *channel, const char *name, bool video)
{
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        for (unsigned i = 0; i < channel->output_groups[g].outputs_count; i++) {
            const struct output *output = &channel->output_groups[g].outputs[i];
            if (video && strcmp(output->video, name) == 0)
                return true;
            for (unsigned a = 0; !video && a < output->audio_count; a++)
                if (strcmp(output->audio[a], name) == 0)
                    return true;
        }
    return false;
}

/* An encode that nothing takes costs a share of the machine, day and night, for nothing: it is refused. */
static void check_unused(const struct channel *channel, struct problems *problems)
{
    const struct encodes *encodes = &channel->encodes;
    for (unsigned i = 0; i < encodes->video_count; i++)
        if (!encode_is_used(channel, encodes->video[i].name, true))
            problem_at(problems, &encodes->video[i], "video description \"%s\" is not used by any output",
                       encodes->video[i].name);
    for (unsigned i = 0; i < encodes->audio_count; i++)
        if (!encode_is_used(channel, encodes->audio[i].name, false))
            problem_at(problems, &encodes->audio[i], "audio description \"%s\" is not used by any output",
                       encodes->audio[i].name);
}

static void check_selectors(const struct channel *channel, struct problems *problems)
{
    const struct input_attachment *attachment = &channel->input_attachments[0];
    if (attachment->scte35_pid && attachment->scte35_pid < SOURCE_PID_MIN)
        problem_at(problems, &attachment->scte35_pid, "scte35_pid %u is out of range: %d to 8191, or 0",
                   attachment->scte35_pid, SOURCE_PID_MIN);
    for (unsigned s = 0; s < attachment->audio_selectors_count; s++) {
        const struct audio_selector *selector = &attachment->audio_selectors[s];
        if (selector->language[0] && strlen(selector->language) != 3)
            problem_at(problems, selector->language,
                       "audio selector \"%s\": language \"%s\" is not an ISO 639-2 code of three letters, as \"eng\"",
                       selector->name, selector->language);
    }
    for (unsigned i = 0; i < channel->encodes.audio_count; i++) {
        const struct audio_description *audio = &channel->encodes.audio[i];
        bool found = !audio->selector[0];
        for (unsigned s = 0; s < attachment->audio_selectors_count && !found; s++)
            found = strcmp(attachment->audio_selectors[s].name, audio->selector) == 0;
        if (!found)
            problem_at(problems, audio->selector, "audio description \"%s\": there is no audio selector \"%s\"",
                       audio->name, audio->selector);
    }
}

static void check_input(const struct channel *channel, const struct box *box, struct problems *problems)
{
    unsigned pipelines = channel_pipelines(channel);
    const char *class_name = classes[channel->channel_class];
    if (!channel->input_attachments_count || !channel->input_attachments[0].input[0])
        return;
    const char *name = channel->input_attachments[0].input;
    const struct input *input = box_input(box, name);
    if (!input)
        problem_at(problems, name, "there is no input \"%s\" in the box", name);
    else if (input->endpoints_count < pipelines)
        problem_at(problems, name, "a %s channel needs %u endpoints: input \"%s\" has %u", class_name, pipelines, name,
                   input->endpoints_count);
    if (box->nodes_count < pipelines)
        problem_at(problems, &channel->channel_class, "a %s channel needs %u nodes: the box has %u", class_name,
                   pipelines, box->nodes_count);
    for (unsigned node = 0; node < pipelines && node < box->nodes_count; node++)
        if (!box->nodes[node].ports_count)
            problem_at(problems, name, "pipeline %u would receive nothing: node %u of the box has no port", node, node);
}

void channel_check_files(const struct channel *channel, struct problems *problems)
{
    const struct input_loss_behavior *loss = &channel->input_loss;
    if (loss->image == INPUT_LOSS_SLATE && loss->slate[0] && access(loss->slate, R_OK) < 0)
        problem_at(problems, loss->slate, "input_loss: slate %s cannot be read", loss->slate);
    for (unsigned i = 0; i < channel->output_groups_count; i++)
        output_group_check_files(&channel->output_groups[i], problems);
}

static void check_framerate(const struct channel *channel, struct problems *problems)
{
    unsigned numerator = channel->framerate_numerator, denominator = channel->framerate_denominator;
    if (numerator && (numerator < denominator || numerator > 120 * denominator))
        problem_at(problems, &channel->framerate_numerator, "a frame rate of %u/%u is not between 1 and 120", numerator,
                   denominator);
}

static const double *segment_length_of(const struct output_group *group)
{
    return output_group_class_of(group)->segment_length(group);
}

static bool group_takes_video(const struct output_group *group, const char *name)
{
    for (unsigned i = 0; i < group->outputs_count; i++)
        if (strcmp(group->outputs[i].video, name) == 0)
            return true;
    return false;
}

/* Segments are cut at IDR pictures: each rung's GOPs must fit into the segments of every group that takes it. */
static void check_segment_length(const struct channel *channel, const struct output_group *group,
                                 const struct video_description *video, struct problems *problems)
{
    const double *length = segment_length_of(group);
    if (!length)
        return;
    if (!video_gop_fits_segment(video, *length, channel->framerate_numerator, channel->framerate_denominator))
        problem_at(problems, length,
                   "output group \"%s\": a segment length of %g s is not a whole number of GOPs of video \"%s\"",
                   group->name, *length, video->name);
    for (const struct output_group *other = channel->output_groups; other < group; other++) {
        const double *other_length = segment_length_of(other);
        if (other_length && group_takes_video(other, video->name) && !segment_lengths_fit(*other_length, *length))
            problem_at(problems, length,
                       "output group \"%s\": a segment length of %g s is no multiple or part of the %g s after which "
                       "group \"%s\" cuts the same video \"%s\"",
                       group->name, *length, *other_length, other->name, video->name);
    }
}

static unsigned count_groups(const struct channel *channel, enum output_group_type type)
{
    unsigned count = 0;
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        count += channel->output_groups[g].type == type;
    return count;
}

/* What one channel may have of each type. */
static void check_group_counts(const struct channel *channel, struct problems *problems)
{
    unsigned archives = count_groups(channel, OUTPUT_GROUP_ARCHIVE);
    unsigned captures = count_groups(channel, OUTPUT_GROUP_FRAME_CAPTURE);
    if (archives > 1)
        problem_at(problems, channel->output_groups, "%u output groups of type archive: at most one", archives);
    if (captures > FRAME_CAPTURE_GROUPS_MAX)
        problem_at(problems, channel->output_groups, "%u output groups of type frame_capture: at most %d", captures,
                   FRAME_CAPTURE_GROUPS_MAX);
    if (captures && captures == channel->output_groups_count)
        problem_at(problems, channel->output_groups, "a channel cannot have frame_capture groups only");
}

/* Pictures go to groups of pictures, and nothing else does. */
static void check_codec(const struct output_group *group, const struct video_description *video,
                        struct problems *problems)
{
    bool jpeg = video->codec == VIDEO_CODEC_JPEG;
    if (jpeg != (group->type == OUTPUT_GROUP_FRAME_CAPTURE))
        problem_at(problems, &video->codec, "output group \"%s\": video \"%s\" is %s, a %s group takes %s", group->name,
                   video->name, jpeg ? "jpeg" : "no jpeg", output_group_class_of(group)->name,
                   jpeg ? "none" : "only jpeg");
}

/* Without a GOP of its own a video has one a segment: a recording of minutes is no segment. */
static void check_gop_is_set(const struct output_group *group, const struct video_description *video,
                             struct problems *problems)
{
    if (group->type == OUTPUT_GROUP_ARCHIVE && video->gop_seconds <= 0 && !video->gop_frames)
        problem_at(problems, video, "output group \"%s\": video \"%s\" needs gop_seconds or gop_frames", group->name,
                   video->name);
}

/* In Smooth Streaming the bitrate is all that tells videos apart: a publishing point takes one of two as the other, and
 * some round down to thousands. */
static void check_bitrate_is_its_own(const struct channel *channel, const struct output_group *group,
                                     const struct video_description *video, struct problems *problems)
{
    for (const struct video_description *other = channel->encodes.video; other < video; other++)
        if (group->type == OUTPUT_GROUP_SMOOTH && other->bitrate / 1000 == video->bitrate / 1000 &&
            group_takes_video(group, other->name))
            problem_at(problems, &video->bitrate,
                       "output group \"%s\": videos \"%s\" and \"%s\" have the same bitrate in kbit/s: a group of "
                       "type smooth needs one of its own for each",
                       group->name, other->name, video->name);
}

static void check_encodes(const struct channel *channel, struct problems *problems)
{
    for (unsigned i = 0; i < channel->encodes.video_count; i++) {
        const struct video_description *video = &channel->encodes.video[i];
        video_description_check(video, problems);
        for (unsigned g = 0; g < channel->output_groups_count; g++)
            if (group_takes_video(&channel->output_groups[g], video->name)) {
                check_codec(&channel->output_groups[g], video, problems);
                check_gop_is_set(&channel->output_groups[g], video, problems);
                check_bitrate_is_its_own(channel, &channel->output_groups[g], video, problems);
                check_segment_length(channel, &channel->output_groups[g], video, problems);
            }
    }
    for (unsigned i = 0; i < channel->encodes.audio_count; i++)
        audio_description_check(&channel->encodes.audio[i], problems);
}

static bool is_in(const void *value, const void *part, size_t bytes)
{
    return (const char *)value >= (const char *)part && (const char *)value < (const char *)part + bytes;
}

/* Outputs of a job are those of all groups, in their order. */
static const void *place_in_output(const struct channel *channel, const struct encode_job *job, const void *value)
{
    const struct encode_output *made = job->outputs;
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        for (unsigned i = 0; i < channel->output_groups[g].outputs_count; i++, made++) {
            const struct output *output = &channel->output_groups[g].outputs[i];
            if (is_in(value, made->video, sizeof made->video))
                return output->video;
            if (is_in(value, made->audios, sizeof made->audios))
                return output->audio[(const char(*)[ENCODE_NAME_BYTES])value - made->audios];
            if (is_in(value, made, sizeof *made))
                return output->name;
        }
    return channel;
}

/* Where in the channel stands what this value of its job was made from. */
static const void *place_of(const struct channel *channel, const struct encode_job *job, const void *value)
{
    const struct input_attachment *attachment = &channel->input_attachments[0];
    const struct {
        const void *part, *origin;
        size_t bytes;
    } copies[] = {
        { job->videos, channel->encodes.video, sizeof job->videos },
        { job->audios, channel->encodes.audio, sizeof job->audios },
        { &job->accelerator, &channel->accelerator, sizeof job->accelerator },
        { &job->encoder, &channel->encoder, sizeof job->encoder },
        { &job->framerate_numerator, &channel->framerate_numerator, sizeof job->framerate_numerator },
        { &job->framerate_denominator, &channel->framerate_denominator, sizeof job->framerate_denominator },
        { &job->video_selector, &attachment->video_selector, sizeof job->video_selector },
        { job->audio_selectors, attachment->audio_selectors, sizeof job->audio_selectors },
        { &job->avails, &channel->avail_configuration, sizeof job->avails },
        { &job->input_loss, &channel->input_loss, sizeof job->input_loss },
    };
    for (unsigned i = 0; i < sizeof copies / sizeof *copies; i++)
        if (is_in(value, copies[i].part, copies[i].bytes))
            return (const char *)copies[i].origin + ((const char *)value - (const char *)copies[i].part);
    return is_in(value, job->outputs, sizeof job->outputs) ? place_in_output(channel, job, value) : channel;
}

/* What is left is checked by the plane that will run the job; it points at the job, which has no lines of its own. */
static void check_as_job(const struct channel *channel, unsigned pipeline, struct problems *problems)
{
    struct problems *found = problems_create();
    struct encode_job *job = calloc(1, sizeof *job);
    if (found && job) {
        channel_encode_job(channel, pipeline, job);
        encode_job_check(job, found);
    }
    for (unsigned i = 0; found && i < problems_count(found); i++)
        problem_at(problems, place_of(channel, job, problems_value(found, i)), "%s", problems_text(found, i));
    free(job);
    problems_destroy(found);
}

void channel_check(const struct channel *channel, const struct box *box, struct problems *problems)
{
    unsigned before = problems_count(problems), outputs = 0;
    if (strcmp(channel->name, "dataplane") == 0)
        problem_at(problems, channel->name,
                   "a channel cannot be called \"dataplane\": its files would be those of a "
                   "data plane");
    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        const struct output_group *group = &channel->output_groups[g];
        output_group_check(group, channel_pipelines(channel), problems);
        check_references(channel, group, problems);
        if (group->type == OUTPUT_GROUP_MEDIAPACKAGE)
            mediapackage_check_channel(channel, group, problems);
        outputs += group->outputs_count;
    }
    if (outputs > ENCODE_OUTPUTS_MAX)
        problem_at(problems, channel->output_groups, "%u outputs in all groups together: at most %d", outputs,
                   ENCODE_OUTPUTS_MAX);
    channel_names_check(channel, problems);
    check_group_counts(channel, problems);
    check_unused(channel, problems);
    check_encodes(channel, problems);
    check_selectors(channel, problems);
    check_framerate(channel, problems);
    input_loss_check(&channel->input_loss, problems);
    check_input(channel, box, problems);
    if (problems_count(problems) == before)
        check_as_job(channel, 0, problems);
}

void channel_check_credentials(const struct channel *channel, const struct credentials *credentials,
                               struct problems *problems)
{
    for (unsigned g = 0; g < channel->output_groups_count; g++)
        for (unsigned d = 0; d < channel->output_groups[g].destinations_count; d++) {
            const struct destination *destination = &channel->output_groups[g].destinations[d];
            if (destination->credentials[0] && !credentials_find(credentials, destination->credentials))
                problem_at(problems, destination->credentials,
                           "output group \"%s\": there are no credentials \"%s\" in the credentials file",
                           channel->output_groups[g].name, destination->credentials);
            else if (destination->credentials[0] && channel->output_groups[g].type == OUTPUT_GROUP_MEDIAPACKAGE)
                mediapackage_check_credentials(&channel->output_groups[g], destination,
                                               credentials_find(credentials, destination->credentials), problems);
        }
}

static void add_outputs(const struct output_group *group, struct encode_job *job)
{
    for (unsigned i = 0; i < group->outputs_count && job->outputs_count < ENCODE_OUTPUTS_MAX; i++) {
        const struct output *output = &group->outputs[i];
        struct encode_output *made = &job->outputs[job->outputs_count++];
        settings_defaults(&encode_output_settings, made);
        made->audios_count = output->audio_count;
        strcpy(made->group, group->name);
        strcpy(made->name, output->name);
        strcpy(made->video, output->video);
        memcpy(made->audios, output->audio, sizeof made->audios);
        output_group_class_of(group)->encode(group, output, made);
    }
}

static void add_sparse(const struct output_group *group, struct encode_job *job)
{
    const struct output_group_class *class = output_group_class_of(group);
    struct encode_sparse sparse = { 0 };

    static_assert((int)OUTPUT_GROUPS_MAX <= (int)ENCODE_SPARSES_MAX, "each group may have one");
    if (!class->sparse || !class->sparse(group, &sparse))
        return;
    strcpy(sparse.group, group->name);
    job->sparses[job->sparses_count++] = sparse;
}

void channel_encode_job(const struct channel *channel, unsigned pipeline, struct encode_job *job)
{
    settings_defaults(&encode_job_settings, job);
    strcpy(job->channel, channel->name);
    job->pipeline = pipeline;
    job->accelerator = channel->accelerator;
    job->encoder = channel->encoder;
    job->encoder_threads = channel->encoder_threads;
    job->framerate_numerator = channel->framerate_numerator;
    job->framerate_denominator = channel->framerate_denominator;
    const struct input_attachment *attachment = &channel->input_attachments[0];
    strcpy(job->input, attachment->input);
    job->video_selector = attachment->video_selector;
    memcpy(job->audio_selectors, attachment->audio_selectors, sizeof job->audio_selectors);
    job->audio_selectors_count = attachment->audio_selectors_count;
    job->scte35_pid = attachment->scte35_pid;
    memcpy(job->videos, channel->encodes.video, sizeof job->videos);
    job->videos_count = channel->encodes.video_count;
    memcpy(job->audios, channel->encodes.audio, sizeof job->audios);
    job->audios_count = channel->encodes.audio_count;
    job->avails = channel->avail_configuration;
    job->input_loss = channel->input_loss;
    for (unsigned g = 0; g < channel->output_groups_count; g++) {
        add_outputs(&channel->output_groups[g], job);
        add_sparse(&channel->output_groups[g], job);
    }
}
