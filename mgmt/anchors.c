/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/anchors.h"

#include <errno.h>
#include <string.h>

#define TOLERANCE_90K   90000               /* how far from its arrival a known anchor may put a picture */
#define DRIFT_LIMIT_90K (5 * 90000)         /* a segment further off than this tells nothing about drift */
#define SELF_CHOSEN     (UINT64_C(1) << 63) /* see struct handoff_anchor */
#define NEAR_90K        (2 * 90000)         /* so far from the timeline so far a known anchor may lead */
#define PAST_90K        (30 * 90000)        /* the outputs of a pipeline do not end at the same tick */
#define WAIT_90K        (8 * 90000)         /* a new anchor so far behind the output's end: that is waited for */
#define RUNNING_90K     (1 * 90000)         /* less where the output runs: pictures are dropped meanwhile */

enum { DRIFT_SMOOTHING = 16 }; /* segments: one late packet must not move the skew by its whole delay */

static struct handoff_anchor *find(struct anchors *anchors, uint64_t id)
{
    for (unsigned i = 0; id && i < HANDOFF_ANCHORS_MAX; i++)
        if (anchors->known[i].id == id)
            return &anchors->known[i];
    return NULL;
}

/* The oldest that no pipeline uses makes room; there are more places than pipelines. */
static struct handoff_anchor *add(struct anchors *anchors, const struct handoff_anchor *anchor)
{
    unsigned last = HANDOFF_ANCHORS_MAX - 1;
    while (last > 0 && anchors->known[last].id &&
           (anchors->known[last].id == anchors->in_use[0] || anchors->known[last].id == anchors->in_use[1]))
        last--;
    memmove(&anchors->known[1], &anchors->known[0], last * sizeof anchors->known[0]);
    anchors->known[0] = *anchor;
    return &anchors->known[0];
}

void anchors_resume(struct anchors *anchors, unsigned pipeline, int64_t tick_90k)
{
    anchors->reached_90k[pipeline] = tick_90k;
}

/* Outputs end at different ticks; one far below has begun anew, and what was reached before is no mark any more. */
void anchors_reach(struct anchors *anchors, unsigned pipeline, int64_t tick_90k)
{
    int64_t *reached_90k = &anchors->reached_90k[pipeline];
    if (tick_90k > *reached_90k || tick_90k < *reached_90k - TIMELINE_AHEAD_MAX_90K)
        *reached_90k = tick_90k;
}

static bool fits(const struct handoff_anchor *anchor, const struct handoff_anchor_request *request)
{
    int64_t expected_90k = request->arrival_90k + anchor->skew_90k;
    int64_t placed_90k = timeline_place_pts_90k(request->pts_90k, anchor->anchor_90k, expected_90k);
    int64_t off_90k = placed_90k - expected_90k;
    return off_90k >= -TOLERANCE_90K && off_90k <= TOLERANCE_90K;
}

/* Does it leave the output where it is? One that began without a source has no anchor of its own to tell; and it may
 * read up, its pictures being some seconds old: what is known is better than an output that lags as much from then on.
 */
static bool is_near(const struct handoff_anchor *anchor, const struct handoff_anchor *own,
                    const struct handoff_anchor_request *request)
{
    if (!own && !request->next_90k)
        return true;
    int64_t step_90k = anchor->skew_90k - (own ? own->skew_90k : request->next_90k - request->arrival_90k);
    int64_t limit_90k = own ? NEAR_90K : WAIT_90K;
    return step_90k >= -limit_90k && step_90k <= limit_90k;
}

/* The twin's first: what locks them is better than what is newest. Of others one that leaves the output where it is: a
 * standby's may be of a time when the timeline was elsewhere. */
