/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output_group.h - what an output group is: its outputs, its settings, and where each pipeline's copy goes.
 *
 * The rows of its configuration sections live here. Names and naming rules are the field's: an HLS destination is a
 * URL prefix without a trailing slash; the master playlist is <prefix>.m3u8, a media playlist is
 * <prefix><name_modifier>.m3u8, a segment <prefix><name_modifier>[<segment_modifier>]_<number>.ts. Destinations and
 * modifiers may hold $identifiers$ (encode/identifiers.h): here they stand as written, mgmt/channel_names.h fills them
 * in.
 */
#pragma once
#include <stdbool.h>

#include "board/settings.h"
#include "encode/job.h"
#include "mgmt/archive_settings.h"
#include "mgmt/cmaf_settings.h"
#include "mgmt/hls_settings.h"
#include "mgmt/mediapackage_settings.h"
#include "mgmt/rtmp_settings.h"
#include "mgmt/smooth_settings.h"

enum {
    OUTPUT_URL_BYTES = 512,
    OUTPUT_GROUPS_MAX = 8,
    OUTPUT_DESTINATIONS_MAX = 4, /* one a pipeline, and where the type takes them another one a pipeline */
    OUTPUT_GROUP_OUTPUTS_MAX = 8,
};

enum container { CONTAINER_TS, CONTAINER_FMP4, CONTAINER_AAC };
enum audio_track_type {
    AUDIO_ONLY_VARIANT_STREAM,           /* a STREAM-INF of its own */
    ALTERNATE_AUDIO_AUTO_SELECT,         /* a rendition, DEFAULT=NO, AUTOSELECT=YES */
    ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT, /* DEFAULT=YES, AUTOSELECT=YES */
    ALTERNATE_AUDIO_NOT_AUTO_SELECT      /* DEFAULT=NO, AUTOSELECT=NO */
};
enum { OUTPUT_RENDITION_SETS_MAX = 4 };

enum output_group_type {
    OUTPUT_GROUP_HLS,
    OUTPUT_GROUP_ARCHIVE,
    OUTPUT_GROUP_CMAF_INGEST,
    OUTPUT_GROUP_MEDIAPACKAGE,
    OUTPUT_GROUP_RTMP,
    OUTPUT_GROUP_FRAME_CAPTURE,
    OUTPUT_GROUP_SMOOTH
};
enum cdn_type { CDN_BASIC_PUT, CDN_FOLDER, CDN_S3, CDN_MEDIASTORE, CDN_WEBDAV, CDN_AKAMAI };
enum http_transfer_mode { HTTP_TRANSFER_NON_CHUNKED, HTTP_TRANSFER_CHUNKED };

/* How a destination is connected to; the reference calls it the connection (CDN) settings. */
struct connection_settings {
    unsigned cdn;                     /* enum cdn_type: what kind of server it is */
    double connection_retry_interval; /* s between tries */
    unsigned num_retries;             /* tries of one file before the destination counts as failed */
    unsigned filecache_duration;      /* s that a file waits at most; older ones are dropped, counted, alerted */
    double restart_delay;             /* s that a failed destination rests before it is tried again */
    unsigned timeout;                 /* s that one transfer may take without progress */
    unsigned cache_megabytes;         /* in memory, of one destination */
    unsigned disk_cache_megabytes;    /* beyond that, on the box's disk; oldest dropped past it. 0: none */
    unsigned connections;             /* at once to one destination */
    unsigned canned_acl;              /* of S3 objects */
    bool unsigned_payload;            /* S3 and MediaStore over https: bodies are not hashed */
    unsigned http_transfer_mode;      /* enum http_transfer_mode, of HTTP servers */
    char akamai_token[16];            /* name of the query parameter */
};

struct destination {
    char url[OUTPUT_URL_BYTES];                    /* prefix of file names; no user or password in it */
    char stream[ENCODE_TEXT_BYTES];                /* RTMP: its name at the server, often a secret */
    char credentials[ENCODE_NAME_BYTES];           /* name of a section of the credentials file; empty: none */
    char certificate_authority[ENCODE_TEXT_BYTES]; /* PEM file; empty: the system's */
    unsigned certificate_check;                    /* enum transfer_certificate_check */
    char interface[16];                            /* network interface to leave by; empty: as the routes say */
    char source_address[48];                       /* address to leave from; empty: as the routes say */
    char endpoint[OUTPUT_URL_BYTES];               /* of an S3 store; empty: AWS */
    char region[ENCODE_NAME_BYTES];                /* of S3 and MediaStore; empty: us-east-1, or as the host says */
};

