/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/avails.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/job.h"
#include "encode/splice.h"

#define FAR_90K    (INT64_C(24 * 3600) * 90000) /* a break lasts no longer, nor is told of so far ahead */
#define OPEN_90K   (INT64_C(3600) * 90000)      /* where neither a message nor a duration ends it */
#define REPEAT_90K (INT64_C(60) * 90000)        /* the same message without a time within this is the same */

/* From inside to outside; splice_insert knows no others. */
enum kind { KIND_NONE, KIND_ADVERTISEMENT, KIND_PLACEMENT, KIND_BREAK, KIND_INSERT };

/* A section, as long as a hand-over can hold it; bytes 0: it is longer. */
struct text {
    int64_t shift_90k;
    uint32_t bytes;
    uint8_t section[HANDOFF_SECTION_BYTES];
};

struct avail {
    uint32_t id;
    enum kind kind;
    int64_t begin, end;   /* frames */
    bool ends;            /* the end has been said */
    int64_t duration_90k; /* 0: not said */
    struct text text;
};

/* A message that is told of as it is. */
struct note {
    int64_t frame;
    uint32_t id;
    unsigned type;
    bool timed;
    struct text text;
};

struct avails {
    struct avails_config config;
    struct avail avails[AVAILS_MAX]; /* in the order they came */
    unsigned avail_count;
    struct note notes[AVAIL_NOTES_MAX];
    unsigned note_count;
    struct avails_counters counters;
};

/* What one message says, while it is taken. */
struct taking {
    struct avails *avails;
    const struct avail_message *message;
    struct splice splice;
    int64_t frame; /* of its time, or of the first that can still be cut */
    bool timed, late;
    struct avail_cuts *cuts;
    bool taken, repeated, cancelled, refused;
};

int avails_create(struct avails **out, const struct avails_config *config, struct error *err)
{
    struct avails *avails = calloc(1, sizeof *avails);

    if (!avails)
        return error_set(err, -ENOMEM, "no memory for breaks");
    avails->config = *config;
    *out = avails;
    return 0;
}

void avails_destroy(struct avails *avails)
{
    free(avails);
}

/* ---- times ---- */
static int64_t tick_90k(const struct avails *avails, int64_t frame)
{
    return timeline_frame_tick_90k(avails->config.rate, frame);
}

/* The frame of a time that every rung has. */
static int64_t frame_at(const struct avails *avails, int64_t time_90k)
{
    int64_t multiple = avails->config.rate->frame_multiple ? avails->config.rate->frame_multiple : 1;
    int64_t frame = timeline_frame_at_90k(avails->config.rate, time_90k);
    return frame + (multiple - frame % multiple) % multiple;
}

static int64_t first_of(const struct avails *avails, const struct avail_message *message)
{
    int64_t multiple = avails->config.rate->frame_multiple ? avails->config.rate->frame_multiple : 1;
    return (message->first_frame + multiple - 1) / multiple * multiple;
}

/* When it happens, near its arrival. */
static void find_frame(struct taking *taking)
{
    const struct avails *avails = taking->avails;
    const struct avail_message *message = taking->message;
    int64_t first = first_of(avails, message);

    taking->frame = first;
    taking->timed = !taking->splice.encrypted && taking->splice.pts_90k >= 0;
    if (!taking->timed)
        return;
    int64_t ahead_90k = (taking->splice.pts_90k - (message->arrival_90k - message->shift_90k)) & (PTS_MODULUS - 1);
    if (ahead_90k >= PTS_MODULUS / 2)
        ahead_90k -= PTS_MODULUS;
    int64_t wanted = frame_at(avails, message->arrival_90k + ahead_90k + avails->config.settings->ad_avail_offset * 90);
    taking->late = wanted < first;
    taking->frame = taking->late || ahead_90k > FAR_90K ? first : wanted;
}

static struct text text_of(const struct avail_message *message)
{
    struct text text = { .shift_90k = message->shift_90k };

    if (message->bytes <= sizeof text.section) {
        text.bytes = (uint32_t)message->bytes;
        memcpy(text.section, message->section, message->bytes);
    }
    return text;
}

/* ---- what counts as an avail ---- */
static enum kind kind_of(unsigned mode, uint8_t type)
{
    switch (type & ~1u) {
    case SEGMENTATION_BREAK:
        return KIND_BREAK;
    case SEGMENTATION_PROVIDER_PLACEMENT:
    case SEGMENTATION_DISTRIBUTOR_PLACEMENT:
        return KIND_PLACEMENT;
    case SEGMENTATION_PROVIDER_ADVERTISEMENT:
    case SEGMENTATION_DISTRIBUTOR_ADVERTISEMENT:
        return mode == AVAIL_MODE_SPLICE_INSERT ? KIND_ADVERTISEMENT : KIND_NONE;
    default:
        return KIND_NONE;
    }
}

