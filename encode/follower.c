/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follower.c - two rules decide when a frame is filled: its time has come (its tick, moved by the source's skew, and a
 * margin), and no picture has come for as long as the margin. The second one keeps a source alive that is merely being
 * read out of the ring faster or slower than it arrived. */
#include "encode/follower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "encode/captions.h"
#include "encode/decoder.h"
#include "encode/job.h"
#include "encode/timeline.h"

#define MARGIN_90K      INT64_C(36000) /* 400 ms: more than decoding and a burst of the network ever take */
#define MARGIN_NS       (400 * NS_PER_MS)
#define START_GRACE_NS  (2 * NS_PER_S) /* for the first picture: an IDR picture has to be found */
#define TOLERANCE_90K   INT64_C(90000)
#define NEAR_90K        INT64_C(180000) /* so far from the timeline so far a known anchor may lead */
#define READING_UP_90K  (8 * 90000)     /* the same of an output that began without a source */
#define ANSWER_NS       (500 * NS_PER_MS)
#define ANCHOR_PAUSE_NS (300 * NS_PER_MS) /* a stream of random timestamps must not ask without end */
#define ALONE           (UINT64_C(1) << 63)
#define SMOOTHING       1024
#define NORMAL_GAP_90K  INT64_C(45000) /* a hole this short in a living source is always bridged by the last picture */
#define FOR_EVER_MSEC   1000000
#define AHEAD_90K       INT64_C(900000)  /* 10 s: a second is usual, and eight are waited for behind a restart */
#define BEHIND_90K      INT64_C(5400000) /* a minute to fill at once */
#define STRANDED_NS     NS_PER_S         /* time for another anchor */

enum { QUEUE = 64, KNOWN = 8 };

struct placed {
    struct picture picture;
    int64_t frame;
};

struct follower {
    struct follower_config config;
    struct placed queue[QUEUE];
    unsigned oldest, used;
    struct picture held[FOLLOWER_HELD_MAX];
    unsigned held_count;
    bool asking;                              /* held pictures wait for an anchor */
    uint64_t asked_ns, anchored_ns, alive_ns; /* monotonic */
    int64_t asked_pts_90k;
    uint64_t stranded_ns; /* monotonic, since when the output is out of the clock's reach; 0: it is not */
    struct handoff_anchor anchor;
    struct handoff_anchor known[KNOWN];
    unsigned known_count;
    bool skew_known;    /* the skew has been set by a picture of this anchor */
    int64_t skew_error; /* of the skew, in 1/SMOOTHING ticks, not yet applied */
    int64_t next_frame;
    int64_t begin_ahead_90k; /* how long the first frame's time was to come at the start; 0: it has come */
    struct picture last;
    uint64_t last_serial;
    int64_t last_frame;
    int64_t last_pts_90k;
    struct captions captions; /* of pictures that were dropped, for the next one */
    struct follower_counters counters;
};

int follower_create(struct follower **out, const struct follower_config *config, struct error *err)
{
    struct follower *follower = calloc(1, sizeof *follower);

    if (!follower)
        return error_set(err, -ENOMEM, "follower");
    follower->config = *config;
    follower->next_frame = INT64_MIN;
    follower->last_pts_90k = -1;
    follower->alive_ns = clock_monotonic_ns(config->clock) + START_GRACE_NS - MARGIN_NS;
    *out = follower;
    return 0;
}

void follower_destroy(struct follower *follower)
{
    if (!follower)
        return;
    for (unsigned i = 0; i < follower->used; i++)
        picture_release(&follower->queue[(follower->oldest + i) % QUEUE].picture);
    for (unsigned i = 0; i < follower->held_count; i++)
        picture_release(&follower->held[i]);
    picture_release(&follower->last);
    free(follower);
}

/* ---- anchors ---- */
void follower_know(struct follower *follower, const struct handoff_anchor *anchor)
{
    if (anchor->id == 0)
        return;
    for (unsigned i = 0; i < follower->known_count; i++)
        if (follower->known[i].id == anchor->id) {
            follower->known[i] = *anchor;
            return;
        }
    if (follower->known_count == KNOWN)
        memmove(&follower->known[0], &follower->known[1], --follower->known_count * sizeof follower->known[0]);
    follower->known[follower->known_count++] = *anchor;
}

