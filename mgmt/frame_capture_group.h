/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame_capture_group.h - output groups of type "frame_capture": single pictures at an interval, as JPEG files.
 *
 * A file is <prefix><name_modifier>.<number>.jpg. Its number counts capture intervals since 1970, so that the twin
 * pipelines give the same picture the same number.
 */
#pragma once
#include "mgmt/output_group.h"

enum { FRAME_CAPTURE_GROUPS_MAX = 3 };

extern const struct output_group_class frame_capture_group_class;
