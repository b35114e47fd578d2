/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach_format.h - messages on a data plane's unix socket ("dataplane-<pipeline>.socket" in the run directory).
 *
 * A client sends one request and gets one reply. ATTACH: the reply carries the stream ring's descriptor; the connection
 * then stays open and is closed by the data plane when the ring is no longer fed (input removed, or process gone).
 * STATUS: the reply is followed by JSON text (see docs) of `text_bytes` bytes in the same message.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define ATTACH_MAGIC UINT32_C(0x54415042) /* "BPAT" */
enum { ATTACH_VERSION = 1, ATTACH_NAME_BYTES = 64 };
enum attach_request_type { ATTACH_REQUEST_ATTACH = 1, ATTACH_REQUEST_STATUS = 2 };

struct attach_request {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    char input[ATTACH_NAME_BYTES]; /* ATTACH: terminated */
};
static_assert(sizeof(struct attach_request) == 72, "attach request layout");

struct attach_reply {
    uint32_t magic;
    uint16_t version;
    uint16_t reserved;
    int32_t code;        /* 0 or a negative errno */
    uint32_t text_bytes; /* of the text behind this struct: the reason, or the status */
};
static_assert(sizeof(struct attach_reply) == 16, "attach reply layout");
