/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.c - the rows of the encode plane's configuration sections. Checks across rows are in job_check.c. */
#include "encode/job.h"

static const char *const language_policies[] = { "loose", "strict", NULL };
static const char *const video_codecs[] = { "h264", "jpeg", "hevc", "av1", NULL };
static const char *const color_spaces[] = { "auto", "passthrough", "rec_601", "rec_709", "hdr10", "hlg_2020", NULL };
static const char *const capture_interval_units[] = { "seconds", "milliseconds", NULL };
static const char *const rate_controls[] = { "cbr", "vbr", "qvbr", NULL };
static const char *const profiles[] = { "baseline", "main", "high", NULL };
static const char *const presets[] = { "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", NULL };
static const char *const audio_codecs[] = { "aac", NULL };
static const char *const input_loss_images[] = { "color", "slate", NULL };
static const char *const accelerators[] = { "auto", "hardware", "software", NULL };
static const char *const encoders[] = { "auto", "vpl", "vaapi", NULL };
static const char *const package_types[] = { "hls_ts", "fmp4", "aac", "m2ts", "jpeg", "flv", "smooth", NULL };
static const char *const timed_metadata_frames[] = { "none", "priv", "tdrl", NULL };
static const char *const encryption_methods[] = { "none", "aes_128", "sample_aes", NULL };
static const char *const encryption_ivs[] = { "follows_segment_number", "explicit", NULL };
static const char *const input_loss_actions[] = { "emit_output", "pause_output", NULL };
static const char *const splice_cuts[] = { "none", "key", "fragment", "segment", NULL };

const char *video_codec_name(unsigned codec)
{
    return video_codecs[codec];
}

const char *color_space_name(unsigned color_space)
{
    return color_spaces[color_space];
}

/* ---- extraction ---- */
static const struct setting video_selector_rows[] = {
    SETTING_UNSIGNED(struct video_selector, program_id, .maximum = 65535,
                     .help = "Program number of the source to take; 0: the first program that has video."),
    SETTING_UNSIGNED(struct video_selector, pid, .maximum = 8190,
                     .help = "PID of the video to take; 0: the first video of the program."),
    { 0 },
};
const struct settings video_selector_settings = {
    .name = "video_selector",
    .size = sizeof(struct video_selector),
    .rows = video_selector_rows,
    .help = "Which video of the source is used.",
};