static int64_t off_90k(const struct handoff_anchor *anchor, int64_t pts_90k, int64_t arrival_90k)
{
    int64_t expected_90k = arrival_90k + anchor->skew_90k;
    return timeline_place_pts_90k(pts_90k, anchor->anchor_90k, expected_90k) - expected_90k;
}

static bool fits(const struct handoff_anchor *anchor, int64_t pts_90k, int64_t arrival_90k)
{
    int64_t off = off_90k(anchor, pts_90k, arrival_90k);
    return off >= -TOLERANCE_90K && off <= TOLERANCE_90K;
}

static void use_anchor(struct follower *follower, const struct handoff_anchor *anchor)
{
    follower->anchor = *anchor;
    follower->skew_known = false;
    follower->skew_error = 0;
    follower->asking = false;
    follower->anchored_ns = clock_monotonic_ns(follower->config.clock);
    follower->counters.anchors++;
    follower_know(follower, anchor);
    log_info(follower->config.log, "timeline: anchor %llu%s", (unsigned long long)(anchor->id & ~ALONE),
             anchor->id & ALONE ? " (chosen alone)" : "");
    if (follower->config.on_anchor)
        follower->config.on_anchor(follower->config.context, anchor);
}

/* Where the output is, as seen from what arrives now; only once it runs. */
static int64_t output_lead_90k(const struct follower *follower, int64_t arrival_90k)
{
    return timeline_frame_tick_90k(follower->config.rate, follower->next_frame) - arrival_90k;
}

/* Does it leave the output where it is? One that began without a source has no anchor of its own to tell; and it may
 * read up, its pictures being some seconds old: what is known is better than an output that lags as much from then on.
 */
static bool is_near(const struct follower *follower, const struct handoff_anchor *anchor, int64_t arrival_90k)
{
    const struct handoff_anchor *own = &follower->anchor;
    if (!own->id && follower->next_frame == INT64_MIN)
        return true;
    int64_t step_90k = anchor->skew_90k - (own->id ? own->skew_90k : output_lead_90k(follower, arrival_90k));
    int64_t limit_90k = own->id ? NEAR_90K : READING_UP_90K;
    return step_90k >= -limit_90k && step_90k <= limit_90k;
}

/* A clock that was set would have the pictures placed behind the output, where none is shown, or so far ahead that
 * hours are filled first: the output goes on. In whole seconds, as the twin's is at another frame. */
static int64_t going_on_90k(const struct follower *follower, int64_t lead_90k, int64_t arrival_90k)
{
    if (follower->next_frame == INT64_MIN)
        return lead_90k;
    int64_t behind_90k = output_lead_90k(follower, arrival_90k) - lead_90k;
    return llabs(behind_90k) <= NEAR_90K ? lead_90k : lead_90k + (behind_90k / 90000 + (behind_90k > 0)) * 90000;
}

/* Where the output is: with nothing of our own yet, and no output, the newest that is known tells, and not that it is
 * behind UTC. */
static int64_t lead_90k(const struct follower *follower, int64_t arrival_90k)
{
    if (follower->anchor.id || follower->anchor.skew_90k || follower->next_frame != INT64_MIN)
        return going_on_90k(follower, timeline_lead_90k(follower->anchor.skew_90k), arrival_90k);
    int64_t lead_90k =
        follower->known_count ? timeline_lead_90k(follower->known[follower->known_count - 1].skew_90k) : 0;
    return lead_90k > 0 ? lead_90k : 0;
}

/* Nobody answers: the newest known anchor that fits and leaves the output where it is, or one of our own. */
static void choose_anchor(struct follower *follower, int64_t pts_90k, int64_t arrival_90k)
{
    for (unsigned i = follower->known_count; i-- > 0;)
        if (is_near(follower, &follower->known[i], arrival_90k) && fits(&follower->known[i], pts_90k, arrival_90k)) {
            struct handoff_anchor known = follower->known[i];
            use_anchor(follower, &known);
            return;
        }
    struct handoff_anchor anchor = { .skew_90k = lead_90k(follower, arrival_90k) };
    anchor.anchor_90k = timeline_anchor_for(follower->config.rate, pts_90k, arrival_90k + anchor.skew_90k);
    anchor.id = ALONE | (uint64_t)anchor.anchor_90k;
    follower->counters.anchors_alone++;
    use_anchor(follower, &anchor);
}

