/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff_message.c - sizes and ranges of every hand-off message, in one table and one function each. */
#include "encode/handoff_message.h"

#include <errno.h>
#include <string.h>

#include "board/error.h"
#include "board/message_socket.h"

/* Ticks of 90 kHz since 1970 stay below this for three thousand years, and below what a double holds exactly. */
#define TICK_MAX_90K    (INT64_C(1) << 53)
#define PTS_LIMIT_90K   (INT64_C(1) << 33)
#define SEGMENT_MAX_90K (INT64_C(3600) * 90000)

enum { FRAMERATE_MAX = 1000, FRAME_MULTIPLE_MAX = 60 /* lcm of 1..6 */, PICTURE_SIDE_MAX = 16384, H273_MAX = 255 };

struct message_kind {
    const char *name;
    size_t bytes; /* STATUS: at least */
    bool from_encode;
    int (*check)(const void *message, struct error *err); /* NULL: the header says all */
};

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "%s is out of range", what);
}

/* A name ends up in file names and log lines: printable ASCII, no slash, not hidden. */
static int check_text(const char *text, size_t capacity, const char *what, struct error *err)
{
    size_t length = strnlen(text, capacity);
    if (length == capacity)
        return error_set(err, -EBADMSG, "%s is not terminated", what);
    if (length == 0)
        return error_set(err, -EBADMSG, "%s is empty", what);
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '/' || text[i] == '\\' || text[i] == '"')
            return error_set(err, -EBADMSG, "%s holds a character that may not be there", what);
    if (text[0] == '.')
        return error_set(err, -EBADMSG, "%s starts with a dot", what);
    for (size_t i = length; i < capacity; i++)
        if (text[i])
            return error_set(err, -EBADMSG, "%s is not padded with zeros", what);
    return 0;
}

static bool in_range(int64_t value, int64_t minimum, int64_t maximum)
{
    return value >= minimum && value <= maximum;
}

static bool framerate_is_sane(uint32_t numerator, uint32_t denominator, bool may_be_unknown)
{
    if (numerator == 0 && denominator == 0)
        return may_be_unknown;
    return in_range(numerator, 1, 1000000) && in_range(denominator, 1, 1000000) &&
           numerator <= (uint64_t)denominator * FRAMERATE_MAX;
}

static int check_anchor(const struct handoff_anchor *anchor, struct error *err)
{
    if (!in_range(anchor->anchor_90k, 0, PTS_LIMIT_90K - 1))
        return bad(err, "anchor");
    if (!in_range(anchor->skew_90k, -TICK_MAX_90K, TICK_MAX_90K))
        return bad(err, "skew of the anchor");
    return 0;
}

/* What the section says is for encode/splice.h to read. */
static int check_splice(const struct handoff_splice *splice, struct error *err)
{
    if (!in_range(splice->arrival_90k, 1, TICK_MAX_90K) || !in_range(splice->shift_90k, -TICK_MAX_90K, TICK_MAX_90K) ||
        !in_range(splice->newest_90k, 0, TICK_MAX_90K))
        return bad(err, "time of a splice");
    if (splice->bytes == 0 || splice->bytes > sizeof splice->section)
        return bad(err, "size of a section");
    return 0;
}

static int check_hello(const void *message, struct error *err)
{
    const struct handoff_hello *hello = message;
    int result = check_text(hello->channel, sizeof hello->channel, "channel", err);
    if (result < 0)
        return result;
    if (hello->pipeline > 1)
        return bad(err, "pipeline");
    if (!in_range(hello->process, 1, INT32_MAX))
        return bad(err, "process");
    if (hello->instance == 0)
        return bad(err, "instance");
    return check_anchor(&hello->anchor, err);
}

static int check_welcome(const void *message, struct error *err)
{
    const struct handoff_welcome *welcome = message;
    if (!framerate_is_sane(welcome->framerate_numerator, welcome->framerate_denominator, true))
        return bad(err, "frame rate");
    if (!in_range(welcome->resume_tick_90k, 0, TICK_MAX_90K))
        return bad(err, "resume tick");
    for (unsigned i = 0; i < HANDOFF_ANCHORS_MAX && welcome->anchors[i].id; i++)
        if (check_anchor(&welcome->anchors[i], err) < 0)
            return -EBADMSG;
    for (unsigned i = 0; i < HANDOFF_SPLICES_MAX && welcome->splices[i].arrival_90k; i++)
        if (check_splice(&welcome->splices[i], err) < 0)
            return -EBADMSG;
    return 0;
}

