/* SPDX-License-Identifier: GPL-2.0-or-later */
/* svtav1_wait.h - waits for a packet of SVT-AV1, and gives up when its threads stand still: its own wait has no end.
 *
 * A machine with much to do is slow and not still: time counts in which the other threads of this process used no
 * processor; and however busy those are with other things, there is an end. An instance that stands still is neither
 * called any more nor ended, as that waits too. One thread.
 */
#pragma once
#include <svt-av1/EbSvtAv1Enc.h>

enum { SVTAV1_STILL_MS = 1500, SVTAV1_LONGEST_MS = 60000 };

/* What svt_av1_enc_get_packet() answers, and EB_ErrorInsufficientResources where it stands still. */
EbErrorType svtav1_wait(EbComponentType *svt, EbBufferHeaderType **packet);