static struct handoff_anchor *find_fitting(struct anchors *anchors, unsigned pipeline,
                                           const struct handoff_anchor_request *request)
{
    const struct handoff_anchor *own = find(anchors, anchors->in_use[pipeline]);
    struct handoff_anchor *twins = find(anchors, anchors->in_use[!pipeline]);
    if (twins && fits(twins, request))
        return twins;
    for (unsigned i = 0; i < HANDOFF_ANCHORS_MAX && anchors->known[i].id; i++)
        if (is_near(&anchors->known[i], own, request) && fits(&anchors->known[i], request))
            return &anchors->known[i];
    return NULL;
}

/* Of a pipeline that runs: where its output is. It keeps up with UTC, with filler where there is no source; so if it is
 * elsewhere, the clock was set, and that is neither waited for nor filled, as in a pipeline that chooses alone. */
static int64_t running_lead_90k(const struct handoff_anchor *own, const struct handoff_anchor_request *request)
{
    int64_t lead_90k = own ? timeline_lead_90k(own->skew_90k) : 0; /* none: it began without a source */
    int64_t behind_90k = request->next_90k - request->arrival_90k - lead_90k;
    return behind_90k > RUNNING_90K || behind_90k < -NEAR_90K ? lead_90k + behind_90k : lead_90k;
}

/* How far from its arrival a new anchor puts a picture: where this pipeline's output is, as far as one knows. */
static int64_t lead_90k(struct anchors *anchors, unsigned pipeline, const struct handoff_anchor_request *request)
{
    const struct handoff_anchor *own = find(anchors, anchors->in_use[pipeline]);
    const struct handoff_anchor *twins = find(anchors, anchors->in_use[!pipeline]);
    int64_t reached_90k = anchors->reached_90k[pipeline];
    if (request->next_90k)
        return running_lead_90k(own, request);
    if (!own && !twins && anchors->reached_90k[!pipeline] > reached_90k) /* the twin will follow */
        reached_90k = anchors->reached_90k[!pipeline];

    int64_t lead_90k = timeline_lead_90k(own ? own->skew_90k : twins ? twins->skew_90k : anchors->known[0].skew_90k);
    bool is_past = !own && !twins && reached_90k && request->arrival_90k >= reached_90k + PAST_90K;
    if (is_past || (!own && lead_90k < 0)) /* nothing keeps it from UTC */
        lead_90k = 0;
    int64_t behind_90k = reached_90k - request->arrival_90k - lead_90k;
    return behind_90k > WAIT_90K && behind_90k <= TIMELINE_AHEAD_MAX_90K ? lead_90k + behind_90k : lead_90k;
}

struct handoff_anchor anchors_answer(struct anchors *anchors, unsigned pipeline,
                                     const struct handoff_anchor_request *request)
{
    struct handoff_anchor *anchor = find_fitting(anchors, pipeline, request);
    int64_t skew_90k = lead_90k(anchors, pipeline, request);
    anchors->in_use[pipeline] = 0; /* what it used so far may make room */
    if (!anchor) {
        struct timeline_rate rate = {
            .numerator = request->framerate_numerator,
            .denominator = request->framerate_denominator,
            .frame_multiple = request->frame_multiple,
        };
        if (anchors->next_id == 0)
            anchors->next_id = 1;
        anchor = add(anchors,
                     &(struct handoff_anchor){
                         .id = anchors->next_id++,
                         .anchor_90k = timeline_anchor_for(&rate, request->pts_90k, request->arrival_90k + skew_90k),
                         .skew_90k = skew_90k,
                     });
    }
    anchors->in_use[pipeline] = anchor->id;
    anchors->framerate_numerator = request->framerate_numerator;
    anchors->framerate_denominator = request->framerate_denominator;
    return *anchor;
}

