/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel.h - a channel's configuration file (channels.d/<name>.cfg), and its checks before air.
 *
 * What cannot work is refused when the file is read, with the place and the reason: channel_check() looks at the
 * channel with the box it is to run on.
 */
#pragma once
#include "board/settings.h"
#include "encode/job.h"
#include "mgmt/output_group.h"

struct box;
struct credentials;

enum channel_class { CHANNEL_STANDARD, CHANNEL_SINGLE_PIPELINE };

struct input_attachment {
    char input[ENCODE_NAME_BYTES];
    struct video_selector video_selector;
    struct audio_selector audio_selectors[ENCODE_AUDIO_SELECTORS_MAX];
    unsigned audio_selectors_count;
    unsigned scte35_pid; /* 0: the first of the program */
};

struct encodes {
    struct video_description video[ENCODE_VIDEOS_MAX];
    unsigned video_count;
    struct audio_description audio[ENCODE_AUDIOS_MAX];
    unsigned audio_count;
};

struct channel {
    char name[ENCODE_NAME_BYTES];
    unsigned channel_class; /* enum channel_class; key "class" */
    bool start;             /* runs as soon as the box is up */
    unsigned accelerator;   /* enum encode_accelerator */
    unsigned encoder;       /* enum encode_encoder */
    unsigned encoder_threads;
    unsigned framerate_numerator, framerate_denominator; /* 0: as the source */
    struct input_attachment input_attachments[1];
    unsigned input_attachments_count;
    struct encodes encodes;
    struct avail_settings avail_configuration;
    struct input_loss_behavior input_loss;
    struct output_group output_groups[OUTPUT_GROUPS_MAX];
    unsigned output_groups_count;
    int64_t start_utc_s; /* no setting: when it was started, if its names are filled in; see mgmt/channel_names.h */
};

extern const struct settings channel_settings;

/* Fills in what may be left out: names of outputs; relative paths (slate, certificate authorities) become paths below
 * `directory`. To be called on what was read, before the checks. */
void channel_complete(struct channel *channel, const char *directory);

/* 2 for standard, 1 for single_pipeline. */
unsigned channel_pipelines(const struct channel *channel);
void channel_check(const struct channel *channel, const struct box *box, struct problems *problems);
/* Names of credentials exist. */
/* Files that it names, which may go away at any time. */
void channel_check_files(const struct channel *channel, struct problems *problems);
void channel_check_credentials(const struct channel *channel, const struct credentials *credentials,
                               struct problems *problems);
/* No two channels of this list (NULLs are skipped), nor two groups or pipelines of one, write to one file name. */
void channels_check_destinations(const struct channel *const *channels, unsigned count, struct problems *problems);
/* The job of one of its pipelines. Pure. */
void channel_encode_job(const struct channel *channel, unsigned pipeline, struct encode_job *job);
