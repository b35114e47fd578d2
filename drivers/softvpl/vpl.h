/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vpl.h - the oneVPL headers as this runtime sees them: without deprecation marks, since a runtime has to implement
 * what applications may no longer call. */
#pragma once
#define MFX_DEPRECATED_OFF
#include <vpl/mfx.h>
#include <vpl/mfximplcaps.h>
