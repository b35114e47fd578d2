/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render_node_shim.c - loaded before a client that asks the render node for its kernel driver: /dev/null is Intel's
 * then. Built by the test that needs it. */
#include <dlfcn.h>
#include <drm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void put(char *to, size_t *bytes, const char *text)
{
    if (to && *bytes)
        memcpy(to, text, *bytes < strlen(text) ? *bytes : strlen(text));
    *bytes = strlen(text);
}

int ioctl(int descriptor, unsigned long request, ...)
{
    int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    struct stat status;
    va_list arguments;

    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request != DRM_IOCTL_VERSION || fstat(descriptor, &status) < 0 || status.st_rdev != makedev(1, 3))
        return next(descriptor, request, argument);
    struct drm_version *version = argument;
    size_t name = version->name_len, date = version->date_len, description = version->desc_len;
    put(version->name, &name, "i915");
    put(version->date, &date, "-");
    put(version->desc, &description, "-");
    version->name_len = name;
    version->date_len = date;
    version->desc_len = description;
    return 0;
}
