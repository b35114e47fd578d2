/* SPDX-License-Identifier: GPL-2.0-or-later */
/* va_display.c - the one file that knows how a window system looks to libva (va_backend.h of the installed version). */
#include "drivers/va_display.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va_backend.h>
#include <va/va_drm.h>

static const char driver_name[] = "softva", search_path[] = "LIBVA_DRIVERS_PATH";

struct va_display {
    VADisplay handle;
    int device; /* -1: software */
};

/* ---- a window system of our own ---------------------------------------------------------------------------------- */

static int is_valid(VADisplayContextP display)
{
    return display != NULL && display->pDriverContext != NULL;
}

static void destroy(VADisplayContextP display)
{
    free(display->pDriverContext);
    free(display);
}

static VAStatus count_candidates(VADisplayContextP display, int *count)
{
    (void)display;
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static VAStatus candidate(VADisplayContextP display, char **name, int index)
{
    (void)display;
    if (index != 0)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    *name = strdup(driver_name);
    return *name ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static VADisplay software_display(void)
{
    VADisplayContextP display = calloc(1, sizeof *display);
    VADriverContextP driver = calloc(1, sizeof *driver);

    if (!display || !driver) {
        free(display);
        free(driver);
        return NULL;
    }
    display->vadpy_magic = VA_DISPLAY_MAGIC;
    display->pDriverContext = driver;
    display->vaIsValid = is_valid;
    display->vaDestroy = destroy;
    display->vaGetNumCandidates = count_candidates;
    display->vaGetDriverNameByIndex = candidate;
    driver->pDisplayContext = display;
    return display;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Where `make install` puts the driver, or where `make` does. */
static int directory_beside_program(char *path, size_t bytes)
{
    static const char *const places[] = { "../lib/biplane/va", "../lib/va" };
    char program[512], file[640];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    if (length <= 0)
        return -ENOENT;
    program[length] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, bytes, "%s/%s", program, places[i]);
        snprintf(file, sizeof file, "%s/%s_drv_video.so", path, driver_name);
        if (access(file, R_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

/* libva takes the folder of drivers from the environment only. It is put back afterwards: the next display may be a
 * device's. */
static VAStatus initialize_from(VADisplay handle, const char *directory)
{
    const char *now = getenv(search_path);
    char *before = now ? strdup(now) : NULL;
    int major, minor;

    setenv(search_path, directory, 1);
    VAStatus status = vaSetDriverName(handle, (char *)(uintptr_t)driver_name);
    if (status == VA_STATUS_SUCCESS)
        status = vaInitialize(handle, &major, &minor);
    if (before)
        setenv(search_path, before, 1);
    else
        unsetenv(search_path);
    free(before);
    return status;
}

static int open_software(struct va_display *display, const char *directory, struct error *err)
{
    char beside[560];

    if (!directory) {
        if (directory_beside_program(beside, sizeof beside) < 0)
            return error_set(err, -ENODEV, "there is no software VA-API driver beside the program");
        directory = beside;
    }
    display->handle = software_display();
    if (!display->handle)
        return error_set(err, -ENOMEM, "no memory for a VA-API display");
    VAStatus status = initialize_from(display->handle, directory);
    if (status != VA_STATUS_SUCCESS)
        return error_set(err, -ENODEV, "the software VA-API driver in %s does not start: %s", directory,
                         vaErrorStr(status));
    return 0;
}

static int open_device(struct va_display *display, const char *device, struct error *err)
{
    int major, minor;

    display->device = open(device, O_RDWR | O_CLOEXEC);
    if (display->device < 0)
        return error_set(err, -ENODEV, "%s cannot be opened: %s", device, strerror(errno));
    display->handle = vaGetDisplayDRM(display->device);
    if (!display->handle)
        return error_set(err, -ENODEV, "%s is no render node", device);
    vaSetInfoCallback(display->handle, NULL, NULL);
    VAStatus status = vaInitialize(display->handle, &major, &minor);
    if (status != VA_STATUS_SUCCESS)
        return error_set(err, -ENODEV, "%s has no VA-API driver that starts: %s", device, vaErrorStr(status));
    return 0;
}

int va_display_create(struct va_display **out, const struct va_display_settings *settings, struct error *err)
{
    struct va_display *display = calloc(1, sizeof *display);

    if (!display)
        return error_set(err, -ENOMEM, "no memory for a VA-API display");
    display->device = -1;
    int result = settings->device ? open_device(display, settings->device, err)
                                  : open_software(display, settings->software_directory, err);
    if (result < 0)
        va_display_destroy(display);
    else
        *out = display;
    return result;
}

void va_display_destroy(struct va_display *display)
{
    if (!display)
        return;
    if (display->handle)
        vaTerminate(display->handle);
    if (display->device >= 0)
        close(display->device);
    free(display);
}

VADisplay va_display_handle(const struct va_display *display)
{
    return display->handle;
}

bool va_display_is_software(const struct va_display *display)
{
    return display->device < 0;
}