static bool is_ignored(const struct avail_settings *settings, const struct splice_segmentation *segmentation)
{
    return (settings->web_delivery_allowed_flag == AVAIL_FLAG_IGNORE && !segmentation->web_delivery_allowed) ||
           (settings->no_regional_blackout_flag == AVAIL_FLAG_IGNORE && !segmentation->no_regional_blackout);
}

/* A splice_insert is one, unless its descriptors speak of other things. */
static bool insert_counts(const struct avails *avails, const struct splice *splice)
{
    bool counts = splice->segmentations_count == 0;

    if (avails->config.settings->mode != AVAIL_MODE_SPLICE_INSERT)
        return false;
    for (unsigned i = 0; i < splice->segmentations_count; i++)
        counts |= kind_of(AVAIL_MODE_SPLICE_INSERT, splice->segmentations[i].type) != KIND_NONE &&
                  !is_ignored(avails->config.settings, &splice->segmentations[i]);
    return counts || splice->cancels;
}

/* ---- the table ---- */
static void add_cut(struct taking *taking, int64_t frame)
{
    if (taking->cuts->add_count < AVAIL_CUTS_MAX)
        taking->cuts->add[taking->cuts->add_count++] = frame;
}

/* Breaks that follow one another have a cut in common: it stays as long as another avail than `of` needs it. */
static void remove_cut(struct taking *taking, const struct avail *of, int64_t frame)
{
    for (unsigned i = 0; i < taking->avails->avail_count; i++) {
        const struct avail *avail = &taking->avails->avails[i];
        if (avail != of && (avail->begin == frame || (avail->ends && avail->end == frame)))
            return;
    }
    if (taking->cuts->remove_count < AVAIL_CUTS_MAX)
        taking->cuts->remove[taking->cuts->remove_count++] = frame;
}

static void remove_avail(struct avails *avails, unsigned index)
{
    avails->avail_count--;
    memmove(avails->avails + index, avails->avails + index + 1,
            (avails->avail_count - index) * sizeof avails->avails[0]);
}

/* Room for one more: the oldest that is over goes. */
static bool make_room(struct avails *avails, int64_t first)
{
    for (unsigned i = 0; avails->avail_count == AVAILS_MAX && i < AVAILS_MAX; i++)
        if (avails->avails[i].end < first)
            remove_avail(avails, i);
    return avails->avail_count < AVAILS_MAX;
}

/* The newest of this event. */
static struct avail *find(struct avails *avails, enum kind kind, uint32_t id)
{
    for (unsigned i = avails->avail_count; i-- > 0;)
        if (avails->avails[i].kind == kind && avails->avails[i].id == id)
            return &avails->avails[i];
    return NULL;
}

/* The one that a message ends: of its event, else of its kind the newest that is not over then. */
static struct avail *find_begun(struct avails *avails, enum kind kind, uint32_t id, int64_t frame)
{
    struct avail *own = find(avails, kind, id);

    if (own && own->begin < frame)
        return own;
    for (unsigned i = avails->avail_count; i-- > 0;) {
        struct avail *avail = &avails->avails[i];
        if (avail->kind == kind && avail->begin < frame && avail->end >= frame)
            return avail;
    }
    return NULL;
}

static bool is_same(const struct text *one, const struct text *other)
{
    return one->bytes == other->bytes && memcmp(one->section, other->section, one->bytes) == 0;
}

static void call_off(struct taking *taking, struct avail *avail)
{
    struct avails *avails = taking->avails;
    unsigned kept = 0;

    for (unsigned i = 0; i < avails->note_count; i++)
        if (avails->notes[i].frame != avail->begin || !is_same(&avails->notes[i].text, &avail->text))
            avails->notes[kept++] = avails->notes[i];
    avails->note_count = kept;
    remove_cut(taking, avail, avail->begin);
    if (avail->ends)
        remove_cut(taking, avail, avail->end);
    remove_avail(taking->avails, (unsigned)(avail - taking->avails->avails));
}

/* ---- begin, end, cancel ---- */
static void begin(struct taking *taking, enum kind kind, uint32_t id, int64_t duration_90k, bool ends)
{
    struct avails *avails = taking->avails;
    int64_t first = first_of(avails, taking->message);
    struct avail *known = find(avails, kind, id);

    bool at_once = !taking->timed || taking->late;

    if (known && (known->begin == taking->frame || (at_once && known->begin <= first && known->end > first))) {
        taking->repeated = true;
        return;
    }
    if (known && known->begin >= first)
        call_off(taking, known); /* another time than it said before */
    if (!make_room(avails, first)) {
        taking->refused = true;
        return;
    }
    if (duration_90k > FAR_90K)
        duration_90k = 0;
    struct avail *avail = &avails->avails[avails->avail_count++];
    *avail = (struct avail){ .id = id,
                             .kind = kind,
                             .begin = taking->frame,
                             .end = frame_at(avails, tick_90k(avails, taking->frame) + OPEN_90K),
                             .ends = ends && duration_90k > 0,
                             .duration_90k = duration_90k,
                             .text = text_of(taking->message) };
    add_cut(taking, avail->begin);
    if (avail->ends) {
        avail->end = frame_at(avails, tick_90k(avails, avail->begin) + duration_90k);
        add_cut(taking, avail->end);
    }
    taking->taken = true;
}

