/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.h - the runtime behaves like a GPU that hangs or is lost, for whoever has to prove that he survives that.
 *
 * BIPLANE_SOFTVPL_FAULT, read when a session is made, names a file. While it is there, each frame that is submitted
 * looks into it; so a fault can begin at any moment, in any process that was started with the variable. Its one line:
 *
 *     KIND [after=FRAMES] [pid=PROCESS] [component=decode|vpp|encode]
 *
 *     hang      no sync point of the session signals any more, whatever is waited; calls are taken as before
 *     lost      every call answers MFX_ERR_DEVICE_LOST, and so do the sync points that are under way
 *     failed    the same with MFX_ERR_DEVICE_FAILED
 *     late      nothing fails: the encoder holds each surface until its picture is coded, and reads its time only then,
 *               as Intel's runtime does for HEVC and AV1. Who writes a surface that is being encoded sees what becomes
 *               of it
 *     after     only once so many frames were submitted to a component of the session; default: none
 *     pid       only in this process: whoever is started in its place works; default: in every one
 *     component only frames given to it bring the fault on; what it does is to the whole session; default: each
 *
 * A fault that has begun lasts until the session is closed; a component that is closed can be, hung or not. Without the
 * variable nothing is looked at.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "drivers/softvpl/vpl.h"

enum fault_component { FAULT_DECODE, FAULT_VPP, FAULT_ENCODE, FAULT_COMPONENTS };

struct fault {
    char path[256]; /* "": nobody asked for faults */
    atomic_uint submitted[FAULT_COMPONENTS];
    _Atomic mfxStatus status; /* MFX_ERR_NONE: all is well; MFX_WRN_IN_EXECUTION: hangs */
    atomic_bool late;
};

void fault_open(struct fault *fault); /* reads the environment */
/* A frame is submitted. MFX_ERR_NONE: no fault. */
mfxStatus fault_submit(struct fault *fault, enum fault_component component);
/* One line; status: MFX_ERR_NONE is "late". False: it is none, or not for this process, this component, or so few
 * frames. */
_Bool fault_applies(const char *line, enum fault_component component, unsigned submitted, mfxStatus *status);
