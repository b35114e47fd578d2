/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared_frames.c - the arithmetic of the layout, and a sealed memfd. */
#include "drivers/shared_frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <va/va.h>

enum {
    PITCH_ALIGNMENT = 256,
    ROW_ALIGNMENT = 64, /* of HEVC's largest blocks, on older hardware */
    PAGE_BYTES = 4096,
    HUGE_PAGE_BYTES = 2 << 20,
    SIZE_MIN = 16,
    SIZE_MAX_FRAME = 8192,
};

struct shared_frames {
    struct shared_frames_layout layout;
    int descriptor;
    uint8_t *memory;
    size_t bytes;
};

static size_t round_up(size_t value, size_t step)
{
    return (value + step - 1) / step * step;
}

int shared_frames_layout(struct shared_frames_layout *layout, uint32_t fourcc, unsigned width, unsigned height,
                         unsigned frames, bool huge_pages, struct error *err)
{
    unsigned sample = fourcc == VA_FOURCC_NV12 ? 1 : fourcc == VA_FOURCC_P010 ? 2 : fourcc == VA_FOURCC_Y210 ? 4 : 0;

    if (!sample)
        return error_set(err, -EINVAL, "shared frames are NV12, P010 or Y210");
    if (width < SIZE_MIN || height < SIZE_MIN || width > SIZE_MAX_FRAME || height > SIZE_MAX_FRAME || width % 2 ||
        (height % 2 && fourcc != VA_FOURCC_Y210))
        return error_set(err, -EINVAL, "shared frames of %ux%u cannot be", width, height);
    if (!frames || frames > SHARED_FRAMES_MAX)
        return error_set(err, -EINVAL, "%u shared frames: there are 1 to %d", frames, SHARED_FRAMES_MAX);
    size_t pitch = round_up((size_t)width * sample, PITCH_ALIGNMENT), rows = round_up(height, ROW_ALIGNMENT);
    size_t luma = pitch * rows, whole = fourcc == VA_FOURCC_Y210 ? luma : luma + luma / 2;
    *layout = (struct shared_frames_layout){ .fourcc = fourcc,
                                             .width = width,
                                             .height = height,
                                             .frames = frames,
                                             .planes = fourcc == VA_FOURCC_Y210 ? 1 : 2,
                                             .pitch = (uint32_t)pitch,
                                             .huge_pages = huge_pages };
    if (layout->planes > 1)
        layout->plane_offset[1] = (uint32_t)luma;
    layout->frame_bytes = round_up(whole + PAGE_BYTES, huge_pages ? HUGE_PAGE_BYTES : PAGE_BYTES);
    if (layout->frame_bytes > UINT32_MAX / frames)
        return error_set(err, -EINVAL, "%u shared frames of %ux%u are more than 4 GiB", frames, width, height);
    return 0;
}

/* A layout that came from another process is only believed when it is the one that we would make. */
static int check_layout(const struct shared_frames_layout *layout, struct error *err)
{
    struct shared_frames_layout own;
    int result = shared_frames_layout(&own, layout->fourcc, layout->width, layout->height, layout->frames,
                                      layout->huge_pages, err);

    if (result < 0)
        return result;
    if (own.pitch != layout->pitch || own.planes != layout->planes || own.frame_bytes != layout->frame_bytes ||
        own.plane_offset[0] != layout->plane_offset[0] || own.plane_offset[1] != layout->plane_offset[1])
        return error_set(err, -EINVAL, "the layout of the shared frames is not ours");
    return 0;
}

static int map(struct shared_frames *frames, struct error *err)
{
    void *memory = mmap(NULL, frames->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, frames->descriptor, 0);

    if (memory == MAP_FAILED)
        return error_set_errno(err, -errno, "shared frames of %zu bytes", frames->bytes);
    frames->memory = memory;
    return 0;
}

static int prepare(struct shared_frames **out, const struct shared_frames_layout *layout, struct error *err)
{
    int result = check_layout(layout, err);

    if (result < 0)
        return result;
    struct shared_frames *frames = calloc(1, sizeof *frames);
    if (!frames)
        return error_set(err, -ENOMEM, "no memory for shared frames");
    frames->layout = *layout;
    frames->bytes = layout->frame_bytes * layout->frames;
    frames->descriptor = -1;
    *out = frames;
    return 0;
}

static int allocate(struct shared_frames *frames, struct error *err)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (frames->layout.huge_pages ? MFD_HUGETLB : 0U);

    frames->descriptor = memfd_create("biplane-frames", flags);
    if (frames->descriptor < 0 || ftruncate(frames->descriptor, (off_t)frames->bytes) < 0 ||
        fcntl(frames->descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return error_set_errno(err, -errno, "shared frames of %zu bytes", frames->bytes);
    return map(frames, err);
}

int shared_frames_create(struct shared_frames **out, const struct shared_frames_layout *layout, struct error *err)
{
    struct shared_frames *frames = NULL;
    int result = prepare(&frames, layout, err);

    if (result == 0)
        result = allocate(frames, err);
    if (result < 0)
        shared_frames_destroy(frames);
    else
        *out = frames;
    return result;
}

static int take_over(struct shared_frames *frames, int descriptor, struct error *err)
{
    int seals = fcntl(descriptor, F_GET_SEALS);
    struct stat status;

    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return error_set(err, -EPERM, "the memory of the shared frames is not sealed");
    if (fstat(descriptor, &status) < 0 || (size_t)status.st_size < frames->bytes)
        return error_set(err, -EINVAL, "the memory of the shared frames is too small");
    frames->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (frames->descriptor < 0)
        return error_set_errno(err, -errno, "shared frames");
    return map(frames, err);
}

int shared_frames_attach(struct shared_frames **out, const struct shared_frames_layout *layout, int descriptor,
                         struct error *err)
{
    struct shared_frames *frames = NULL;
    int result = prepare(&frames, layout, err);

    if (result == 0)
        result = take_over(frames, descriptor, err);
    if (result < 0)
        shared_frames_destroy(frames);
    else
        *out = frames;
    return result;
}

void shared_frames_destroy(struct shared_frames *frames)
{
    if (!frames)
        return;
    if (frames->memory)
        munmap(frames->memory, frames->bytes);
    if (frames->descriptor >= 0)
        close(frames->descriptor);
    free(frames);
}

const struct shared_frames_layout *shared_frames_described(const struct shared_frames *frames)
{
    return &frames->layout;
}

int shared_frames_descriptor(const struct shared_frames *frames)
{
    return frames->descriptor;
}

uint8_t *shared_frames_plane(const struct shared_frames *frames, unsigned frame, unsigned plane)
{
    return frames->memory + frame * frames->layout.frame_bytes + frames->layout.plane_offset[plane];
}