static void ask(struct follower *follower, int64_t pts_90k, int64_t arrival_90k)
{
    follower->asking = true;
    follower->asked_ns = clock_monotonic_ns(follower->config.clock);
    follower->asked_pts_90k = pts_90k;
    if (!follower->config.request_anchor ||
        follower->config.request_anchor(follower->config.context, pts_90k, arrival_90k) < 0)
        choose_anchor(follower, pts_90k, arrival_90k);
}

/* ---- pictures in ---- */
static void follow_skew(struct follower *follower, int64_t tick_90k, int64_t arrival_90k)
{
    int64_t skew_90k = tick_90k - arrival_90k;

    if (!follower->skew_known) {
        follower->anchor.skew_90k = skew_90k;
        follower->skew_known = true;
        return;
    }
    follower->skew_error += skew_90k - follower->anchor.skew_90k;
    int64_t step = follower->skew_error / SMOOTHING;
    follower->anchor.skew_90k += step;
    follower->skew_error -= step * SMOOTHING;
}

/* What a dropped picture would have shown of its captions, and that of pictures dropped before it, is the next one's.
 */
static void hand_on_captions(struct follower *follower, struct picture *next)
{
    if (!follower->captions.bytes)
        return;
    if (captions_join(&follower->captions, next->captions, next->caption_bytes)) {
        next->caption_bytes = follower->captions.bytes;
        memcpy(next->captions, follower->captions.messages, follower->captions.bytes);
    }
    follower->captions.bytes = 0;
}

static void drop(struct follower *follower, struct picture *picture, uint64_t *counter)
{
    ++*counter;
    captions_join(&follower->captions, picture->captions, picture->caption_bytes);
    picture_release(picture);
}

static void enqueue(struct follower *follower, struct picture *picture, int64_t frame)
{
    const struct placed *newest = &follower->queue[(follower->oldest + follower->used + QUEUE - 1) % QUEUE];
    uint64_t *dropped = NULL;

    /* A late picture counts too: the source lives, and we are behind. Filling on would make all that follow late. */
    follower->alive_ns = clock_monotonic_ns(follower->config.clock);
    if (frame < follower->next_frame)
        dropped = &follower->counters.dropped_late;
    else if (follower->used && frame <= newest->frame)
        dropped = &follower->counters.dropped_twice;
    else if (follower->used == QUEUE)
        dropped = &follower->counters.dropped_unplaced;
    if (dropped) {
        drop(follower, picture, dropped);
        return;
    }
    hand_on_captions(follower, picture);
    follower->queue[(follower->oldest + follower->used++) % QUEUE] = (struct placed){ *picture, frame };
}

/* Places a picture, or returns false: it needs another anchor than the one in use. */
static bool place(struct follower *follower, struct picture *picture)
{
    int64_t arrival_90k = (int64_t)ns_to_90k(picture->arrival_utc_ns);

    if (!follower->anchor.id || !fits(&follower->anchor, picture->pts_90k, arrival_90k))
        return false;
    int64_t tick_90k =
        timeline_place_pts_90k(picture->pts_90k, follower->anchor.anchor_90k, arrival_90k + follower->anchor.skew_90k);
    follow_skew(follower, tick_90k, arrival_90k);
    enqueue(follower, picture, timeline_frame_at_90k(follower->config.rate, tick_90k));
    return true;
}

static void hold(struct follower *follower, struct picture *picture)
{
    if (follower->held_count == FOLLOWER_HELD_MAX) {
        follower->counters.dropped_unplaced++;
        picture_release(picture);
        return;
    }
    follower->held[follower->held_count++] = *picture;
}

