/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/captions.h"

#include <string.h>

enum {
    SEI_USER_DATA_T35 = 4,
    MARK_BYTES = 8,  /* country, provider, "GA94", type of cc_data */
    HEAD_BYTES = 10, /* those, flags with the count, em_data */
    TRIPLET_BYTES = 3,
    TRIPLETS_MAX = 31,   /* of one cc_data: five bits count them */
    SHARES_MAX = 4,      /* cc_data that may meet */
    VALID = 0x04,        /* cc_valid of a triplet's first byte */
    PROCESS_DATA = 0xc0, /* reserved bit, process_cc_data_flag */
};

static const uint8_t mark[MARK_BYTES] = { 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 0x03 };

/* What is being made of two lists of messages. */
struct join {
    uint8_t triplets[SHARES_MAX * TRIPLETS_MAX][TRIPLET_BYTES];
    unsigned count;
    struct captions out;
};

struct message {
    unsigned type, bytes; /* of the payload */
    const uint8_t *payload, *end;
};

/* A number of an SEI message's head: bytes of 255 add up, another ends it. */
static bool read_number(const uint8_t **at, const uint8_t *end, unsigned *number)
{
    for (*number = 0; *at < end && **at == 0xff; ++*at)
        *number += 0xff;
    if (*at == end)
        return false;
    *number += *(*at)++;
    return true;
}

static bool read_message(const uint8_t *at, const uint8_t *end, struct message *message)
{
    if (!read_number(&at, end, &message->type) || !read_number(&at, end, &message->bytes) ||
        message->bytes > (size_t)(end - at))
        return false;
    message->payload = at;
    message->end = at + message->bytes;
    return true;
}

/* Triplets of a message that is cc_data; -1: it is something else. */
static int triplets_of(const struct message *message)
{
    if (message->type != SEI_USER_DATA_T35 || message->bytes < HEAD_BYTES || memcmp(message->payload, mark, MARK_BYTES))
        return -1;
    unsigned count = message->payload[MARK_BYTES] & 0x1f;
    return HEAD_BYTES + count * TRIPLET_BYTES <= message->bytes ? (int)count : -1;
}

static bool put(struct captions *captions, const uint8_t *bytes, size_t count)
{
    if (count > sizeof captions->messages - captions->bytes)
        return false;
    memcpy(captions->messages + captions->bytes, bytes, count);
    captions->bytes += (unsigned)count;
    return true;
}

static bool take_triplets(struct join *join, const uint8_t *triplets, unsigned count)
{
    for (unsigned i = 0; i < count; i++, triplets += TRIPLET_BYTES) {
        if (!(triplets[0] & VALID))
            continue;
        if (join->count == sizeof join->triplets / sizeof join->triplets[0])
            return false;
        memcpy(join->triplets[join->count++], triplets, TRIPLET_BYTES);
    }
    return true;
}

static bool take_messages(struct join *join, const uint8_t *at, unsigned bytes)
{
    const uint8_t *end = at + bytes;
    struct message message;

    for (; at < end; at = message.end) {
        if (!read_message(at, end, &message))
            return false;
        int triplets = triplets_of(&message);
        if (triplets < 0 ? !put(&join->out, at, (size_t)(message.end - at))
                         : !take_triplets(join, message.payload + HEAD_BYTES, (unsigned)triplets))
            return false;
    }
    return true;
}

static bool put_cc_data(struct captions *captions, const uint8_t triplets[][TRIPLET_BYTES], unsigned count)
{
    const uint8_t head[] = { SEI_USER_DATA_T35, (uint8_t)(HEAD_BYTES + count * TRIPLET_BYTES + 1) }, filler = 0xff;
    const uint8_t counts[] = { (uint8_t)(PROCESS_DATA | count), filler };

    return put(captions, head, sizeof head) && put(captions, mark, sizeof mark) &&
           put(captions, counts, sizeof counts) && put(captions, triplets[0], (size_t)count * TRIPLET_BYTES) &&
           put(captions, &filler, 1);
}

/* CEA-608 pairs come before CEA-708's packets; among themselves they keep their order. */
static unsigned sort(const struct join *join, uint8_t sorted[][TRIPLET_BYTES])
{
    unsigned count = 0;

    for (unsigned later = 0; later < 2; later++)
        for (unsigned i = 0; i < join->count; i++)
            if (((join->triplets[i][0] & 3) >= 2) == later)
                memcpy(sorted[count++], join->triplets[i], TRIPLET_BYTES);
    return count;
}

static bool put_triplets(struct join *join)
{
    uint8_t sorted[SHARES_MAX * TRIPLETS_MAX][TRIPLET_BYTES];
    unsigned count = sort(join, sorted);

    for (unsigned i = 0; i < count; i += TRIPLETS_MAX)
        if (!put_cc_data(&join->out, sorted + i, count - i < TRIPLETS_MAX ? count - i : TRIPLETS_MAX))
            return false;
    return true;
}

bool captions_join(struct captions *captions, const uint8_t *messages, unsigned bytes)
{
    struct join join = { 0 };

    if (!bytes)
        return true;
    if (!captions->bytes)
        return put(captions, messages, bytes);
    if (!take_messages(&join, captions->messages, captions->bytes) || !take_messages(&join, messages, bytes) ||
        !put_triplets(&join))
        return false;
    *captions = join.out;
    return true;
}
