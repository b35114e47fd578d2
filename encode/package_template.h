/* SPDX-License-Identifier: GPL-2.0-or-later */
/* package_template.h - what all segments of a package have in common: names, codecs, sizes, bitrates.
 *
 * Bitrates are those of the whole file, in bit/s: what the encoders were told and what the container adds.
 *
 *     package_describe(&config, &template, &err);
 */
#pragma once

struct error;
struct handoff_segment;
struct package_config;

/* Fills in the template, which is all zero. -ENOTSUP: a codec that has no name in a playlist. */
int package_describe(const struct package_config *config, struct handoff_segment *template, struct error *err);
