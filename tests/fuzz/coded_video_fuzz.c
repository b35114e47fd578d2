/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that an encoder gave, as picture and as headers, of every codec: nothing is read beyond them, and what comes
 * out is not longer than what files may hold of it. The first byte chooses the codec. */
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "encode/boxes.h"
#include "encode/coded_video.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum AVCodecID codecs[] = { AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_AV1 };
    char name[CODED_VIDEO_NAME_BYTES];
    struct boxes boxes = { 0 };
    struct error err = { 0 };

    if (size < 1)
        return 0;
    const struct coded_video *video = coded_video_of(codecs[data[0] % 3]);
    data++;
    size--;
    video->sample(&boxes, data, size);
    require(!boxes_failed(&boxes) && boxes.count <= 2 * size + 4);
    boxes_empty(&boxes);
    int result = video->configuration(&boxes, data, size, &err);
    require(result == 0 || (result == err.code && err.text[0]));
    result = video->name(name, data, size, &err);
    require(result == 0 ? memchr(name, 0, sizeof name) != NULL && strlen(name) > 8 : result == err.code);
    boxes_free(&boxes);
    return 0;
}
