/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/segment_writer.h"

#include <stddef.h>

#include "encode/aac_writer.h"
#include "encode/flv_writer.h"
#include "encode/fmp4_writer.h"
#include "encode/jpeg_writer.h"
#include "encode/smooth_writer.h"
#include "encode/ts_writer.h"

const struct segment_writer_class *segment_writer_class_of(enum package_type package)
{
    switch (package) {
    case PACKAGE_HLS_TS:
    case PACKAGE_M2TS:
        return &ts_writer_class;
    case PACKAGE_FLV:
        return &flv_writer_class;
    case PACKAGE_FMP4:
        return &fmp4_writer_class;
    case PACKAGE_AAC:
        return &aac_writer_class;
    case PACKAGE_JPEG:
        return &jpeg_writer_class;
    case PACKAGE_SMOOTH:
        return &smooth_writer_class;
    }
    return NULL;
}
