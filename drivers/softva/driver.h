/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver.h - what one VADisplay's driver is made of, and the calls that its files contribute to libva's table.
 *
 * libva has no lock of its own: any call may come from any thread, several at a time. What stands in numbered objects
 * (objects.h) is held while it is used; work on a picture is done within vaEndPicture, on the caller's thread.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "drivers/softva/objects.h"
#include "drivers/softva/va.h"
#include "drivers/softvpl/log.h"

struct driver {
    struct objects *objects;
    struct log *log;
    _Atomic uint64_t copied_bytes; /* softva_ext.h */
    _Atomic int waits;             /* enum softva_waits */
    _Atomic int absent, underived; /* FourCCs; 0: none */
};

static inline struct driver *driver_of(VADriverContextP context)
{
    return context->pDriverData;
}

/* Each fills in its part of the table. */
void config_entries(struct VADriverVTable *table);
void surface_entries(struct VADriverVTable *table);
void import_entries(struct VADriverVTable *table);
void va_image_entries(struct VADriverVTable *table);
void buffer_entries(struct VADriverVTable *table);
void context_entries(struct VADriverVTable *table);
void process_entries(struct VADriverVTableVPP *table);
void absent_entries(struct VADriverVTable *table); /* what no driver of today has */
