/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_tones.h - whether a VA-API driver's VideoProc maps the tones of HDR10 to SDR. Asked with a context that is given
 * back at once. */
#pragma once
#include <stdbool.h>
#include <va/va.h>

bool va_tones_mapped(VADisplay va);
