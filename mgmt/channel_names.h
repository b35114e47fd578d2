/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel_names.h - the $identifiers$ in a channel's destinations and modifiers, filled in.
 *
 * Sizes, bitrates and frame rates are those of the configuration, so that every name is known before air: an identifier
 * whose value only the source could tell is refused. Dates are those of the channel's start (mgmt/start_time.h), but
 * in modifiers of a type whose dates are each segment's: there they stay for the publisher. Pure functions.
 *
 *     struct channel named = *channel;
 *     channel_names_resolve(&named, start_utc_s);      // "news_$h$p" is "news_720p"
 */
#pragma once
#include <stdint.h>

#include "encode/identifiers.h"
#include "mgmt/channel.h"

void channel_names_resolve(struct channel *channel, int64_t start_utc_s);
/* Identifiers without a value, and names that become too long. */
void channel_names_check(const struct channel *channel, struct problems *problems);
