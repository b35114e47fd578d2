/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_group.h - output groups of type "rtmp": one output, to one stream of one server a pipeline. */
#pragma once
#include "mgmt/output_group.h"

extern const struct output_group_class rtmp_group_class;
