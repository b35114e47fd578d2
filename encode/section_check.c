/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/section_check.h"

#include <string.h>

#include "encode/section_bytes.h"

enum { PACKET_BYTES = 188, HEAD_BYTES = 3, STUFFING = 0xff, START_OF_UNIT = 0x40, SCRAMBLED = 0xc0 };

void section_check_begin(struct section_check *check, unsigned pid)
{
    check->pid = pid;
    check->counts = false;
    check->count = 0;
}

/* Bytes that the section has when it is whole; its length is known from the third byte on. */
static size_t whole(const struct section_check *check)
{
    return check->count < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + ((check->bytes[1] & 0x0fu) << 8 | check->bytes[2]);
}

/* Takes what belongs to the section that is begun; ends it when it is whole. Returns how many bytes that is. */
static size_t take(struct section_check *check, const uint8_t *at, size_t count, unsigned *damaged)
{
    size_t taken = 0;

    while (taken < count) {
        size_t end = whole(check);
        if (end > sizeof check->bytes) {
            ++*damaged;
            check->count = 0;
            return count;
        }
        size_t part = end - check->count < count - taken ? end - check->count : count - taken;
        memcpy(check->bytes + check->count, at + taken, part);
        check->count += part;
        taken += part;
        if (check->count >= HEAD_BYTES && check->count == whole(check)) {
            *damaged += !section_is_intact(check->bytes, check->count);
            check->count = 0;
            break;
        }
    }
    return taken;
}

/* Sections that begin in a packet, one behind the other, up to stuffing. */
static void take_all(struct section_check *check, const uint8_t *at, size_t count, unsigned *damaged)
{
    while (count && *at != STUFFING) {
        size_t taken = take(check, at, count, damaged);
        at += taken;
        count -= taken;
    }
}

static void take_payload(struct section_check *check, const uint8_t *at, size_t count, bool begins, unsigned *damaged)
{
    size_t rest = begins ? at[0] : count;

    if (begins) {
        at++;
        count--;
    }
    if (rest > count) {
        ++*damaged;
        check->count = 0;
        return;
    }
    if (check->count)
        take(check, at, rest, damaged);
    if (!begins)
        return;
    *damaged += check->count != 0; /* it should have ended here */
    check->count = 0;
    take_all(check, at + rest, count - rest, damaged);
}

unsigned section_check_push(struct section_check *check, const uint8_t *packet)
{
    unsigned damaged = 0, continuity = packet[3] & 15;
    size_t head = 4 + (packet[3] & 0x20 ? 1u + packet[4] : 0);

    if (!check->pid || ((packet[1] & 0x1fu) << 8 | packet[2]) != check->pid || !(packet[3] & 0x10) ||
        packet[3] & SCRAMBLED || head >= PACKET_BYTES)
        return 0;
    if (check->counts && continuity == check->continuity)
        return 0; /* the same again */
    if (check->counts && continuity != ((check->continuity + 1) & 15) && check->count) {
        damaged = 1;
        check->count = 0;
    }
    check->counts = true;
    check->continuity = continuity;
    take_payload(check, packet + head, PACKET_BYTES - head, packet[1] & START_OF_UNIT, &damaged);
    return damaged;
}