static void take_in(struct follower *follower, struct picture *picture)
{
    if (follower->asking) {
        hold(follower, picture);
        return;
    }
    if (place(follower, picture))
        return;
    if (follower->anchor.id && clock_monotonic_ns(follower->config.clock) - follower->anchored_ns < ANCHOR_PAUSE_NS) {
        follower->counters.dropped_unplaced++;
        picture_release(picture);
        return;
    }
    ask(follower, picture->pts_90k, (int64_t)ns_to_90k(picture->arrival_utc_ns));
    if (follower->asking)
        hold(follower, picture);
    else if (!place(follower, picture))
        picture_release(picture);
}

void follower_push(struct follower *follower, struct picture *picture)
{
    follower->counters.pictures++;
    if (picture->pts_90k < 0) { /* no timestamp of its own: a frame behind the one before */
        if (follower->last_pts_90k < 0) {
            follower->counters.dropped_unplaced++;
            picture_release(picture);
            return;
        }
        picture->pts_90k =
            (follower->last_pts_90k + timeline_frame_tick_90k(follower->config.rate, 1)) & (PTS_MODULUS - 1);
    }
    follower->last_pts_90k = picture->pts_90k;
    take_in(follower, picture);
}

static void let_go(struct follower *follower)
{
    struct picture held[FOLLOWER_HELD_MAX];
    unsigned count = follower->held_count;

    memcpy(held, follower->held, sizeof held);
    follower->held_count = 0;
    for (unsigned i = 0; i < count; i++)
        take_in(follower, &held[i]);
}

void follower_answer(struct follower *follower, const struct handoff_anchor_answer *answer)
{
    if (!follower->asking || answer->pts_90k != follower->asked_pts_90k || answer->anchor.id == 0)
        return;
    use_anchor(follower, &answer->anchor);
    let_go(follower);
}

/* How long it is until the time of a frame. */
static int64_t ahead_90k(const struct follower *follower, int64_t frame)
{
    int64_t now_90k = (int64_t)ns_to_90k(clock_utc_ns(follower->config.clock));
    return timeline_frame_tick_90k(follower->config.rate, frame) - follower->anchor.skew_90k - now_90k;
}

static void watch_for_stranding(struct follower *follower)
{
    int64_t by_90k = follower->next_frame == INT64_MIN ? 0 : ahead_90k(follower, follower->next_frame);
    uint64_t now_ns = clock_monotonic_ns(follower->config.clock);
    bool lost = now_ns > follower->alive_ns + MARGIN_NS; /* who has pictures, and lies behind, is merely slow */

    if (by_90k <= AHEAD_90K + follower->begin_ahead_90k && (by_90k >= -BEHIND_90K || !lost))
        follower->stranded_ns = 0;
    else if (!follower->stranded_ns)
        follower->stranded_ns = now_ns;
}

void follower_turn(struct follower *follower)
{
    watch_for_stranding(follower);
    if (!follower->asking || clock_monotonic_ns(follower->config.clock) - follower->asked_ns < ANSWER_NS)
        return;
    const struct picture *first = &follower->held[0];
    if (follower->held_count)
        choose_anchor(follower, first->pts_90k, (int64_t)ns_to_90k(first->arrival_utc_ns));
    follower->asking = false;
    let_go(follower);
}

/* ---- frames out ---- */
void follower_start(struct follower *follower, int64_t frame)
{
    int64_t by_90k = ahead_90k(follower, frame);
    follower->next_frame = frame;
    follower->begin_ahead_90k = by_90k > 0 ? by_90k : 0; /* a boundary of long segments may be a minute away */
}

void follower_lead(struct follower *follower, int64_t lead_90k)
{
    if (!follower->anchor.id)
        follower->anchor.skew_90k = lead_90k;
}

static void show_oldest(struct follower *follower, struct follower_shown *shown)
{
    struct placed *placed = &follower->queue[follower->oldest];

    picture_release(&follower->last);
    follower->last = placed->picture;
    follower->last_frame = placed->frame;
    follower->last_serial++;
    follower->oldest = (follower->oldest + 1) % QUEUE;
    follower->used--;
    follower->counters.shown++;
    *shown = (struct follower_shown){ .kind = FOLLOWER_PICTURE,
                                      .picture = &follower->last,
                                      .serial = follower->last_serial };
}

static bool longer_than(int64_t duration_90k, uint64_t msec)
{
    return msec < FOR_EVER_MSEC && duration_90k > (int64_t)msec * 90;
}

