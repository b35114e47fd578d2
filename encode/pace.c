/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace.c - ground is looked for over windows of two seconds, so that no single hiccup counts. */
#include "encode/pace.h"

#include "board/clock.h"

/* A source may come to lie a second behind its anchor, and a lost one is filled 400 ms behind its time: no overload. */
static const int64_t behind_ns = 2000 * (int64_t)NS_PER_MS;
static const int64_t kept_up_ns = 1200 * (int64_t)NS_PER_MS;
static const uint64_t window_ns = 2 * NS_PER_S;
static const int64_t gain_ns = 200 * (int64_t)NS_PER_MS; /* a tenth of the window: it will be there in time */

void pace_note(struct pace *pace, uint64_t now_ns, int64_t lag_ns)
{
    if (lag_ns < kept_up_ns || (pace->level == 0 && lag_ns < behind_ns)) {
        pace->window_ns = 0;
        pace->level = 0;
        return;
    }
    if (pace->window_ns && now_ns - pace->window_ns < window_ns)
        return;
    if (pace->window_ns && pace->window_lag_ns - lag_ns < gain_ns && pace->level < PACE_LEVEL_MAX)
        pace->level++;
    pace->window_ns = now_ns;
    pace->window_lag_ns = lag_ns;
}

bool pace_is_behind(const struct pace *pace)
{
    return pace->level > 0;
}

bool pace_leaves_out(struct pace *pace)
{
    if (pace->left_out_in_row >= pace->level) {
        pace->left_out_in_row = 0;
        return false;
    }
    pace->left_out_in_row++;
    pace->left_out++;
    return true;
}
