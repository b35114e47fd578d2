/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_group.h - output groups of type "archive": recordings, a file from rollover to rollover.
 *
 * A file is <prefix><name_modifier>.<number>.m2ts. Its number counts rollover intervals since 1970, so that the twin
 * pipelines give equal files equal numbers whenever each was started. When a channel is stopped and started again
 * within one interval, that interval's second file is called <number>-2.
 */
#pragma once
#include "mgmt/output_group.h"

extern const struct output_group_class archive_group_class;
