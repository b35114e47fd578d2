/* SPDX-License-Identifier: GPL-2.0-or-later */
/* payload.h - user data of decoded pictures, waiting to be fetched by GetPayload: SEI messages and MPEG-2 user data.
 *
 * A bounded queue; when the application does not fetch, the oldest is dropped and counted. One thread owns it.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "drivers/softvpl/vpl.h"

enum { PAYLOADS_KEPT = 64, PAYLOAD_TYPE_MPEG2_USER_DATA = 0x1b2 };

struct payload_queue;

struct payload_queue *payload_queue_create(void);        /* give; NULL: no memory */
void payload_queue_destroy(struct payload_queue *queue); /* NULL is fine */
void payload_queue_clear(struct payload_queue *queue);

/* Takes what stands before the first slice of an access unit. */
void payload_queue_collect(struct payload_queue *queue, uint32_t codec, const uint8_t *unit, size_t bytes,
                           uint64_t time_stamp_90k);

/* As MFXVideoDECODE_GetPayload: NumBit 0 when there is none, MFX_ERR_NOT_ENOUGH_BUFFER keeps it. */
mfxStatus payload_queue_take(struct payload_queue *queue, mfxU64 *time_stamp_90k, mfxPayload *payload);
uint64_t payload_queue_dropped(const struct payload_queue *queue);

/* One sei_message() (H.264 7.3.2.3.1): the bytes of its header, and type and size from it; 0: not a whole message. */
size_t sei_message_header(const uint8_t *message, size_t bytes, uint32_t *type, uint32_t *size);
