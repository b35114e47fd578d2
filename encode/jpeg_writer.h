/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jpeg_writer.h - single pictures: each file is one JPEG as the encoder made it. */
#pragma once
#include "encode/segment_writer.h"

extern const struct segment_writer_class jpeg_writer_class;
