/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver.c - the driver's beginning and end, libva's table, and the display attributes of softva_ext.h. */
#include "drivers/softva/driver.h"

#include <limits.h>
#include <stdlib.h>

#include "drivers/softva/format.h"
#include "drivers/softva/softva_ext.h"

enum { PROFILES_MAX = 32, ENTRYPOINTS_MAX = 8, ATTRIBUTES_MAX = 64, DISPLAY_ATTRIBUTES = 4 };

static VAStatus terminate(VADriverContextP context)
{
    struct driver *driver = driver_of(context);

    objects_destroy(driver->objects);
    log_destroy(driver->log);
    free(driver);
    context->pDriverData = NULL;
    return VA_STATUS_SUCCESS;
}

/* ---- display attributes ----------------------------------------------------------------------------------------- */

static void fill_attribute(struct driver *driver, VADisplayAttribute *attribute)
{
    uint64_t copied = driver->copied_bytes;

    attribute->min_value = attribute->max_value = attribute->value = 0;
    attribute->flags = VA_DISPLAY_ATTRIB_GETTABLE | VA_DISPLAY_ATTRIB_SETTABLE;
    if (attribute->type == SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES) {
        attribute->max_value = INT_MAX;
        attribute->value = (int32_t)(copied > INT_MAX ? INT_MAX : copied);
    } else if (attribute->type == SOFTVA_DISPLAY_ATTRIBUTE_WAITS) {
        attribute->max_value = SOFTVA_WAITS_KINDS - 1;
        attribute->value = driver->waits;
    } else if (attribute->type == SOFTVA_DISPLAY_ATTRIBUTE_ABSENT ||
               attribute->type == SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED) {
        attribute->max_value = INT_MAX;
        attribute->value = attribute->type == SOFTVA_DISPLAY_ATTRIBUTE_ABSENT ? driver->absent : driver->underived;
    } else {
        attribute->flags = VA_DISPLAY_ATTRIB_NOT_SUPPORTED;
    }
}

static VAStatus query_display_attributes(VADriverContextP context, VADisplayAttribute *attributes, int *count)
{
    attributes[0].type = SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES;
    attributes[1].type = SOFTVA_DISPLAY_ATTRIBUTE_WAITS;
    attributes[2].type = SOFTVA_DISPLAY_ATTRIBUTE_ABSENT;
    attributes[3].type = SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED;
    for (int i = 0; i < DISPLAY_ATTRIBUTES; i++)
        fill_attribute(driver_of(context), &attributes[i]);
    *count = DISPLAY_ATTRIBUTES;
    return VA_STATUS_SUCCESS;
}

static VAStatus get_display_attributes(VADriverContextP context, VADisplayAttribute *attributes, int count)
{
    for (int i = 0; i < count; i++)
        fill_attribute(driver_of(context), &attributes[i]);
    return VA_STATUS_SUCCESS;
}

static VAStatus set_display_attributes(VADriverContextP context, VADisplayAttribute *attributes, int count)
{
    for (int i = 0; i < count; i++) {
        int value = attributes[i].value;
        if (attributes[i].type == SOFTVA_DISPLAY_ATTRIBUTE_COPIED_BYTES)
            driver_of(context)->copied_bytes = 0;
        else if (attributes[i].type == SOFTVA_DISPLAY_ATTRIBUTE_ABSENT)
            driver_of(context)->absent = value;
        else if (attributes[i].type == SOFTVA_DISPLAY_ATTRIBUTE_UNDERIVED)
            driver_of(context)->underived = value;
        else if (attributes[i].type != SOFTVA_DISPLAY_ATTRIBUTE_WAITS)
            return VA_STATUS_ERROR_ATTR_NOT_SUPPORTED;
        else if (value < 0 || value >= SOFTVA_WAITS_KINDS)
            return VA_STATUS_ERROR_INVALID_PARAMETER;
        else
            driver_of(context)->waits = value;
    }
    return VA_STATUS_SUCCESS;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void set_limits(VADriverContextP context)
{
    context->version_major = 1;
    context->version_minor = 0;
    context->max_profiles = PROFILES_MAX;
    context->max_entrypoints = ENTRYPOINTS_MAX;
    context->max_attributes = ATTRIBUTES_MAX;
    context->max_image_formats = VA_FORMATS;
    context->max_subpic_formats = 1;
    context->max_display_attributes = DISPLAY_ATTRIBUTES;
    context->str_vendor = "Biplane software VA-API driver";
}

/* The oldest name of this function: every libva looks for it after those of its own version. */
__attribute__((visibility("default"))) VAStatus __vaDriverInit_1_0(VADriverContextP context);

VAStatus __vaDriverInit_1_0(VADriverContextP context)
{
    struct driver *driver = calloc(1, sizeof *driver);
    struct VADriverVTable *table = context->vtable;

    if (!driver)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    driver->objects = objects_create();
    if (!driver->objects) {
        free(driver);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    driver->log = log_create();
    context->pDriverData = driver;
    set_limits(context);
    absent_entries(table);
    config_entries(table);
    surface_entries(table);
    import_entries(table);
    va_image_entries(table);
    buffer_entries(table);
    context_entries(table);
    if (context->vtable_vpp)
        process_entries(context->vtable_vpp);
    table->vaTerminate = terminate;
    table->vaQueryDisplayAttributes = query_display_attributes;
    table->vaGetDisplayAttributes = get_display_attributes;
    table->vaSetDisplayAttributes = set_display_attributes;
    return VA_STATUS_SUCCESS;
}