static int check_splice_message(const void *message, struct error *err)
{
    const struct handoff_splice_message *splice = message;
    return check_splice(&splice->splice, err);
}

static int check_anchor_request(const void *message, struct error *err)
{
    const struct handoff_anchor_request *request = message;
    if (!in_range(request->pts_90k, 0, PTS_LIMIT_90K - 1))
        return bad(err, "PTS");
    if (!in_range(request->arrival_90k, 0, TICK_MAX_90K))
        return bad(err, "arrival");
    if (!in_range(request->next_90k, 0, TICK_MAX_90K))
        return bad(err, "next picture");
    if (!framerate_is_sane(request->framerate_numerator, request->framerate_denominator, false))
        return bad(err, "frame rate");
    if (!in_range(request->frame_multiple, 1, FRAME_MULTIPLE_MAX))
        return bad(err, "frame multiple");
    return 0;
}

static int check_anchor_answer(const void *message, struct error *err)
{
    const struct handoff_anchor_answer *answer = message;
    if (!in_range(answer->pts_90k, 0, PTS_LIMIT_90K - 1))
        return bad(err, "PTS");
    if (answer->anchor.id == 0)
        return bad(err, "anchor id");
    return check_anchor(&answer->anchor, err);
}

static int check_segment_media(const struct handoff_segment *segment, struct error *err)
{
    if (segment->width > PICTURE_SIDE_MAX || segment->height > PICTURE_SIDE_MAX || !segment->width != !segment->height)
        return bad(err, "picture size");
    if (!framerate_is_sane(segment->framerate_numerator, segment->framerate_denominator, true))
        return bad(err, "frame rate");
    if (segment->sample_rate > 768000 || segment->channels > 64)
        return bad(err, "audio format");
    if (segment->transfer_characteristics > H273_MAX)
        return bad(err, "transfer characteristics");
    return check_text(segment->codecs, sizeof segment->codecs, "codecs", err);
}

static int check_segment_contents(const struct handoff_segment *segment, struct error *err)
{
    if (segment->bytes == 0 || segment->bytes > UINT32_MAX)
        return bad(err, "segment size");
    if (segment->header_bytes > segment->bytes)
        return bad(err, "size of the container's header");
    if (segment->keys_count > HANDOFF_KEYS_MAX)
        return bad(err, "number of key pictures");
    for (unsigned i = 0; i < segment->keys_count; i++)
        if ((uint64_t)segment->keys[i].offset + segment->keys[i].bytes > segment->bytes)
            return bad(err, "place of a key picture");
    return 0;
}

static int check_cue(const struct handoff_cue *cue, struct error *err)
{
    size_t bytes = 0;

    if (cue->flags & ~(uint32_t)(HANDOFF_CUE_IN | HANDOFF_CUE_OUT | HANDOFF_CUE_CONTINUES | HANDOFF_CUE_SECTION))
        return bad(err, "flags of the cue");
    if (!in_range(cue->begin_90k, 0, TICK_MAX_90K) || !in_range(cue->duration_90k, 0, TICK_MAX_90K) ||
        !in_range(cue->elapsed_90k, 0, TICK_MAX_90K))
        return bad(err, "time of the cue");
    if (cue->sections_count > HANDOFF_SECTIONS_MAX || (cue->flags & HANDOFF_CUE_SECTION && !cue->sections_count))
        return bad(err, "number of sections");
    for (unsigned i = 0; i < cue->sections_count; i++)
        bytes += cue->section_bytes[i];
    return bytes > sizeof cue->sections ? bad(err, "size of the sections") : 0;
}

static int check_segment(const void *message, struct error *err)
{
    const struct handoff_segment *segment = message;
    int result = check_text(segment->group, sizeof segment->group, "output group", err);
    if (result == 0)
        result = check_text(segment->output, sizeof segment->output, "output", err);
    if (result < 0)
        return result;
    if (segment->instance == 0 || segment->serial == 0)
        return bad(err, "instance or serial");
    if (!in_range(segment->number, 0, TICK_MAX_90K))
        return bad(err, "segment number");
    if (!in_range(segment->start_90k, 0, TICK_MAX_90K))
        return bad(err, "segment start");
    if (!in_range(segment->duration_90k, 1, SEGMENT_MAX_90K))
        return bad(err, "segment duration");
    if (check_segment_contents(segment, err) < 0)
        return -EBADMSG;
    if (segment->flags &
        ~(uint32_t)(HANDOFF_DISCONTINUITY | HANDOFF_PARTIAL | HANDOFF_FILLER | HANDOFF_LAST | HANDOFF_MOVED))
        return bad(err, "flags");
    if (check_cue(&segment->cue, err) < 0)
        return -EBADMSG;
    return check_segment_media(segment, err);
}

