/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softva_ext.h - the one extension of this driver to VA-API: a display attribute that counts copied bytes.
 *
 * What vaGetImage and vaPutImage move between surfaces and the application's memory is counted, and what VideoProc
 * moves from one surface to another without making anything else of it. An encoder reads a surface's memory, whoever
 * owns it, where it lies, and a decoder writes there: they count nothing. How their libraries keep pictures for
 * themselves (padded, in planes) is a part of coding. The value stops at 2147483647; vaSetDisplayAttributes with any
 * value sets it to zero.
 *
 *     VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
 *     vaGetDisplayAttributes(display, &copied, 1);   // copied.value
 */
#pragma once
#include <va/va.h>

#define SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES ((VADisplayAttribType)0x62706362)
