/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.h - what one encode process is told to do: one pipeline of one channel, in a file in the run directory.
 *
 * The management plane writes it from the channel's configuration; nothing of destinations or credentials is in it. The
 * rows of the sections that the encode plane owns (selectors, video and audio descriptions, input loss) live here and
 * are used by the channel's configuration file too. Defaults stand in the rows (job.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "board/settings.h"

enum {
    ENCODE_NAME_BYTES = 64,
    ENCODE_VIDEOS_MAX = 8,
    ENCODE_AUDIOS_MAX = 8,
    ENCODE_AUDIO_SELECTORS_MAX = 8,
    ENCODE_OUTPUTS_MAX = 16, /* of all output groups of a channel together */
    ENCODE_SPARSES_MAX = 8,
    ENCODE_OUTPUT_AUDIOS_MAX = 4,
    ENCODE_TEXT_BYTES = 256,
};

/* ---- extraction: which program, video and audio of the source ---- */
struct video_selector {
    unsigned program_id; /* 0: the first program that has video */
    unsigned pid;        /* 0: the first video of the program */
};

struct audio_selector {
    char name[ENCODE_NAME_BYTES];
    unsigned pid;             /* 0: by language, or the first audio of the program */
    char language[4];         /* ISO 639-2, "" : any */
    unsigned language_policy; /* enum language_policy */
};
enum language_policy {
    LANGUAGE_LOOSE /* another audio when the language is not there */,
    LANGUAGE_STRICT /* silence */
};

/* ---- encodes ---- */
enum video_codec { VIDEO_CODEC_H264, VIDEO_CODEC_JPEG, VIDEO_CODEC_HEVC, VIDEO_CODEC_AV1 };
enum color_space { /* above PASSTHROUGH: converted to it */
                   COLOR_SPACE_AUTO,
                   COLOR_SPACE_PASSTHROUGH,
                   COLOR_SPACE_REC_601,
                   COLOR_SPACE_REC_709,
                   COLOR_SPACE_HDR10,
                   COLOR_SPACE_HLG_2020
};
enum capture_interval_unit { CAPTURE_INTERVAL_SECONDS, CAPTURE_INTERVAL_MILLISECONDS };
enum rate_control { RATE_CONTROL_CBR, RATE_CONTROL_VBR, RATE_CONTROL_QVBR };
enum video_profile { PROFILE_BASELINE, PROFILE_MAIN, PROFILE_HIGH };
enum quality_preset { /* choices "superfast" ... "slow": oneVPL TargetUsage 7..1 on hardware */
                      PRESET_ULTRAFAST,
                      PRESET_SUPERFAST,
                      PRESET_VERYFAST,
                      PRESET_FASTER,
                      PRESET_FAST,
                      PRESET_MEDIUM,
                      PRESET_SLOW
};

struct video_description {
    char name[ENCODE_NAME_BYTES];
    unsigned codec;             /* enum video_codec */
    unsigned bit_depth;         /* 8 or 10 */
    unsigned color_space;       /* enum color_space */
    unsigned width, height;     /* even; 0 and 0: as the source */
    unsigned framerate_divisor; /* 1: every frame of the channel's frame rate, 2: every second, ... up to 6 */
    unsigned rate_control;      /* enum rate_control */
    unsigned bitrate;           /* bit/s */
    unsigned max_bitrate;       /* bit/s, VBR and QVBR; 0: bitrate */
    unsigned buffer_size;       /* bits; 0: twice the (maximum) bitrate */
    unsigned quality;           /* QVBR level 1..10, 10 best */
    double gop_seconds;         /* 0: gop_frames counts */
    unsigned gop_frames;
    unsigned b_frames;         /* 0..7 between references */
    unsigned reference_frames; /* 0: the preset's */
    unsigned profile;          /* enum video_profile, H.264 */
    unsigned preset;           /* enum quality_preset */
    /* JPEG (frame capture): a picture at each multiple of the interval on the timeline */
    unsigned capture_interval;      /* 0: the segment_length of the output that takes it */
    unsigned capture_interval_unit; /* enum capture_interval_unit */
    unsigned jpeg_quality;          /* 1..100 */
};

enum audio_codec { AUDIO_CODEC_AAC };
struct audio_description {
    char name[ENCODE_NAME_BYTES];
    char selector[ENCODE_NAME_BYTES]; /* empty: the first selector, or the first audio of the program */
    unsigned codec;                   /* enum audio_codec */
    unsigned bitrate;                 /* bit/s */
    unsigned sample_rate;             /* Hz: 48000 or 44100 or 32000 */
    unsigned channels;                /* 0: as the source (of the first probe); 1, 2, 6 */
};

/* ---- the channel's timeline and its behaviour without a source ---- */
enum input_loss_image { INPUT_LOSS_COLOR, INPUT_LOSS_SLATE };
struct input_loss_behavior {
    unsigned repeat_frame_msec; /* 0..1000000; 1000000: for ever */
    unsigned black_frame_msec;
    unsigned image;                /* enum input_loss_image */
    char color[8];                 /* "RRGGBB" */
    char slate[ENCODE_TEXT_BYTES]; /* path of a PNG or JPEG */
};

