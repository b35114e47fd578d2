/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.h - what works on pictures: one for each way of coding, and one for VideoProc.
 *
 * A context (context.h) collects a picture's buffers between vaBeginPicture and vaEndPicture, and gives them to its
 * engine at once. The calls on one instance never overlap.
 */
#pragma once
#include "drivers/softva/buffer.h"
#include "drivers/softva/driver.h"
#include "drivers/softva/surface.h"

enum { PICTURE_BUFFERS_MAX = 2048 };

struct config;

struct engine_settings {
    struct driver *driver;
    const struct config *config;
    unsigned width, height;
};

struct picture {
    struct surface *target; /* what was named at vaBeginPicture; it is busy meanwhile */
    struct buffer *const *buffers;
    unsigned count;
};

struct engine {
    VAStatus (*open)(void **instance, const struct engine_settings *settings); /* config and driver outlive it */
    void (*close)(void *instance);
    VAStatus (*work)(void *instance, const struct picture *picture);
    bool writes_target;
};

extern const struct engine engine_process, engine_h264_encode, engine_hevc_encode, engine_jpeg_encode,
    engine_h264_decode;
