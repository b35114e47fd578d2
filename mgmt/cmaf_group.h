/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmaf_group.h - output groups of type "cmaf_ingest": CMAF tracks pushed to a packager (DASH-IF Live Media Ingest,
 * interface 1).
 *
 * A destination is the URL of a publishing point and ends in a slash; each output is one track, called by its name
 * modifier: <url>Streams(<name_modifier>.cmfv), or .cmfa.
 */
#pragma once
#include "mgmt/output_group.h"

extern const struct output_group_class cmaf_group_class;

/* The parts that MediaPackage v2 shares. */
void cmaf_complete(struct output_group *group);
void cmaf_check(const struct output_group *group, struct problems *problems);
void cmaf_encode(const struct output_group *group, const struct output *output, struct encode_output *made);