enum encode_accelerator { ACCELERATOR_AUTO, ACCELERATOR_HARDWARE, ACCELERATOR_SOFTWARE };
enum encode_encoder { ENCODER_AUTO, ENCODER_VPL, ENCODER_VAAPI };

/* ---- packaging: what is muxed together and where it is cut ---- */
enum package_type {
    PACKAGE_HLS_TS, /* transport stream, cut at IDR pictures */
    PACKAGE_FMP4,   /* CMAF: fragmented MP4, one track */
    PACKAGE_AAC,    /* packed audio: an ID3 tag with the time, then ADTS frames */
    PACKAGE_M2TS,   /* transport stream in pieces that, laid end to end, make a file from rollover to rollover */
    PACKAGE_JPEG,   /* frame capture: one file a picture */
    PACKAGE_FLV,    /* for RTMP */
    PACKAGE_SMOOTH, /* fragments of Microsoft Smooth Streaming */
};
enum timed_metadata_frame { TIMED_METADATA_NONE, TIMED_METADATA_PRIV, TIMED_METADATA_TDRL };
struct timed_metadata {
    unsigned frame;  /* enum timed_metadata_frame: the ID3 frame with the time of day */
    unsigned period; /* s between two of them */
    /* an ID3 tag with this text (TXXX) at the start of every segment, $identifiers$ filled in; empty: none */
    char segment_tag[ENCODE_TEXT_BYTES];
};

enum encryption_method { ENCRYPTION_NONE, ENCRYPTION_AES_128, ENCRYPTION_SAMPLE_AES };
enum encryption_iv { ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER, ENCRYPTION_IV_EXPLICIT };
struct encryption {
    unsigned method; /* enum encryption_method: HLS with a static key */
    char key[36];    /* 32 hexadecimal digits: a secret */
    unsigned iv;     /* enum encryption_iv; follows: handoff_segment.number, big-endian in 16 bytes */
    char constant_iv[36];
};

enum scte35_behavior { SCTE35_NONE, SCTE35_PASSTHROUGH };
struct transport_stream {
    unsigned program_number;
    unsigned pmt_pid, video_pid;
    unsigned audio_pid;          /* of the first audio; the others follow */
    unsigned timed_metadata_pid; /* of ID3 */
    unsigned scte35;             /* enum scte35_behavior */
    unsigned scte35_pid;
    unsigned pat_interval; /* ms between PAT and PMT; 0: at the start of each segment only */
    unsigned pcr_period;   /* ms at most between references; 0: 100, which is the most anyway */
    unsigned transport_stream_id, original_network_id;
    unsigned sdt_interval;                /* ms; 0: at the start of each segment only */
    unsigned nit_interval;                /* ms; 0: there is no NIT */
    char service_name[ENCODE_NAME_BYTES]; /* empty: the output's name */
    char service_provider[ENCODE_NAME_BYTES];
};

/* What is done to an output's video where SCTE 35 wants a splice. */
enum splice_cut {
    SPLICE_CUT_NONE,
    SPLICE_CUT_KEY,      /* an IDR picture */
    SPLICE_CUT_FRAGMENT, /* and another fragment begins with it, in the same segment */
    SPLICE_CUT_SEGMENT   /* at avails a segment begins with it (encode/cut_plan.h), which is told what they are */
};

/* ---- avails: which messages of SCTE 35 speak of breaks ---- */
enum avail_mode {
    AVAIL_MODE_SPLICE_INSERT,   /* splice_insert, and time_signal of breaks, placement opportunities, advertisements */
    AVAIL_MODE_TIME_SIGNAL_APOS /* time_signal of breaks and placement opportunities */
};
enum avail_flag { AVAIL_FLAG_FOLLOW, AVAIL_FLAG_IGNORE };
enum avail_scope { AVAIL_SCOPE_ALL_OUTPUT_GROUPS, AVAIL_SCOPE_SCTE35_ENABLED_OUTPUT_GROUPS };
struct avail_settings {
    unsigned mode;                      /* enum avail_mode */
    double ad_avail_offset;             /* ms, added to the times of avails */
    unsigned web_delivery_allowed_flag; /* enum avail_flag, where a descriptor restricts it */
    unsigned no_regional_blackout_flag; /* likewise */
    unsigned scte35_segmentation_scope; /* enum avail_scope */
};
enum input_loss_action { INPUT_LOSS_EMIT_OUTPUT, INPUT_LOSS_PAUSE_OUTPUT };
struct encode_output {
    char group[ENCODE_NAME_BYTES];                            /* output group's name */
    char name[ENCODE_NAME_BYTES];                             /* output's name, unique in the group */
    unsigned package;                                         /* enum package_type */
    double segment_length;                                    /* s; M2TS: of a piece, JPEG: not looked at */
    double rollover_interval;                                 /* s, M2TS: begins with an IDR at its multiples */
    unsigned timestamp_delta_ms;                              /* timestamps in its files are so much later */
    unsigned input_loss_action;                               /* enum input_loss_action */
    char video[ENCODE_NAME_BYTES];                            /* a video description's name; empty: audio only */
    char audios[ENCODE_OUTPUT_AUDIOS_MAX][ENCODE_NAME_BYTES]; /* audio descriptions' names */
    unsigned audios_count;
    struct transport_stream transport_stream; /* HLS_TS, M2TS */
    struct timed_metadata timed_metadata;     /* HLS_TS, FMP4, M2TS */
    struct encryption encryption;             /* HLS_TS, FMP4 (AES_128 only), AAC */
    uint64_t time_origin;                     /* SMOOTH: what its times count from, 90 kHz ticks since 1970 */
    unsigned splice_cut;                      /* enum splice_cut; FRAGMENT: SMOOTH only */
    double min_segment_length;                /* s, SPLICE_CUT_SEGMENT; 0: half of segment_length */
};