struct output {
    char name[ENCODE_NAME_BYTES];
    char name_modifier[ENCODE_NAME_BYTES]; /* unique in the group */
    char segment_modifier[ENCODE_NAME_BYTES];
    char video[ENCODE_NAME_BYTES];
    char audio[ENCODE_OUTPUT_AUDIOS_MAX][ENCODE_NAME_BYTES];
    unsigned audio_count;
    unsigned container;                  /* enum container */
    unsigned audio_track_type;           /* enum audio_track_type: of an output without video */
    char audio_group[ENCODE_NAME_BYTES]; /* that an output without video belongs to */
    char audio_rendition_sets[OUTPUT_RENDITION_SETS_MAX][ENCODE_NAME_BYTES]; /* audio groups that go with a video */
    unsigned audio_rendition_sets_count;
    char language[ENCODE_NAME_BYTES]; /* of its audio, RFC 5646; empty: not said */
};

struct output_group {
    char name[ENCODE_NAME_BYTES];
    unsigned type; /* enum output_group_type */
    struct hls_settings hls;
    struct archive_settings archive;
    struct cmaf_settings cmaf_ingest;
    struct mediapackage_settings mediapackage;
    struct rtmp_settings rtmp;
    struct smooth_settings smooth;
    struct connection_settings connection;
    struct destination destinations[OUTPUT_DESTINATIONS_MAX];
    unsigned destinations_count;
    struct output outputs[OUTPUT_GROUP_OUTPUTS_MAX];
    unsigned outputs_count;
};

extern const struct settings connection_settings_table;
extern const struct settings destination_settings;
extern const struct settings output_settings;
extern const struct settings output_group_settings;

/* What a type of group is: one file a type (hls_group.h, ...), found in a table in output_group.c. Pure functions. */
struct output_group_class {
    const char *name;
    void (*complete)(struct output_group *group); /* sets what the type imposes or may be left out; NULL: nothing */
    /* What a row cannot say, and what is not true of every type. */
    void (*check)(const struct output_group *group, struct problems *problems);
    /* The setting that says how often its outputs cut a video, s (borrow); NULL: they do not. */
    const double *(*segment_length)(const struct output_group *group);
    /* Package, segment length and action on input loss of an output; its names, video and audios are filled in. */
    void (*encode)(const struct output_group *group, const struct output *output, struct encode_output *made);
    /* The stream of SCTE 35 messages that it wants beside its outputs, all but its group; false: none. NULL: never. */
    bool (*sparse)(const struct output_group *group, struct encode_sparse *made);
    unsigned identifiers;            /* that its modifiers may hold (enum identifier); 0: IDENTIFIERS_MODIFIER */
    const char *modifier_characters; /* that they may hold beside letters, digits, _ - and . ; NULL: none */
    bool (*takes_additional)(const struct output_group *group); /* destinations; NULL: it does not */
    bool (*url_is_folder)(const struct output_group *group);    /* destinations end in a slash; NULL: they must not */
    bool dates_per_segment; /* $dt$, $d$ and $t$ in them are each segment's; else those of the channel's start */
    /* What is wrong with the URL, as the end of a sentence; NULL: nothing. No function: the store's (mgmt/store.h). */
    const char *(*destination_fault)(const struct destination *destination);
};

const struct output_group_class *output_group_class_of(const struct output_group *group); /* borrow: static */

/* Names the outputs that have no name (after their name modifier, or their place), and what the type completes. */
void output_group_complete(struct output_group *group);

/* Checks what a row cannot say: URL forms, duplicates after resolution, modifiers, and what the type checks. */
void output_group_check_files(const struct output_group *group, struct problems *problems);
void output_group_check(const struct output_group *group, unsigned pipelines, struct problems *problems);