/* Whether the same message was told shortly before. */
static bool is_told(const struct taking *taking)
{
    const struct avails *avails = taking->avails;
    const struct text text = text_of(taking->message);

    for (unsigned i = 0; i < avails->note_count; i++) {
        const struct note *note = &avails->notes[i];
        if (is_same(&note->text, &text) && tick_90k(avails, taking->frame) - tick_90k(avails, note->frame) < REPEAT_90K)
            return true;
    }
    return false;
}

static void end(struct taking *taking, enum kind kind, uint32_t id)
{
    struct avails *avails = taking->avails;
    struct avail *avail = find_begun(avails, kind, id, taking->frame);

    if (avail && avail->end <= first_of(avails, taking->message)) { /* over */
        taking->repeated = taking->late;
        return;
    }
    if (avail && avail->end == taking->frame)
        return; /* as it was said */
    if (!avail && is_told(taking)) {
        taking->repeated = true;
        return;
    }
    if (avail && avail->ends)
        remove_cut(taking, avail, avail->end);
    if (avail) {
        avail->end = taking->frame;
        avail->ends = true;
    }
    add_cut(taking, taking->frame);
    taking->taken = true;
}

static void cancel(struct taking *taking, uint32_t id, bool of_insert)
{
    struct avails *avails = taking->avails;
    int64_t first = first_of(avails, taking->message);

    for (unsigned i = avails->avail_count; i-- > 0;) {
        struct avail *avail = &avails->avails[i];
        if (avail->id != id || (avail->kind == KIND_INSERT) != of_insert || avail->begin < first)
            continue;
        call_off(taking, avail);
        taking->cancelled = true;
    }
}

static void take_insert(struct taking *taking)
{
    const struct splice *splice = &taking->splice;

    if (!insert_counts(taking->avails, splice))
        return;
    if (splice->cancels)
        cancel(taking, splice->id, true);
    else if (splice->out_of_network)
        begin(taking, KIND_INSERT, splice->id, splice->duration_90k, splice->returns);
    else
        end(taking, KIND_INSERT, splice->id);
}

static void take_signal(struct taking *taking)
{
    const struct avail_settings *settings = taking->avails->config.settings;

    for (unsigned i = 0; i < taking->splice.segmentations_count; i++) {
        const struct splice_segmentation *segmentation = &taking->splice.segmentations[i];
        enum kind kind = kind_of(settings->mode, segmentation->type);
        if (segmentation->cancels)
            cancel(taking, segmentation->id, false);
        else if (kind == KIND_NONE || is_ignored(settings, segmentation))
            continue;
        else if (segmentation->type & 1)
            end(taking, kind, segmentation->id);
        else
            begin(taking, kind, segmentation->id, segmentation->duration_90k, true);
    }
}

/* ---- what is told ---- */
static bool is_noted(const struct avails *avails, const struct note *note)
{
    for (unsigned i = 0; i < avails->note_count; i++) {
        const struct note *other = &avails->notes[i];
        if (other->type != note->type || other->id != note->id || other->timed != note->timed)
            continue;
        int64_t apart_90k = tick_90k(avails, note->frame) - tick_90k(avails, other->frame);
        if (note->timed ? note->frame == other->frame : is_same(&other->text, &note->text) && apart_90k < REPEAT_90K)
            return true;
    }
    return false;
}

/* False: it was told before. */
static bool tell(struct taking *taking)
{
    struct avails *avails = taking->avails;
    struct note note = { .frame = taking->frame,
                         .id = taking->splice.id,
                         .type = taking->splice.encrypted ? UINT32_MAX : taking->splice.type,
                         .timed = taking->timed,
                         .text = text_of(taking->message) };

    if (is_noted(avails, &note))
        return false;
    if (avails->note_count == AVAIL_NOTES_MAX) {
        avails->note_count--;
        memmove(avails->notes, avails->notes + 1, avails->note_count * sizeof avails->notes[0]);
    }
    avails->notes[avails->note_count++] = note;
    return true;
}

static enum avail_outcome outcome_of(struct taking *taking, bool told)
{
    struct avails_counters *counters = &taking->avails->counters;

