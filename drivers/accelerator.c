/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator.c - the dispatcher's loader is kept for the life of the process: libraries stay loaded, and every
 * session comes from the same implementation. */
#include "drivers/accelerator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drm.h>

#include "board/error.h"
#include "drivers/gpu.h"

struct accelerator {
    mfxLoader loader;
    unsigned implementation; /* its index in the loader */
    bool hardware, ours;
    int device;
    VADisplay display;
    bool borrowed; /* the display is another's */
    char name[64]; /* of the implementation, and its API */
    char sentence[512];
};

void accelerator_environment(const char *runtime_directory)
{
    static const char *const variables[] = {
        "ONEVPL_SEARCH_PATH", "ONEVPL_DISPATCHER_LOG", "ONEVPL_DISPATCHER_LOG_FILE", "LIBVA_DRIVER_NAME",
        "LIBVA_DRIVERS_PATH", "LIBVA_TRACE",           "LIBVA_MESSAGING_LEVEL",      "LD_LIBRARY_PATH",
    };
    for (unsigned i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    setenv("ONEVPL_PRIORITY_PATH", runtime_directory, 1);
}

void accelerator_runtime_directory(char *path, size_t bytes)
{
    char program[512], candidate[600];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    program[length > 0 ? length : 0] = 0;
    for (unsigned up = 0; up < 2; up++) {
        char *slash = strrchr(program, '/');
        if (slash)
            *slash = 0;
    }
    snprintf(path, bytes, "%s/lib/biplane", program);
    snprintf(candidate, sizeof candidate, "%s/libvplswref64.so.1", path);
    if (access(candidate, R_OK) < 0)
        snprintf(path, bytes, "%s/lib", program);
}

static bool set_number(mfxLoader loader, const char *name, unsigned number)
{
    mfxConfig config = MFXCreateConfig(loader);
    mfxVariant value = { .Type = MFX_VARIANT_TYPE_U32, .Data.U32 = number };

    return config && MFXSetConfigFilterProperty(config, (const mfxU8 *)name, value) == MFX_ERR_NONE;
}

static void unload(struct accelerator *accelerator)
{
    if (accelerator->loader)
        MFXUnload(accelerator->loader);
    if (accelerator->display && !accelerator->borrowed)
        vaTerminate(accelerator->display);
    if (accelerator->device >= 0)
        close(accelerator->device);
    accelerator->loader = NULL;
    accelerator->display = NULL;
    accelerator->device = -1;
}

/* Looks for an implementation of this kind that gives a session; fills in its name. */
static bool load(struct accelerator *accelerator, bool hardware, unsigned threads, char *why, size_t bytes)
{
    mfxImplDescription *description = NULL;
    mfxSession session;
    struct error err = { 0 };

    accelerator->hardware = hardware;
    accelerator->loader = MFXLoad();
    if (!accelerator->loader ||
        !set_number(accelerator->loader, "mfxImplDescription.Impl",
                    hardware ? MFX_IMPL_TYPE_HARDWARE : MFX_IMPL_TYPE_SOFTWARE) ||
        (threads && !hardware && !set_number(accelerator->loader, "NumThread", threads)))
        snprintf(why, bytes, "the oneVPL dispatcher does not work");
    else if (MFXEnumImplementations(accelerator->loader, 0, MFX_IMPLCAPS_IMPLDESCSTRUCTURE, (mfxHDL *)&description) !=
             MFX_ERR_NONE)
        snprintf(why, bytes, "no %s oneVPL implementation is installed", hardware ? "hardware" : "software");
    else if (accelerator_session(accelerator, &session, &err) < 0)
        snprintf(why, bytes, "%.150s", err.text);
    else {
        MFXClose(session);
        accelerator->ours = !hardware && strstr(description->ImplName, "Biplane") != NULL;
        snprintf(accelerator->name, sizeof accelerator->name, "%.32s (API %u.%u)", description->ImplName,
                 description->ApiVersion.Major, description->ApiVersion.Minor);
        MFXDispReleaseImplDescription(accelerator->loader, description);
        return true;
    }
    if (description)
        MFXDispReleaseImplDescription(accelerator->loader, description);
    return false;
}

static bool open_display(struct accelerator *accelerator, const struct gpu *gpu, char *why, size_t bytes)
{
    int major, minor;

    accelerator->device = open(gpu->device, O_RDWR | O_CLOEXEC);
    if (accelerator->device < 0) {
        snprintf(why, bytes, "%s: %s", gpu->device, strerror(errno));
        return false;
    }
    accelerator->display = vaGetDisplayDRM(accelerator->device);
    VAStatus status =
        accelerator->display ? vaInitialize(accelerator->display, &major, &minor) : VA_STATUS_ERROR_INVALID_DISPLAY;
    if (status != VA_STATUS_SUCCESS)
        snprintf(why, bytes, "%s: %s", gpu->device, vaErrorStr(status));
    return status == VA_STATUS_SUCCESS;
}

static bool try_hardware(struct accelerator *accelerator, int node, char *why, size_t bytes)
{
    struct gpu gpus[GPUS_MAX];
    unsigned count = gpu_list(gpus, GPUS_MAX, "/sys/class/drm", "/dev/dri");
    const struct gpu *gpu = gpu_choose(gpus, count, node);

    if (!gpu && count)
        snprintf(why, bytes, "none of the %u GPUs is on NUMA node %d", count, node);
    else if (!gpu)
        snprintf(why, bytes, "this machine has no GPU render node");
    else if (open_display(accelerator, gpu, why, bytes) && load(accelerator, true, 0, why, bytes)) {
        snprintf(accelerator->sentence, sizeof accelerator->sentence, "hardware: %s on %s (%s), NUMA node %d",
                 accelerator->name, gpu->device, gpu_vendor_name(gpu->vendor), gpu->node);
        return true;
    }
    unload(accelerator);
    return false;
}

static bool try_software(struct accelerator *accelerator, unsigned threads, const char *reason, char *why, size_t bytes)
{
    if (!load(accelerator, false, threads, why, bytes)) {
        unload(accelerator);
        return false;
    }
    snprintf(accelerator->sentence, sizeof accelerator->sentence, "software: %s, because %s", accelerator->name,
             reason);
    return true;
}

int accelerator_create(struct accelerator **out, const struct accelerator_config *config, struct error *err)
{
    char why[160] = "the configuration says so", software_why[160] = "";
    struct accelerator *accelerator = calloc(1, sizeof *accelerator);

    if (!accelerator)
        return error_set(err, -ENOMEM, "accelerator");
    accelerator->device = -1;
    bool found = config->wish != ACCELERATOR_WISH_SOFTWARE && try_hardware(accelerator, config->node, why, sizeof why);
    if (!found && config->wish != ACCELERATOR_WISH_HARDWARE)
        found = try_software(accelerator, config->threads, why, software_why, sizeof software_why);
    if (found) {
        *out = accelerator;
        return 0;
    }
    free(accelerator);
    if (config->wish == ACCELERATOR_WISH_HARDWARE)
        return error_set(err, -ENODEV, "accelerator = \"hardware\": %s", why);
    return error_set(err, -ENODEV, "no oneVPL implementation can be used: %s; %s (looked in %s)", why, software_why,
                     getenv("ONEVPL_PRIORITY_PATH") ? getenv("ONEVPL_PRIORITY_PATH") : "the system's folders");
}

void accelerator_destroy(struct accelerator *accelerator)
{
    if (!accelerator)
        return;
    unload(accelerator);
    free(accelerator);
}

int accelerator_session(struct accelerator *accelerator, mfxSession *session, struct error *err)
{
    mfxStatus status = MFXCreateSession(accelerator->loader, accelerator->implementation, session);

    if (status == MFX_ERR_NONE && accelerator->display) {
        status = MFXVideoCORE_SetHandle(*session, MFX_HANDLE_VA_DISPLAY, accelerator->display);
        if (status != MFX_ERR_NONE)
            MFXClose(*session);
    }
    if (status != MFX_ERR_NONE)
        return error_set(err, -ENODEV, "oneVPL session: %s", accelerator_status_name(status));
    return 0;
}

void accelerator_use_display(struct accelerator *accelerator, void *display)
{
    accelerator->display = display;
    accelerator->borrowed = true;
}

void *accelerator_display(const struct accelerator *accelerator)
{
    return accelerator->display;
}

bool accelerator_is_hardware(const struct accelerator *accelerator)
{
    return accelerator->hardware;
}

bool accelerator_is_ours(const struct accelerator *accelerator)
{
    return accelerator->ours;
}

const char *accelerator_sentence(const struct accelerator *accelerator)
{
    return accelerator->sentence;
}

/* Ours keeps its pictures on any display that shows its surfaces. */
static bool has_video_memory(const struct accelerator *accelerator)
{
    return accelerator->hardware || (accelerator->ours && accelerator->display);
}

unsigned accelerator_input_pattern(const struct accelerator *accelerator)
{
    return has_video_memory(accelerator) ? MFX_IOPATTERN_IN_VIDEO_MEMORY : MFX_IOPATTERN_IN_SYSTEM_MEMORY;
}

unsigned accelerator_output_pattern(const struct accelerator *accelerator)
{
    return has_video_memory(accelerator) ? MFX_IOPATTERN_OUT_VIDEO_MEMORY : MFX_IOPATTERN_OUT_SYSTEM_MEMORY;
}

const char *accelerator_status_name(mfxStatus status)
{
    static const struct {
        mfxStatus status;
        const char *name;
    } names[] = {
        { MFX_ERR_NONE, "MFX_ERR_NONE" },
        { MFX_ERR_UNKNOWN, "MFX_ERR_UNKNOWN" },
        { MFX_ERR_NULL_PTR, "MFX_ERR_NULL_PTR" },
        { MFX_ERR_UNSUPPORTED, "MFX_ERR_UNSUPPORTED" },
        { MFX_ERR_MEMORY_ALLOC, "MFX_ERR_MEMORY_ALLOC" },
        { MFX_ERR_NOT_ENOUGH_BUFFER, "MFX_ERR_NOT_ENOUGH_BUFFER" },
        { MFX_ERR_INVALID_HANDLE, "MFX_ERR_INVALID_HANDLE" },
        { MFX_ERR_LOCK_MEMORY, "MFX_ERR_LOCK_MEMORY" },
        { MFX_ERR_NOT_INITIALIZED, "MFX_ERR_NOT_INITIALIZED" },
        { MFX_ERR_NOT_FOUND, "MFX_ERR_NOT_FOUND" },
        { MFX_ERR_MORE_DATA, "MFX_ERR_MORE_DATA" },
        { MFX_ERR_MORE_SURFACE, "MFX_ERR_MORE_SURFACE" },
        { MFX_ERR_ABORTED, "MFX_ERR_ABORTED" },
        { MFX_ERR_DEVICE_LOST, "MFX_ERR_DEVICE_LOST" },
        { MFX_ERR_INCOMPATIBLE_VIDEO_PARAM, "MFX_ERR_INCOMPATIBLE_VIDEO_PARAM" },
        { MFX_ERR_INVALID_VIDEO_PARAM, "MFX_ERR_INVALID_VIDEO_PARAM" },
        { MFX_ERR_UNDEFINED_BEHAVIOR, "MFX_ERR_UNDEFINED_BEHAVIOR" },
        { MFX_ERR_DEVICE_FAILED, "MFX_ERR_DEVICE_FAILED" },
        { MFX_ERR_GPU_HANG, "MFX_ERR_GPU_HANG" },
        { MFX_WRN_IN_EXECUTION, "MFX_WRN_IN_EXECUTION" },
        { MFX_WRN_DEVICE_BUSY, "MFX_WRN_DEVICE_BUSY" },
        { MFX_WRN_VIDEO_PARAM_CHANGED, "MFX_WRN_VIDEO_PARAM_CHANGED" },
        { MFX_WRN_PARTIAL_ACCELERATION, "MFX_WRN_PARTIAL_ACCELERATION" },
        { MFX_WRN_INCOMPATIBLE_VIDEO_PARAM, "MFX_WRN_INCOMPATIBLE_VIDEO_PARAM" },
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].status == status)
            return names[i].name;
    return status < 0 ? "an unknown oneVPL error" : "an unknown oneVPL warning";
}