static int check_acknowledge(const void *message, struct error *err)
{
    const struct handoff_acknowledge *acknowledge = message;
    if (acknowledge->instance == 0 || acknowledge->serial == 0)
        return bad(err, "instance or serial");
    return 0;
}

static const struct message_kind kinds[] = {
    [HANDOFF_HELLO] = { "HELLO", sizeof(struct handoff_hello), true, check_hello },
    [HANDOFF_WELCOME] = { "WELCOME", sizeof(struct handoff_welcome), false, check_welcome },
    [HANDOFF_ANCHOR_REQUEST] = { "ANCHOR_REQUEST", sizeof(struct handoff_anchor_request), true, check_anchor_request },
    [HANDOFF_ANCHOR] = { "ANCHOR", sizeof(struct handoff_anchor_answer), false, check_anchor_answer },
    [HANDOFF_SEGMENT] = { "SEGMENT", sizeof(struct handoff_segment), true, check_segment },
    [HANDOFF_ACKNOWLEDGE] = { "ACKNOWLEDGE", sizeof(struct handoff_acknowledge), false, check_acknowledge },
    [HANDOFF_STATUS] = { "STATUS", sizeof(struct handoff_header) + 2, true, NULL },
    [HANDOFF_STOP] = { "STOP", sizeof(struct handoff_header), false, NULL },
    [HANDOFF_SPLICE] = { "SPLICE", sizeof(struct handoff_splice_message), true, check_splice_message },
};

static const struct message_kind *kind_of(unsigned type)
{
    return type < sizeof kinds / sizeof kinds[0] && kinds[type].name ? &kinds[type] : NULL;
}

/* Everything that the header alone tells. */
static int check_header(const struct handoff_header *header, size_t bytes, struct error *err)
{
    if (header->magic != HANDOFF_MAGIC)
        return error_set(err, -EBADMSG, "not a hand-off message (magic %08x)", header->magic);
    if (header->version != HANDOFF_VERSION)
        return error_set(err, -EPROTONOSUPPORT, "hand-off version %u, this is version %d", header->version,
                         HANDOFF_VERSION);
    const struct message_kind *kind = kind_of(header->type);
    if (!kind)
        return error_set(err, -EBADMSG, "unknown hand-off message type %u", header->type);
    if (header->bytes != bytes)
        return error_set(err, -EBADMSG, "%s message says %u bytes, came with %zu", kind->name, header->bytes, bytes);
    bool fits =
        header->type == HANDOFF_STATUS ? bytes >= kind->bytes && bytes <= MESSAGE_BYTES_MAX : bytes == kind->bytes;
    if (!fits)
        return error_set(err, -EBADMSG, "%s message of %zu bytes, want %zu", kind->name, bytes, kind->bytes);
    return 0;
}

int handoff_message_check(const void *message, size_t bytes, enum handoff_type *type, struct error *err)
{
    union {
        struct handoff_header header;
        struct handoff_hello hello;
        struct handoff_segment segment;
        struct handoff_welcome welcome; /* the longest of fixed size */
    } copy;                             /* aligned */

    if (bytes < sizeof copy.header)
        return error_set(err, -EBADMSG, "hand-off message of %zu bytes is shorter than its header", bytes);
    memcpy(&copy.header, message, sizeof copy.header);
    int result = check_header(&copy.header, bytes, err);
    if (result < 0)
        return result;
    const struct message_kind *kind = kind_of(copy.header.type);
    enum handoff_type found = copy.header.type;
    if (kind->check) {
        memcpy(&copy, message, kind->bytes);
        if (kind->check(&copy, err) < 0) {
            error_wrap(err, "%s message", kind->name);
            return -EBADMSG;
        }
    }
    *type = found;
    return 0;
}

bool handoff_from_encode(enum handoff_type type)
{
    const struct message_kind *kind = kind_of(type);
    return kind && kind->from_encode;
}

bool handoff_from_management(enum handoff_type type)
{
    const struct message_kind *kind = kind_of(type);
    return kind && !kind->from_encode;
}

const char *handoff_type_name(enum handoff_type type)
{
    const struct message_kind *kind = kind_of(type);
    return kind ? kind->name : "?";
}

void handoff_header_fill(struct handoff_header *header, enum handoff_type type, size_t bytes)
{
    *header = (struct handoff_header){
        .magic = HANDOFF_MAGIC, .version = HANDOFF_VERSION, .type = (uint16_t)type, .bytes = (uint32_t)bytes
    };
}
