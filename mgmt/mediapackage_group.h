/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediapackage_group.h - output groups of type "mediapackage": AWS Elemental MediaPackage as a downstream.
 *
 * v1 takes HLS over WebDAV with Digest at two ingest URLs, v2 takes CMAF ingest. The sections "hls" and "cmaf_ingest"
 * say the rest; what MediaPackage needs in them is imposed, and a file that says otherwise is refused with the reason.
 */
#pragma once
#include "mgmt/output_group.h"

struct channel;
struct credential;

extern const struct output_group_class mediapackage_group_class;

/* Sizes and frame rates must be said: the packager describes the ladder before it has seen a picture. */
void mediapackage_check_channel(const struct channel *channel, const struct output_group *group,
                                struct problems *problems);
/* v1's servers ask for Digest alone. destination: of the group */
void mediapackage_check_credentials(const struct output_group *group, const struct destination *destination,
                                    const struct credential *credential, struct problems *problems);
