/* SPDX-License-Identifier: GPL-2.0-or-later */
/* origin.h - where a downstream reads: an HTTP server, an S3 bucket, a folder, behind one set of calls.
 *
 * Each call waits until it is done, at most for the time limits; *stop ends it sooner. One thread an origin. Answers
 * are bounded by bytes_maximum. No text of an answer holds a secret.
 *
 *     origin_open(&origin, &(struct origin_config){.address = "https://origin/live/news.m3u8", .stop = &stop}, &err);
 *     origin_get(origin, &(struct origin_request){.address = url, .bytes_maximum = 1 << 20}, &answer);
 *     if (answer.outcome == ORIGIN_OK) use(answer.data, answer.bytes);
 *     origin_answer_free(&answer);
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/origincheck/observation.h"

struct credential;
struct error;
struct origin;

enum origin_outcome {
    ORIGIN_OK,
    ORIGIN_UNCHANGED, /* as it was when it had this etag */
    ORIGIN_ABSENT,    /* 404, 410, no such file */
    ORIGIN_PARTIAL,   /* it ended before the length it had announced */
    ORIGIN_FAILED,
};

enum { ORIGIN_ETAG_BYTES = 128, ORIGIN_LISTED_MAX = 100000 };

struct origin_request {
    const char *address;
    bool head;              /* only length and date */
    bool playlist;          /* may be compressed */
    uint64_t offset, range; /* range 0: all */
    uint64_t tail;          /* the last bytes; 0: not asked for */
    size_t bytes_maximum;   /* of the body; more is ORIGIN_FAILED */
    const char *etag;       /* of an earlier answer; NULL or "": none */
};

struct origin_answer {
    enum origin_outcome outcome;
    unsigned status; /* HTTP; 0: no HTTP or no answer */
    uint8_t *data;   /* one byte behind it is 0 */
    size_t bytes;
    uint64_t length;      /* of the whole resource, as far as told; else 0 */
    uint64_t modified_ns; /* UTC; 0: not told */
    bool encoded;         /* Content-Encoding was said and undone */
    bool too_long;        /* there were more than bytes_maximum; data holds these */
    bool cut;             /* of a listing: there were more than ORIGIN_LISTED_MAX, or more text than is read */
    char etag[ORIGIN_ETAG_BYTES];
    uint64_t duration_ns;
    char text[OBSERVATION_TEXT_BYTES]; /* what went wrong, with the address as it may be shown */
};

struct origin_listed {
    const char *name; /* behind the last slash; borrow during the call */
    bool told;        /* bytes and modified_ns are known */
    uint64_t bytes, modified_ns;
};

typedef void origin_on_listed(void *context, const struct origin_listed *listed);

struct origin_config {
    const char *address;                 /* borrow during open: what will be read lies here */
    const struct credential *credential; /* borrow: outlives the origin; NULL: none */
    const char *certificate_authority;   /* borrow, like credential; NULL or "": the system's */
    const char *interface_name;          /* the network interface to leave by; NULL or "": by route */
    const char *endpoint, *region;       /* of S3; NULL or "": AWS's */
    bool self_signed;                    /* whatever certificate is taken */
    bool mediastore;                     /* https:// of a MediaStore container: signed like S3 */
    unsigned timeout_s;                  /* without progress; 0: 5 */
    const atomic_bool *stop;             /* borrow */
};

struct origin_class {
    const char *schemes[3]; /* "https://", ...; "": a path */
    int (*open)(struct origin **out, const struct origin_config *config, struct error *err);
    void (*close)(struct origin *origin);
    void (*get)(struct origin *origin, const struct origin_request *request, struct origin_answer *answer);
    /* What lies in the folder of this prefix and begins with it. */
    void (*list)(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                 struct origin_answer *answer);
};

/* The first member of every origin. */
struct origin {
    const struct origin_class *class;
};

int origin_open(struct origin **out, const struct origin_config *config, struct error *err);
void origin_close(struct origin *origin); /* NULL is fine */
void origin_get(struct origin *origin, const struct origin_request *request, struct origin_answer *answer);
void origin_list(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                 struct origin_answer *answer);
void origin_answer_free(struct origin_answer *answer);

extern const struct origin_class origin_http, origin_folder, origin_s3;

/* For the classes: what went wrong. */
void origin_failed(struct origin_answer *answer, enum origin_outcome outcome, const char *address, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