static void fill(struct follower *follower, int64_t frame, bool alive, struct follower_shown *shown)
{
    const struct input_loss_behavior *loss = follower->config.loss;
    int64_t since_90k = timeline_frame_tick_90k(follower->config.rate, frame) -
                        timeline_frame_tick_90k(follower->config.rate, follower->last_frame);
    bool normal = alive && since_90k <= NORMAL_GAP_90K;

    *shown = (struct follower_shown){ .kind = FOLLOWER_SLATE, .slate = SLATE_IMAGE, .filler = !normal };
    if (follower->last.surface && (normal || !longer_than(since_90k, loss->repeat_frame_msec))) {
        shown->kind = FOLLOWER_REPEAT;
        shown->picture = &follower->last;
        shown->serial = follower->last_serial;
        follower->counters.repeated++;
    } else if (follower->last.surface &&
               (loss->black_frame_msec >= FOR_EVER_MSEC ||
                !longer_than(since_90k, (uint64_t)loss->repeat_frame_msec + loss->black_frame_msec))) {
        shown->slate = SLATE_BLACK;
        follower->counters.black++;
    } else {
        follower->counters.slate++;
    }
}

/* Has the time of this frame passed without anything to show? Not while pictures wait to be placed, nor beyond the
 * clock's reach: it was set then, and filling up to it would put hours into the programme. */
static bool overdue(const struct follower *follower, int64_t frame)
{
    return !follower->held_count && !follower->stranded_ns && ahead_90k(follower, frame) < -MARGIN_90K &&
           clock_monotonic_ns(follower->config.clock) > follower->alive_ns + MARGIN_NS;
}

void follower_take(struct follower *follower, int64_t frame, struct follower_shown *shown)
{
    follower->next_frame = frame;
    while (follower->used && follower->queue[follower->oldest].frame < frame) {
        drop(follower, &follower->queue[follower->oldest].picture, &follower->counters.dropped_late);
        follower->oldest = (follower->oldest + 1) % QUEUE;
        follower->used--;
        if (follower->used)
            hand_on_captions(follower, &follower->queue[follower->oldest].picture);
    }
    *shown = (struct follower_shown){ .kind = FOLLOWER_WAIT };
    if (follower->used && follower->queue[follower->oldest].frame == frame)
        show_oldest(follower, shown);
    else if (follower->used)
        fill(follower, frame, true, shown);
    else if (overdue(follower, frame))
        fill(follower, frame, false, shown);
    if (shown->kind != FOLLOWER_WAIT) {
        follower->next_frame = frame + 1;
        follower->begin_ahead_90k = 0;
    }
}

bool follower_place(const struct follower *follower, int64_t pts_90k, uint64_t arrival_utc_ns, int64_t *tick_90k)
{
    int64_t arrival_90k = (int64_t)ns_to_90k(arrival_utc_ns);

    /* audio lies up to a second or two behind the video in the multiplex */
    int64_t off = follower->anchor.id ? off_90k(&follower->anchor, pts_90k, arrival_90k) : INT64_MAX;
    if (off < -3 * TOLERANCE_90K || off > 3 * TOLERANCE_90K)
        return false;
    *tick_90k = arrival_90k + follower->anchor.skew_90k + off;
    return true;
}

bool follower_asks(const struct follower *follower)
{
    return follower->asking;
}

bool follower_first_frame(const struct follower *follower, int64_t *frame)
{
    if (follower->used)
        *frame = follower->queue[follower->oldest].frame;
    return follower->used > 0;
}

bool follower_is_stranded(const struct follower *follower)
{
    return follower->stranded_ns && clock_monotonic_ns(follower->config.clock) - follower->stranded_ns >= STRANDED_NS;
}

bool follower_full(const struct follower *follower)
{
    return follower->held_count + 8 >= FOLLOWER_HELD_MAX || follower->used + 8 >= QUEUE / 2;
}

const struct handoff_anchor *follower_anchor(const struct follower *follower)
{
    return &follower->anchor;
}

int64_t follower_newest_pts_90k(const struct follower *follower)
{
    return follower->last_pts_90k;
}

struct follower_counters follower_counters(const struct follower *follower)
{
    return follower->counters;
}
