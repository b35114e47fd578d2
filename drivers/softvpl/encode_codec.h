/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_codec.h - what the ENCODE component needs of a coding library: one entry of a table per codec.
 *
 * The component (encoder.h) knows surfaces, bitstreams, sync points and time stamps; the library knows pictures by
 * number. A picture goes in, and from the (delay + 1)th on one comes out for each that goes in: never does what was
 * promised depend on a picture that was not submitted yet. All functions of an open library are called by the session's
 * worker, or while the worker has nothing to do.
 *
 *     const struct encode_codec *codec = encode_codec_find(MFX_CODEC_HEVC);
 *     void *library;
 *     status = codec->open(&library, &settings, threads, log);
 *     codec->encode(library, &picture, &coded);
 *     while (codec->encode(library, NULL, &coded) && coded.bytes) ...;
 *     codec->close(library);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/image.h"
#include "drivers/softvpl/log.h"
#include "drivers/softvpl/vpl.h"

struct encode_regions;
struct encode_settings;
struct verdict;

enum { ENCODE_MESSAGES_MAX = 32, ENCODE_HEADER_BYTES = 512 };

/* User data of one picture: SEI messages without their headers. */
struct encode_messages {
    unsigned count;
    struct encode_message {
        uint8_t *data;
        uint32_t bytes;
        uint16_t type;
    } message[ENCODE_MESSAGES_MAX];
};

enum encode_type { ENCODE_AUTO, ENCODE_I, ENCODE_IDR };

struct encode_picture {
    struct image image; /* the visible part; borrow during the call */
    uint64_t number;    /* from 0 on, since the library was opened */
    enum encode_type type;
    int qp;                                 /* -1: the library decides */
    const struct encode_messages *messages; /* borrow during the call; NULL: none */
    const struct encode_regions *regions;   /* likewise; only where takes_regions() said so */
    bool due;                               /* a coded picture is promised for this one */
};

struct encode_coded {
    const uint8_t *data;   /* borrow until the next call */
    size_t bytes;          /* 0: nothing came out */
    uint64_t number;       /* of the picture */
    int64_t decode_number; /* the number of the picture whose time is this one's decode time; may be below 0 */
    uint16_t frame_type;   /* MFX_FRAMETYPE_ */
};

enum encode_header_kind { ENCODE_VPS, ENCODE_SPS, ENCODE_PPS, ENCODE_HEADERS };

/* The parameter sets, as the stream has them. */
struct encode_headers {
    struct encode_header {
        uint8_t data[ENCODE_HEADER_BYTES];
        size_t bytes;
    } header[ENCODE_HEADERS];
};
void encode_header_keep(struct encode_headers *headers, enum encode_header_kind kind, const uint8_t *data,
                        size_t bytes);

struct encode_codec {
    uint32_t id;             /* MFX_CODEC_ */
    const char *library;     /* its name, for the log */
    const uint32_t *formats; /* FourCCs that it takes; ends with 0 */
    const uint32_t *buffers; /* extension buffers of Query, Init and GetVideoParam; ends with 0 */
    bool messages;           /* takes them */
    unsigned region_block;   /* pixels to which regions of interest grow; 0: it has none */

    /* Rules beyond those that all codecs have; complete: for Init. */
    void (*check)(struct verdict *verdict, mfxVideoParam *par, bool complete);
    void (*mark)(mfxInfoMFX *mfx);
    void (*defaults)(struct encode_settings *settings);

    mfxStatus (*open)(void **library, const struct encode_settings *settings, unsigned threads, struct log *log);
    void (*close)(void *library);
    unsigned (*delay)(void *library);                               /* pictures held back */
    void (*headers)(void *library, struct encode_headers *headers); /* NULL: it has none */
    /* picture NULL: drain one. false: the library failed. */
    bool (*encode)(void *library, const struct encode_picture *picture, struct encode_coded *coded);
    bool (*takes_regions)(void *library); /* as it was opened; NULL: never */
    /* Only rate and quality differ; false: it cannot. NULL: always a new sequence. */
    bool (*reconfigure)(void *library, const struct encode_settings *settings);
    /* Puts in what the library made of values that were left open. From any thread. */
    void (*resolve)(void *library, const struct encode_headers *headers, mfxVideoParam *par);
};

const struct encode_codec *encode_codec_find(uint32_t id); /* NULL: there is none */
/* All of them, one after the other; NULL: no more. */
const struct encode_codec *encode_codec_at(unsigned index);

extern const struct encode_codec encode_codec_h264, encode_codec_hevc, encode_codec_av1, encode_codec_jpeg;