    if (taking->taken) {
        counters->taken++;
        counters->late += taking->late || !taking->timed;
        return AVAIL_TAKEN;
    }
    if (taking->cancelled) {
        counters->cancelled++;
        return AVAIL_CANCELLED;
    }
    if (taking->refused) {
        counters->refused++;
        return AVAIL_REFUSED;
    }
    ++*(taking->repeated || !told ? &counters->repeated : &counters->told);
    return taking->repeated || !told ? AVAIL_REPEATED : AVAIL_TOLD;
}

enum avail_outcome avails_take(struct avails *avails, const struct avail_message *message, struct avail_cuts *cuts)
{
    struct taking taking = { .avails = avails, .message = message, .cuts = cuts };

    *cuts = (struct avail_cuts){ 0 };
    if (splice_parse(&taking.splice, message->section, message->bytes) < 0) {
        avails->counters.refused++;
        return AVAIL_REFUSED;
    }
    find_frame(&taking);
    if (!taking.splice.encrypted && taking.splice.type == SPLICE_INSERT)
        take_insert(&taking);
    else if (!taking.splice.encrypted && taking.splice.type == SPLICE_TIME_SIGNAL)
        take_signal(&taking);
    return outcome_of(&taking, !taking.repeated && tell(&taking));
}

/* ---- what is said of a segment ---- */
/* The break that is on at a frame: of several the outermost, of those the newest. */
static const struct avail *on_at(const struct avails *avails, int64_t frame)
{
    const struct avail *found = NULL;

    for (unsigned i = 0; i < avails->avail_count; i++) {
        const struct avail *avail = &avails->avails[i];
        if (avail->begin > frame || avail->end <= frame)
            continue;
        if (!found || avail->kind > found->kind || (avail->kind == found->kind && avail->begin >= found->begin))
            found = avail;
    }
    return found;
}

static const struct avail *begins_within(const struct avails *avails, const struct avail_span *span)
{
    for (unsigned i = 0; i < avails->avail_count; i++) {
        const struct avail *avail = &avails->avails[i];
        if (avail->begin >= span->first && avail->begin < span->end && on_at(avails, avail->begin) == avail)
            return avail;
    }
    return NULL;
}

/* A break ended behind the begin of the segment before, and now none is on that began earlier. */
static bool has_ended(const struct avails *avails, const struct avail_span *span)
{
    const struct avail *on = on_at(avails, span->first);

    if (on && on->begin < span->first)
        return false;
    for (unsigned i = 0; i < avails->avail_count; i++) {
        const struct avail *avail = &avails->avails[i];
        if (avail->end > span->before && avail->end <= span->first && on_at(avails, avail->end - 1) == avail)
            return true;
    }
    return false;
}

static bool put_section(struct handoff_cue *cue, const struct text *text, int64_t delta_90k)
{
    size_t used = 0;

    for (unsigned i = 0; i < cue->sections_count; i++)
        used += cue->section_bytes[i];
    if (cue->sections_count == HANDOFF_SECTIONS_MAX || text->bytes > sizeof cue->sections - used || !text->bytes)
        return false;
    memcpy(cue->sections + used, text->section, text->bytes);
    splice_shift(cue->sections + used, text->bytes, text->shift_90k + delta_90k);
    cue->section_bytes[cue->sections_count++] = (uint16_t)text->bytes;
    return true;
}

static void describe(const struct avails *avails, const struct avail *avail, int64_t delta_90k, struct handoff_cue *cue)
{
    cue->id = avail->id;
    cue->begin_90k = tick_90k(avails, avail->begin);
    cue->duration_90k = avail->duration_90k;
    if (put_section(cue, &avail->text, delta_90k))
        cue->flags |= HANDOFF_CUE_SECTION;
}

void avails_cue(const struct avails *avails, const struct avail_span *span, int64_t delta_90k, struct handoff_cue *cue)
{
    const struct avail *begins = begins_within(avails, span), *on = on_at(avails, span->first);

    *cue = (struct handoff_cue){ 0 };
    if (has_ended(avails, span))
        cue->flags |= HANDOFF_CUE_IN;
    if (begins)
        cue->flags |= HANDOFF_CUE_OUT;
    else if (on && on->begin < span->first)
        cue->flags |= HANDOFF_CUE_CONTINUES;
    if (begins || cue->flags & HANDOFF_CUE_CONTINUES)
        describe(avails, begins ? begins : on, delta_90k, cue);
    if (!begins && cue->flags & HANDOFF_CUE_CONTINUES)
        cue->elapsed_90k = tick_90k(avails, span->first) - cue->begin_90k;
    for (unsigned i = 0; i < avails->note_count; i++) {
        const struct note *note = &avails->notes[i];
        if (note->frame >= span->first && note->frame < span->end && !(begins && is_same(&note->text, &begins->text)))
            put_section(cue, &note->text, delta_90k);
    }
}

struct avails_counters avails_counters(const struct avails *avails)
{
    return avails->counters;
}
