/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va.h - the one place where the driver takes VA-API's headers. */
#pragma once
#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_backend_vpp.h>
#include <va/va_drmcommon.h>
#include <va/va_enc_h264.h>
#include <va/va_enc_hevc.h>
#include <va/va_enc_jpeg.h>
#include <va/va_vpp.h>