static const struct setting audio_selector_rows[] = {
    SETTING_STRING(struct audio_selector, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name by which audio descriptions refer to this selector."),
    SETTING_UNSIGNED(struct audio_selector, pid, .maximum = 8190,
                     .help = "PID of the audio to take; it counts more than the language. 0: by language."),
    SETTING_STRING(struct audio_selector, language,
                   .help = "ISO 639-2 language code of the audio to take, such as eng; empty: any language."),
    SETTING_CHOICE(struct audio_selector, language_policy, .choices = language_policies,
                   .default_number = LANGUAGE_LOOSE,
                   .help = "When the language is not in the source: loose takes another audio, strict gives silence."),
    { 0 },
};
const struct settings audio_selector_settings = {
    .name = "audio_selector",
    .size = sizeof(struct audio_selector),
    .rows = audio_selector_rows,
    .help = "Which audio of the source is used.",
};

/* ---- encodes ---- */
static const struct setting video_description_rows[] = {
    SETTING_STRING(struct video_description, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name by which outputs refer to this video."),
    SETTING_CHOICE(struct video_description, codec, .choices = video_codecs, .default_number = VIDEO_CODEC_H264,
                   .help =
                       "Codec of this video: h264 for every output group; hevc for HLS, CMAF ingest and archive; av1 "
                       "for HLS of fMP4 and CMAF ingest; jpeg: single pictures for frame capture."),
    SETTING_UNSIGNED(
        struct video_description, bit_depth, .minimum = 8, .maximum = 10, .default_number = 8, .unit = "bits",
        .help = "Bits of a sample: 8, or 10 for hevc and av1. A source of 10 bits, HDR for one, keeps them "
                "in a video of 10 bits."),
    SETTING_CHOICE(struct video_description, color_space, .choices = color_spaces, .default_number = COLOR_SPACE_AUTO,
                   .help =
                       "Colors of this video. auto: those of the source, and HDR (PQ, HLG) becomes rec_709 in a video "
                       "of 8 bits, where the accelerator can; passthrough: those of the source in any case; rec_601, "
                       "rec_709, hdr10 or hlg_2020 (the last two with bit_depth = 10): converted to these. What the "
                       "accelerator does not convert of a source goes through, and the log says so. The source has the "
                       "colors that its stream tells."),
    SETTING_UNSIGNED(struct video_description, width, .maximum = 4096, .unit = "pixels",
                     .help = "Width of the picture, an even number; 0 (with height 0): as the source has "
                             "when the channel starts."),
    SETTING_UNSIGNED(struct video_description, height, .maximum = 4096, .unit = "pixels",
                     .help = "Height of the picture, an even number; 0 (with width 0): as the source has "
                             "when the channel starts."),
    SETTING_UNSIGNED(struct video_description, framerate_divisor, .minimum = 1, .maximum = 6, .default_number = 1,
                     .help = "1: every frame of the channel, 2: every second one, and so on."),
    SETTING_CHOICE(struct video_description, rate_control, .choices = rate_controls, .default_number = RATE_CONTROL_CBR,
                   .help =
                       "cbr: constant bitrate; vbr: average and maximum (the software AV1 encoder keeps the average "
                       "only); qvbr: quality first, within the maximum."),
    SETTING_UNSIGNED(struct video_description, bitrate, .minimum = 1000, .maximum = 200e6, .default_number = 5e6,
                     .unit = "bit/s", .help = "Average bitrate of this video."),
    SETTING_UNSIGNED(struct video_description, max_bitrate, .maximum = 200e6, .unit = "bit/s",
                     .help = "Highest bitrate for vbr and qvbr; 0: the bitrate."),
    SETTING_UNSIGNED(struct video_description, buffer_size, .maximum = 800e6, .unit = "bit",
                     .help = "Size of the decoder's buffer (VBV); 0: two seconds of the highest bitrate."),
    SETTING_UNSIGNED(struct video_description, quality, .minimum = 1, .maximum = 10, .default_number = 7,
                     .help =
                         "Quality level for qvbr, 10 is best: 8 to 10 for television, 7 for tablets, 6 for phones."),
    SETTING_DOUBLE(
        struct video_description, gop_seconds, .maximum = 60, .unit = "s",
        .help = "Distance of IDR pictures; 0: gop_frames counts, and if that is 0 too, one per segment, or one in "
                "two seconds where there are no segments (RTMP, archives)."),
    SETTING_UNSIGNED(struct video_description, gop_frames, .maximum = 7200, .unit = "frames",
                     .help = "Distance of IDR pictures in frames of this video, if gop_seconds is 0."),
    SETTING_UNSIGNED(struct video_description, b_frames, .maximum = 7, .default_number = 2,
                     .help = "B pictures between two reference pictures; 0 gives the shortest delay."),
    SETTING_UNSIGNED(struct video_description, reference_frames, .maximum = 6,
                     .help = "Reference pictures; 0: as the preset says."),
    SETTING_CHOICE(struct video_description, profile, .choices = profiles, .default_number = PROFILE_HIGH,
                   .help = "H.264 profile; baseline knows no B pictures. The other codecs have the one that suits "
                           "bit_depth."),
    SETTING_CHOICE(struct video_description, preset, .choices = presets, .default_number = PRESET_VERYFAST,
                   .help = "Quality against speed; slower looks better at the same bitrate."),
    SETTING_UNSIGNED(struct video_description, capture_interval, .maximum = 3600000,
                     .help = "For codec = \"jpeg\": distance of the pictures; 0: one a segment of the output."),
    SETTING_CHOICE(struct video_description, capture_interval_unit, .choices = capture_interval_units,
                   .default_number = CAPTURE_INTERVAL_SECONDS, .help = "What capture_interval counts."),
    SETTING_UNSIGNED(struct video_description, jpeg_quality, .minimum = 1, .maximum = 100, .default_number = 80,
                     .help = "For codec = \"jpeg\": 100 is best."),
    { 0 },
};
const struct settings video_description_settings = {
    .name = "video",
    .size = sizeof(struct video_description),
    .rows = video_description_rows,
    .help = "One rung of the ladder: how the video is scaled and encoded.",
};

static const struct setting audio_description_rows[] = {
    SETTING_STRING(struct audio_description, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name by which outputs refer to this audio."),
    SETTING_STRING(struct audio_description, selector,
                   .help = "Audio selector to take it from; empty: the first one, or the first audio of the program."),
    SETTING_CHOICE(struct audio_description, codec, .choices = audio_codecs, .default_number = AUDIO_CODEC_AAC,
                   .help = "Codec of this audio; aac is AAC-LC."),
    SETTING_UNSIGNED(struct audio_description, bitrate, .minimum = 16000, .maximum = 1024000, .default_number = 128000,
                     .unit = "bit/s", .help = "Bitrate of this audio, all its channels together."),
    SETTING_UNSIGNED(struct audio_description, sample_rate, .minimum = 32000, .maximum = 48000, .default_number = 48000,
                     .unit = "Hz", .help = "Sample rate: 48000, 44100 or 32000."),
    SETTING_UNSIGNED(struct audio_description, channels, .maximum = 6,
                     .help = "1 mono, 2 stereo, 6 for 5.1; 0: as the source has when the channel starts."),
    { 0 },
};
const struct settings audio_description_settings = {
    .name = "audio",
    .size = sizeof(struct audio_description),
    .rows = audio_description_rows,
    .help = "How an audio is encoded.",
};

/* ---- behaviour without a source ---- */
static const struct setting input_loss_rows[] = {
    SETTING_UNSIGNED(struct input_loss_behavior, repeat_frame_msec, .maximum = 1000000, .default_number = 1000,
                     .unit = "ms",
                     .help = "How long the last picture is repeated when the source is lost; "
                             "0: not at all, 1000000: for ever."),
    SETTING_UNSIGNED(struct input_loss_behavior, black_frame_msec, .maximum = 1000000, .default_number = 1000,
                     .unit = "ms", .help = "How long black is shown after that; 0: not at all, 1000000: for ever."),
    SETTING_CHOICE(struct input_loss_behavior, image, .choices = input_loss_images, .default_number = INPUT_LOSS_COLOR,
                   .help = "What is shown then until the source is back: a color, or the slate picture."),
    SETTING_STRING(struct input_loss_behavior, color, .default_text = "000000",
                   .help = "Color as six hexadecimal digits RRGGBB."),
    SETTING_STRING(struct input_loss_behavior, slate, .help = "Path of a PNG or JPEG file, for image = \"slate\"."),
    { 0 },
};
const struct settings input_loss_settings = {
    .name = "input_loss",
    .size = sizeof(struct input_loss_behavior),
    .rows = input_loss_rows,
    .help = "What is encoded while the source is lost.",
};

/* ---- packaging ---- */
static const char *const scte35_behaviors[] = { "none", "passthrough", NULL };

static const struct setting transport_stream_rows[] = {
    SETTING_UNSIGNED(struct transport_stream, program_number, .minimum = 1, .maximum = 65535, .default_number = 1,
                     .help = "Program number."),
    SETTING_UNSIGNED(struct transport_stream, pmt_pid, .minimum = 32, .maximum = 8182, .default_number = 480,
                     .help = "PID of the program map table."),
    SETTING_UNSIGNED(struct transport_stream, video_pid, .minimum = 32, .maximum = 8182, .default_number = 481,
                     .help = "PID of the video."),
    SETTING_UNSIGNED(struct transport_stream, audio_pid, .minimum = 32, .maximum = 8182, .default_number = 482,
                     .help = "PID of the first audio; the others follow it."),
    SETTING_UNSIGNED(struct transport_stream, timed_metadata_pid, .minimum = 32, .maximum = 8182, .default_number = 502,
                     .help = "PID of timed metadata (ID3)."),
    SETTING_CHOICE(struct transport_stream, scte35, .choices = scte35_behaviors, .default_number = SCTE35_NONE,
                   .help =
                       "SCTE 35 messages of the source: none, or passthrough: in the stream, their times adjusted to "
                       "it, and IDR pictures at splices."),
    SETTING_UNSIGNED(struct transport_stream, scte35_pid, .minimum = 32, .maximum = 8182, .default_number = 500,
                     .help = "PID of SCTE 35 messages."),
    SETTING_UNSIGNED(struct transport_stream, pat_interval, .maximum = 1000, .default_number = 500, .unit = "ms",
                     .help = "Time between two program tables (PAT and PMT); 0: at the start of every segment only."),
    SETTING_UNSIGNED(struct transport_stream, pcr_period, .maximum = 500, .unit = "ms",
                     .help = "Longest time between two program clock references: there is one with every picture, and "
                             "what is missing between pictures is in packets of its own. 0, and what is longer than "
                             "the standard allows: 100 ms."),
    SETTING_UNSIGNED(struct transport_stream, transport_stream_id, .minimum = 1, .maximum = 65535, .default_number = 1,
                     .help = "Identifier of the transport stream, in PAT, SDT and NIT."),
    SETTING_UNSIGNED(struct transport_stream, original_network_id, .minimum = 1, .maximum = 65535,
                     .default_number = 65281, .help = "Original network's identifier, in SDT and NIT."),
    SETTING_STRING(struct transport_stream, service_name,
                   .help = "Name of the program in the SDT; empty: the output's name."),
    SETTING_STRING(struct transport_stream, service_provider, .default_text = "Biplane",
                   .help = "Provider of the program in the SDT, and name of the network in the NIT."),
    SETTING_UNSIGNED(struct transport_stream, sdt_interval, .maximum = 10000, .default_number = 5000, .unit = "ms",
                     .help = "Time between two service description tables (25 and more); 0: at the start of every "
                             "segment only, as with pat_interval = 0."),
    SETTING_UNSIGNED(struct transport_stream, nit_interval, .maximum = 10000, .unit = "ms",
                     .help = "Time between two network information tables (25 and more); 0: none."),
    { 0 },
};
const struct settings transport_stream_settings = {
    .name = "transport_stream",
    .size = sizeof(struct transport_stream),
    .rows = transport_stream_rows,
    .help = "How a transport stream is laid out.",
};

static const struct setting timed_metadata_rows[] = {
    SETTING_CHOICE(struct timed_metadata, frame, .choices = timed_metadata_frames,
                   .default_number = TIMED_METADATA_NONE,
                   .help = "ID3 frame with the time of day, among the media: none, priv or tdrl."),
    SETTING_UNSIGNED(struct timed_metadata, period, .minimum = 1, .maximum = 3600, .default_number = 10, .unit = "s",
                     .help = "Time between two of them."),
    SETTING_STRING(struct timed_metadata, segment_tag,
                   .help = "Text of an ID3 tag at the start of every segment, with $identifiers$; empty: none."),
    { 0 },
};
const struct settings timed_metadata_settings = {
    .name = "timed_metadata",
    .size = sizeof(struct timed_metadata),
    .rows = timed_metadata_rows,
    .help = "Timed metadata (ID3) among the media.",
};

static const struct setting encryption_rows[] = {
    SETTING_CHOICE(struct encryption, method, .choices = encryption_methods, .default_number = ENCRYPTION_NONE,
                   .help = "none, aes_128 (whole segments) or sample_aes (the media in them; in fMP4 that is cbcs)."),
    SETTING_STRING(struct encryption, key, .flags = SETTING_SECRET, .help = "The key: 32 hexadecimal digits."),
    SETTING_CHOICE(struct encryption, iv, .choices = encryption_ivs,
                   .default_number = ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER,
                   .help = "Initialization vector: follows_segment_number, or explicit (constant_iv)."),
    SETTING_STRING(struct encryption, constant_iv, .help = "For iv = \"explicit\": 32 hexadecimal digits."),
    { 0 },
};
const struct settings encryption_settings = {
    .name = "encryption",
    .size = sizeof(struct encryption),
    .rows = encryption_rows,
    .help = "Encryption of HLS segments with a static key.",
};

static const char *const avail_modes[] = { "scte35_splice_insert", "scte35_time_signal_apos", NULL };
static const char *const avail_flags[] = { "follow", "ignore", NULL };
static const char *const avail_scopes[] = { "all_output_groups", "scte35_enabled_output_groups", NULL };

static const struct setting avail_rows[] = {
    SETTING_CHOICE(struct avail_settings, mode, .choices = avail_modes, .default_number = AVAIL_MODE_SPLICE_INSERT,
                   .help = "Which messages are avails. scte35_splice_insert: splice_insert, and time_signal of breaks, "
                           "placement opportunities and advertisements; scte35_time_signal_apos: time_signal of "
                           "breaks and placement opportunities alone."),
    SETTING_DOUBLE(struct avail_settings, ad_avail_offset, .minimum = -1000, .maximum = 1000, .unit = "ms",
                   .help = "Added to the times of avails."),
    SETTING_CHOICE(struct avail_settings, web_delivery_allowed_flag, .choices = avail_flags,
                   .default_number = AVAIL_FLAG_FOLLOW,
                   .help = "ignore: a descriptor whose web_delivery_allowed_flag is 0 makes no avail."),
    SETTING_CHOICE(struct avail_settings, no_regional_blackout_flag, .choices = avail_flags,
                   .default_number = AVAIL_FLAG_FOLLOW,
                   .help = "ignore: a descriptor whose no_regional_blackout_flag is 0 makes no avail."),
    SETTING_CHOICE(struct avail_settings, scte35_segmentation_scope, .choices = avail_scopes,
                   .default_number = AVAIL_SCOPE_ALL_OUTPUT_GROUPS,
                   .help =
                       "Which groups of type hls and mediapackage (v1) begin segments at avails: all of a channel in "
                       "which one of them hands messages on or has ad_markers, or only those that do so."),
    { 0 },
};
const struct settings avail_settings_table = {
    .name = "avails",
    .size = sizeof(struct avail_settings),
    .rows = avail_rows,
    .help = "Which SCTE 35 messages of the source are avails, and where they are cut at.",
};

static const struct setting output_rows[] = {
    SETTING_STRING(struct encode_output, group, .flags = SETTING_REQUIRED, .help = "Name of the output group."),
    SETTING_STRING(struct encode_output, name, .flags = SETTING_REQUIRED, .help = "Name of the output in its group."),
    SETTING_CHOICE(struct encode_output, package, .choices = package_types, .default_number = PACKAGE_HLS_TS,
                   .help = "Container of the segments; hls_ts: MPEG transport stream, fmp4: CMAF, aac: packed audio, "
                           "m2ts: transport stream in short pieces, jpeg: single pictures, flv, smooth."),
    SETTING_DOUBLE(struct encode_output, segment_length, .minimum = 0.1, .maximum = 3600, .default_number = 10,
                   .unit = "s", .help = "Length of a segment, or of a piece of m2ts."),
    SETTING_DOUBLE(struct encode_output, rollover_interval, .maximum = 86400, .default_number = 300, .unit = "s",
                   .help = "For m2ts: a file begins at each multiple of it."),
    SETTING_UNSIGNED(struct encode_output, timestamp_delta_ms, .maximum = 86400000, .unit = "ms",
                     .help = "How much later its timestamps are than the timeline."),
    SETTING_CHOICE(struct encode_output, input_loss_action, .choices = input_loss_actions,
                   .default_number = INPUT_LOSS_EMIT_OUTPUT,
                   .help =
                       "While the source is lost: emit_output goes on with filler, pause_output makes no segments."),
    SETTING_STRING(struct encode_output, video, .help = "Video description in this output; empty: audio only."),
    SETTING_STRINGS(struct encode_output, audios, .help = "Audio descriptions in this output."),
    SETTING_GROUP(struct encode_output, transport_stream, &transport_stream_settings,
                  .help = "Layout of hls_ts and m2ts."),
    SETTING_GROUP(struct encode_output, timed_metadata, &timed_metadata_settings,
                  .help = "ID3 in hls_ts, m2ts and fmp4."),
    SETTING_GROUP(struct encode_output, encryption, &encryption_settings, .help = "Encryption of HLS segments."),
    SETTING_UINT64(struct encode_output, time_origin, .minimum = 0, .maximum = 1e15, .unit = "ticks",
                   .help = "For smooth: times in the fragments count from here, in 90 kHz ticks since 1970."),
    SETTING_CHOICE(struct encode_output, splice_cut, .choices = splice_cuts, .default_number = SPLICE_CUT_NONE,
                   .help = "Where SCTE 35 wants a splice: none, key (an IDR picture), for smooth fragment (and "
                           "another fragment begins with it), for HLS segment (at avails a segment begins with it)."),
    SETTING_DOUBLE(struct encode_output, min_segment_length, .maximum = 1800, .unit = "s",
                   .help = "With splice_cut segment, what no boundary before an avail may leave of a segment; 0: half "
                           "of segment_length."),
    { 0 },
};
const struct settings encode_output_settings = {
    .name = "output",
    .size = sizeof(struct encode_output),
    .rows = output_rows,
    .help = "What is muxed together and where it is cut.",
};

static const struct setting sparse_rows[] = {
    SETTING_STRING(struct encode_sparse, group, .flags = SETTING_REQUIRED, .help = "Name of the output group."),
    SETTING_STRING(struct encode_sparse, name, .flags = SETTING_REQUIRED, .help = "Name of the stream in its group."),
    SETTING_DOUBLE(struct encode_sparse, fragment_length, .minimum = 0.1, .maximum = 3600, .default_number = 2,
                   .unit = "s", .help = "Length of a fragment of the group's media."),
    SETTING_UINT64(struct encode_sparse, time_origin, .minimum = 0, .maximum = 1e15, .unit = "ticks",
                   .help = "As of an output."),
    { 0 },
};
static const struct settings encode_sparse_settings = {
    .name = "sparse",
    .size = sizeof(struct encode_sparse),
    .rows = sparse_rows,
    .help = "The source's SCTE 35 messages as a stream of a Smooth group.",
};

static const struct setting job_rows[] = {
    SETTING_STRING(struct encode_job, channel, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of the channel."),
    SETTING_UNSIGNED(struct encode_job, pipeline, .maximum = 1, .help = "Pipeline of the channel: 0 or 1."),
    SETTING_STRING(struct encode_job, input, .flags = SETTING_REQUIRED,
                   .help = "Input to attach to, at the data plane of the same pipeline."),
    SETTING_CHOICE(struct encode_job, accelerator, .choices = accelerators, .default_number = ACCELERATOR_AUTO,
                   .help = "auto: a GPU where there is one, else software; hardware or software: nothing else."),
    SETTING_CHOICE(struct encode_job, encoder, .choices = encoders, .default_number = ENCODER_AUTO,
                   .help = "vpl: oneVPL; vaapi: VA-API; auto: oneVPL where the accelerator has it."),
    SETTING_UNSIGNED(struct encode_job, encoder_threads, .minimum = 1, .maximum = 64, .default_number = 1,
                     .help = "Threads of each encode in the software runtime; hardware does not look at it."),
    SETTING_UNSIGNED(struct encode_job, framerate_numerator, .maximum = 1000000,
                     .help = "Frames per second of the channel, numerator; 0: as the source."),
    SETTING_UNSIGNED(struct encode_job, framerate_denominator, .maximum = 1000000, .default_number = 1,
                     .help = "Frames per second of the channel, denominator."),
    SETTING_GROUP(struct encode_job, video_selector, &video_selector_settings, .help = "Which video is used."),
    SETTING_LIST(struct encode_job, audio_selectors, &audio_selector_settings, .help = "Which audios are used."),
    SETTING_UNSIGNED(struct encode_job, scte35_pid, .maximum = 8191,
                     .help = "PID of SCTE 35 messages; 0: the first of the program."),
    SETTING_LIST(struct encode_job, videos, &video_description_settings, .help = "Video encodes."),
    SETTING_LIST(struct encode_job, audios, &audio_description_settings, .help = "Audio encodes."),
    SETTING_GROUP(struct encode_job, avails, &avail_settings_table, .help = "Which SCTE 35 messages are avails."),
    SETTING_GROUP(struct encode_job, input_loss, &input_loss_settings, .help = "What is encoded without a source."),
    SETTING_LIST(struct encode_job, outputs, &encode_output_settings, .flags = SETTING_REQUIRED,
                 .help = "What is packaged."),
    SETTING_LIST(struct encode_job, sparses, &encode_sparse_settings, .help = "Streams of SCTE 35 messages."),
    SETTING_UNSIGNED(struct encode_job, unacknowledged_megabytes, .minimum = 1, .maximum = 65536, .default_number = 256,
                     .unit = "MiB", .help = "Finished segments kept until the management plane has delivered them."),
    { 0 },
};
const struct settings encode_job_settings = {
    .name = "encode_job",
    .size = sizeof(struct encode_job),
    .rows = job_rows,
    .help = "What one encode process does: one pipeline of one channel.",
};
