/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softva_ext.h - the extensions of this driver to VA-API: display attributes.
 *
 * The first counts copied bytes.
 *
 * What vaGetImage and vaPutImage move between surfaces and the application's memory is counted, and what VideoProc
 * moves from one surface to another without making anything else of it. An encoder reads a surface's memory, whoever
 * owns it, where it lies, and a decoder writes there: they count nothing. How their libraries keep pictures for
 * themselves (padded, in planes) is a part of coding. The value stops at 2147483647; vaSetDisplayAttributes with any
 * value sets it to zero.
 *
 *     VADisplayAttribute copied = { .type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES };
 *     vaGetDisplayAttributes(display, &copied, 1);   // copied.value
 *
 * The second, for tests, lets the driver answer waits for coded pictures as other drivers do (enum softva_waits).
 * Pictures are complete at once all the same.
 *
 *     VADisplayAttribute waits = { .type = SOFTVA_DISPLAY_ATTRIBUTE_WAITS, .value = SOFTVA_WAITS_LATE };
 *     vaSetDisplayAttributes(display, &waits, 1);
 *
 * Two more make it poorer, for tests: surfaces of one FourCC cannot be made, or of one cannot be derived (0: of none).
 */
#pragma once
#include <va/va.h>

#define SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES ((VADisplayAttribType)0x62706362)
#define SOFTVA_DISPLAY_ATTRIBUTE_WAITS        ((VADisplayAttribType)0x62707774)
#define SOFTVA_DISPLAY_ATTRIBUTE_ABSENT       ((VADisplayAttribType)0x62706162)
#define SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED    ((VADisplayAttribType)0x6270756e)

enum softva_waits {
    SOFTVA_WAITS_NONE,    /* nothing ever has to be waited for */
    SOFTVA_WAITS_LATE,    /* vaSyncBuffer: VA_STATUS_ERROR_TIMEDOUT once for each picture, without waiting */
    SOFTVA_WAITS_NEVER,   /* vaSyncBuffer: VA_STATUS_ERROR_TIMEDOUT: the device hangs */
    SOFTVA_WAITS_STUCK,   /* vaSyncSurface2: the same */
    SOFTVA_WAITS_SURFACE, /* Mesa's before 23: no vaSyncBuffer. vaSyncSurface, of the surface that was encoded, ends the
                           * wait and fills in how long the coded picture is: of the last picture from that surface. */
    SOFTVA_WAITS_KINDS,
};
