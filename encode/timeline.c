/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline.c - exact integer arithmetic of the channel's timeline. Products pass 64 bits (a frame of today times 90000
 * times 1001), so they are formed in 128. */
#include "encode/timeline.h"

typedef __int128 wide;

static int64_t divide_floor(wide value, wide by)
{
    wide quotient = value / by;
    return (int64_t)(quotient - (value % by < 0));
}

static int64_t divide_ceiling(wide value, wide by)
{
    return -divide_floor(-value, by);
}

int64_t timeline_frame_tick_90k(const struct timeline_rate *rate, int64_t frame)
{
    return divide_floor((wide)frame * 90000 * rate->denominator, rate->numerator);
}

int64_t timeline_frame_at_90k(const struct timeline_rate *rate, int64_t tick_90k)
{
    int64_t below = divide_floor((wide)tick_90k * rate->numerator, (wide)90000 * rate->denominator);
    /* ticks are rounded down: the frame that starts exactly here may be one above the division's answer */
    if (timeline_frame_tick_90k(rate, below + 1) <= tick_90k)
        below++;
    int64_t after_90k = tick_90k - timeline_frame_tick_90k(rate, below);
    int64_t before_90k = timeline_frame_tick_90k(rate, below + 1) - tick_90k;
    return before_90k < after_90k ? below + 1 : below;
}

int64_t timeline_segment_first_frame(const struct timeline_rate *rate, int64_t length_90k, int64_t segment)
{
    int64_t frame = divide_ceiling((wide)segment * length_90k * rate->numerator, (wide)90000 * rate->denominator);
    int64_t multiple = rate->frame_multiple ? rate->frame_multiple : 1;
    return divide_ceiling(frame, multiple) * multiple;
}

int64_t timeline_segment_of_frame(const struct timeline_rate *rate, int64_t length_90k, int64_t frame)
{
    int64_t multiple = rate->frame_multiple ? rate->frame_multiple : 1;
    int64_t counted = divide_floor(frame, multiple) * multiple;
    return divide_floor(timeline_frame_tick_90k(rate, counted), length_90k);
}

int64_t timeline_place_pts_90k(int64_t pts_90k, int64_t anchor_90k, int64_t expected_90k)
{
    int64_t base = (pts_90k + anchor_90k) & (PTS_MODULUS - 1);
    return base + divide_floor((wide)expected_90k - base + PTS_MODULUS / 2, PTS_MODULUS) * PTS_MODULUS;
}

int64_t timeline_anchor_for(const struct timeline_rate *rate, int64_t pts_90k, int64_t arrival_90k)
{
    int64_t tick_90k = timeline_frame_tick_90k(rate, timeline_frame_at_90k(rate, arrival_90k));
    return (tick_90k - pts_90k) & (PTS_MODULUS - 1);
}

int64_t timeline_lead_90k(int64_t skew_90k)
{
    int64_t kept_90k = (skew_90k < 0 ? -skew_90k : skew_90k) - 22500;
    int64_t lead_90k = kept_90k < 0 ? 0 : kept_90k / 90000 * 90000;
    return skew_90k < 0 ? -lead_90k : lead_90k;
}
