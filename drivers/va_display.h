/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_display.h - a VADisplay from a render node, or from the software driver of drivers/softva where there is none.
 *
 * The software display needs no device, no root and nothing of the environment: it is a window system of our own for
 * libva, made from the driver's side of its headers. What comes after is the same code for both.
 *
 * Opening sets LIBVA_DRIVERS_PATH for a moment, so a process opens its displays before its other threads read the
 * environment. The display itself may be used by any number of threads.
 *
 *     struct va_display *display;
 *     if (va_display_create(&display, &(struct va_display_settings){ .device = gpu ? gpu->device : NULL }, &err) < 0)
 *         return error_wrap(&err, "accelerator");
 *     vaCreateConfig(va_display_handle(display), ...);
 *     va_display_destroy(display);
 */
#pragma once
#include <stdbool.h>
#include <va/va.h>

#include "board/error.h"

struct va_display;

struct va_display_settings {
    const char *device; /* "/dev/dri/renderD128"; NULL: the software driver */
    const char
        *software_directory; /* where softva_drv_video.so lies; NULL: beside the programs, as installed or built */
};

/* give. -ENODEV: the device cannot be opened, or libva has no driver for it. */
int va_display_create(struct va_display **out, const struct va_display_settings *settings, struct error *err);
void va_display_destroy(struct va_display *display); /* with all that was made on it; NULL is fine */

VADisplay va_display_handle(const struct va_display *display); /* borrow */
bool va_display_is_software(const struct va_display *display);