void anchors_use(struct anchors *anchors, unsigned pipeline, const struct handoff_anchor *anchor)
{
    anchors->in_use[pipeline] = 0;
    if (anchor->id == 0)
        return;
    struct handoff_anchor *known = find(anchors, anchor->id);
    /* Twins that each had to choose alone may have come to the same: then they are locked, whatever the ids say. */
    for (unsigned i = 0; !known && i < HANDOFF_ANCHORS_MAX && anchors->known[i].id; i++)
        if (anchors->known[i].anchor_90k == anchor->anchor_90k)
            known = &anchors->known[i];
    if (!known || known->anchor_90k != anchor->anchor_90k) {
        struct handoff_anchor added = *anchor;
        if (known) /* the number was given out twice (the spool was lost): the same id must not mean two anchors */
            added.id |= SELF_CHOSEN;
        else if (!(added.id & SELF_CHOSEN) && anchors->next_id <= added.id)
            anchors->next_id = added.id + 1;
        known = find(anchors, added.id);
        if (!known || known->anchor_90k != added.anchor_90k)
            known = add(anchors, &added);
    }
    anchors->in_use[pipeline] = known->id;
}

void anchors_follow(struct anchors *anchors, unsigned pipeline, int64_t tick_90k, int64_t utc_90k)
{
    struct handoff_anchor *anchor = find(anchors, anchors->in_use[pipeline]);
    int64_t change_90k = anchor ? tick_90k - utc_90k - anchor->skew_90k : 0;
    if (change_90k >= -DRIFT_LIMIT_90K && change_90k <= DRIFT_LIMIT_90K && anchor)
        anchor->skew_90k += change_90k / DRIFT_SMOOTHING;
}

bool anchors_locked(const struct anchors *anchors)
{
    return anchors->in_use[0] && anchors->in_use[0] == anchors->in_use[1];
}

json_t *anchors_json(const struct anchors *anchors)
{
    json_t *known = json_array();
    for (unsigned i = 0; i < HANDOFF_ANCHORS_MAX && anchors->known[i].id; i++)
        json_array_append_new(known, json_pack("{s:I, s:I, s:I}", "id", (json_int_t)anchors->known[i].id, "anchor_90k",
                                               (json_int_t)anchors->known[i].anchor_90k, "skew_90k",
                                               (json_int_t)anchors->known[i].skew_90k));
    return json_pack("{s:i, s:I, s:I, s:I, s:o}", "version", 1, "next_id", (json_int_t)anchors->next_id,
                     "framerate_numerator", (json_int_t)anchors->framerate_numerator, "framerate_denominator",
                     (json_int_t)anchors->framerate_denominator, "anchors", known);
}

int anchors_from_json(struct anchors *anchors, const json_t *json)
{
    json_int_t next_id, numerator, denominator;
    int version;
    json_t *known;
    struct anchors read = { 0 };

    *anchors = read;
    if (json_unpack((json_t *)json, "{s:i, s:I, s:I, s:I, s:o}", "version", &version, "next_id", &next_id,
                    "framerate_numerator", &numerator, "framerate_denominator", &denominator, "anchors", &known) < 0 ||
        version != 1 || next_id < 0 || numerator < 0 || numerator > UINT32_MAX || denominator < 0 ||
        denominator > UINT32_MAX || json_array_size(known) > HANDOFF_ANCHORS_MAX)
        return -EBADMSG;
    for (unsigned i = 0; i < json_array_size(known); i++) {
        json_int_t id, anchor_90k, skew_90k;
        if (json_unpack(json_array_get(known, i), "{s:I, s:I, s:I}", "id", &id, "anchor_90k", &anchor_90k, "skew_90k",
                        &skew_90k) < 0 ||
            id == 0 || anchor_90k < 0 || anchor_90k >= PTS_MODULUS)
            return -EBADMSG;
        read.known[i] = (struct handoff_anchor){ .id = (uint64_t)id, .anchor_90k = anchor_90k, .skew_90k = skew_90k };
    }
    read.next_id = (uint64_t)next_id;
    read.framerate_numerator = (uint32_t)numerator;
    read.framerate_denominator = (uint32_t)denominator;
    *anchors = read;
    return 0;
}
