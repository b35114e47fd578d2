/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softva_ext.h - the one extension of this driver to VA-API: a display attribute that counts copied bytes.
 *
 * What vaGetImage, vaPutImage and VideoProc's plain copies move is counted, and decoded pictures that are brought into
 * their surface. An encoder reads a surface's memory, whoever owns it, where it lies, and counts nothing; how its
 * library keeps the picture for itself (padded, in planes) is a part of coding. The value stops at 2147483647;
 * vaSetDisplayAttributes with any value sets it to zero.
 *
 *     VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
 *     vaGetDisplayAttributes(display, &copied, 1);   // copied.value
 */
#pragma once
#include <va/va.h>

#define SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES ((VADisplayAttribType)0x62706362)