/* The SCTE 35 messages of the source as a stream of their own (sparse_output.h), for groups of Smooth Streaming. */
struct encode_sparse {
    char group[ENCODE_NAME_BYTES];
    char name[ENCODE_NAME_BYTES]; /* as an output's, and not one of theirs */
    double fragment_length;       /* s, of the group's media */
    uint64_t time_origin;         /* as of an output */
};

struct encode_job {
    char channel[ENCODE_NAME_BYTES];
    unsigned pipeline;             /* 0 or 1 */
    char input[ENCODE_NAME_BYTES]; /* attached at the data plane of the same pipeline */
    unsigned accelerator;          /* enum encode_accelerator */
    unsigned encoder;              /* enum encode_encoder */
    unsigned encoder_threads;      /* of the software runtime, per encode; hardware ignores it */
    unsigned framerate_numerator;  /* 0: as the source */
    unsigned framerate_denominator;
    struct video_selector video_selector;
    struct audio_selector audio_selectors[ENCODE_AUDIO_SELECTORS_MAX];
    unsigned audio_selectors_count;
    unsigned scte35_pid; /* of the source; 0: the first of the program */
    struct avail_settings avails;
    struct video_description videos[ENCODE_VIDEOS_MAX];
    unsigned videos_count;
    struct audio_description audios[ENCODE_AUDIOS_MAX];
    unsigned audios_count;
    struct input_loss_behavior input_loss;
    struct encode_output outputs[ENCODE_OUTPUTS_MAX];
    unsigned outputs_count;
    struct encode_sparse sparses[ENCODE_SPARSES_MAX];
    unsigned sparses_count;
    unsigned unacknowledged_megabytes; /* finished segments kept until the management plane has delivered them */
};

extern const struct settings video_selector_settings;
extern const struct settings audio_selector_settings;
extern const struct settings video_description_settings;
extern const struct settings audio_description_settings;
extern const struct settings input_loss_settings;
extern const struct settings transport_stream_settings;
extern const struct settings timed_metadata_settings;
extern const struct settings encryption_settings;
extern const struct settings avail_settings_table;
extern const struct settings encode_output_settings; /* its defaults are where an output's settings begin */
extern const struct settings encode_job_settings;

/* Checks what a row cannot say (even sizes, GOP and segment length fit, names refer to something): adds problems. */
void encode_job_check(const struct encode_job *job, struct problems *problems);
void video_description_check(const struct video_description *video, struct problems *problems);
void audio_description_check(const struct audio_description *audio, struct problems *problems);
void input_loss_check(const struct input_loss_behavior *input_loss, struct problems *problems);
void encode_output_check(const struct encode_job *job, const struct encode_output *output, struct problems *problems);
void encryption_check(const struct encryption *encryption, struct problems *problems);
void transport_stream_check(const struct transport_stream *stream, struct problems *problems);
/* Whether segments of this length are a whole number of the video's GOPs, within one frame. framerate 0/0 or 0/1: not
 * known; then a GOP in frames always fits (every segment boundary gets its IDR anyway). */
bool video_gop_fits_segment(const struct video_description *video, double segment_length, unsigned framerate_numerator,
                            unsigned framerate_denominator);
/* Whether two outputs may cut the same video: the longer segments are a whole number of the shorter ones, so that every
 * cut of the one is a cut of the other. */
bool segment_lengths_fit(double one, double other);
const char *color_space_name(unsigned color_space); /* as in the configuration; static */
const char *video_codec_name(unsigned codec);       /* as in the configuration */
/* Distance of a JPEG video's pictures: its own, or the segment length of the first output that takes it. */
int64_t video_capture_interval_90k(const struct encode_job *job, unsigned video);
/* Whether every file of it begins at a boundary of the grid, with an IDR picture if there is video. */
bool encode_output_is_segmented(const struct encode_output *output);
/* Where IDR pictures must be for an output's sake, in s: its cuts, or M2TS rollovers (its pieces may be cut anywhere);
 * 0: nowhere. */
double encode_output_cut_length(const struct encode_output *output);
/* Whether the source's SCTE 35 messages are in its transport stream. */
bool encode_output_has_splices(const struct encode_output *output);
