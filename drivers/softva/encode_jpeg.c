/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_jpeg.c - baseline JPEG of NV12 by libjpeg: samples as they are, tables as the application says.
 *
 * Where the application brings the headers itself (a packed header of raw data), only the scan is taken from libjpeg:
 * the tables are the same on both sides. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "drivers/softva/config.h"
#include "drivers/softva/engine.h"
#include "drivers/softva/scratch.h"

enum { BLOCK = 8, UNIT = 16, COMPONENTS = 3, MATRIX = 64, SIZE_MAX_JPEG = 65500, MARKER_SOS = 0xda };

struct jpeg {
    struct driver *driver;
    struct scratch rows; /* one row of units, in planes */
};

struct request {
    const VAEncPictureParameterBufferJPEG *picture;
    const VAEncSliceParameterBufferJPEG *slice;
    const VAQMatrixBufferJPEG *matrices;
    const VAHuffmanTableBufferJPEGBaseline *codes;
    const uint8_t *headers;
    size_t header_bytes;
};

struct failure {
    struct jpeg_error_mgr manager; /* first */
    jmp_buf place;
};

static VAStatus open_jpeg(void **instance, const struct engine_settings *settings)
{
    struct jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    jpeg->driver = settings->driver;
    *instance = jpeg;
    return VA_STATUS_SUCCESS;
}

static void close_jpeg(void *instance)
{
    free(((struct jpeg *)instance)->rows.memory);
    free(instance);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static const uint8_t zigzag[MATRIX] = { 0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                        12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                        58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63 };

static void set_matrix(struct jpeg_compress_struct *compress, int which, const uint8_t *from, int quality)
{
    unsigned natural[MATRIX];

    for (int i = 0; i < MATRIX; i++)
        natural[zigzag[i]] = from[i] ? from[i] : 1;
    jpeg_add_quant_table(compress, which, natural, jpeg_quality_scaling(quality), TRUE);
}

static void set_matrices(struct jpeg_compress_struct *compress, const struct request *request)
{
    int quality = request->picture->quality ? request->picture->quality : 50; /* 50: tables as they are */
    const VAQMatrixBufferJPEG *matrices = request->matrices;

    jpeg_set_quality(compress, quality, TRUE);
    if (matrices && matrices->load_lum_quantiser_matrix)
        set_matrix(compress, 0, matrices->lum_quantiser_matrix, quality);
    if (matrices && matrices->load_chroma_quantiser_matrix)
        set_matrix(compress, 1, matrices->chroma_quantiser_matrix, quality);
}

/* false: more codes than there are values. libjpeg looks at the rest. */
static bool set_codes(JHUFF_TBL *table, const uint8_t *counts, const uint8_t *values, unsigned value_count)
{
    unsigned sum = 0;

    if (!table)
        return false;
    for (int i = 0; i < 16; i++) {
        table->bits[i + 1] = counts[i];
        sum += counts[i];
    }
    if (sum > value_count)
        return false;
    memcpy(table->huffval, values, sum);
    return true;
}

static bool set_all_codes(struct jpeg_compress_struct *compress, const VAHuffmanTableBufferJPEGBaseline *codes)
{
    bool good = true;

    for (int i = 0; codes && i < 2; i++)
        if (codes->load_huffman_table[i])
            good = good &&
                   set_codes(compress->dc_huff_tbl_ptrs[i], codes->huffman_table[i].num_dc_codes,
                             codes->huffman_table[i].dc_values, sizeof codes->huffman_table[i].dc_values) &&
                   set_codes(compress->ac_huff_tbl_ptrs[i], codes->huffman_table[i].num_ac_codes,
                             codes->huffman_table[i].ac_values, sizeof codes->huffman_table[i].ac_values);
    return good;
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static void repeat_last(uint8_t *row, int width, int whole)
{
    memset(row + width, row[width - 1], (size_t)(whole - width));
}

/* One row of units: sixteen rows of luma, eight of each chroma; edges are repeated. */
static void fill_rows(JSAMPROW luma[UNIT], JSAMPROW u[BLOCK], JSAMPROW v[BLOCK], const struct image *image, int top,
                      int whole)
{
    for (int y = 0; y < UNIT; y++) {
        int from = top + y < image->height ? top + y : image->height - 1;
        memcpy(luma[y], image->plane[0] + (ptrdiff_t)from * image->pitch[0], (size_t)image->width);
        repeat_last(luma[y], image->width, whole);
    }
    int chroma_width = (image->width + 1) / 2, chroma_height = (image->height + 1) / 2;
    for (int y = 0; y < BLOCK; y++) {
        int from = top / 2 + y < chroma_height ? top / 2 + y : chroma_height - 1;
        const uint8_t *pairs = image->plane[1] + (ptrdiff_t)from * image->pitch[1];
        for (int x = 0; x < chroma_width; x++) {
            u[y][x] = pairs[2 * x];
            v[y][x] = pairs[2 * x + 1];
        }
        repeat_last(u[y], chroma_width, whole / 2);
        repeat_last(v[y], chroma_width, whole / 2);
    }
}

static void write_samples(struct jpeg *jpeg, struct jpeg_compress_struct *compress, const struct image *image)
{
    int whole = (image->width + UNIT - 1) & ~(UNIT - 1);
    JSAMPROW luma[UNIT], u[BLOCK], v[BLOCK];
    JSAMPARRAY planes[COMPONENTS] = { luma, u, v };
    uint8_t *at = jpeg->rows.memory;

    for (int y = 0; y < UNIT; y++, at += whole)
        luma[y] = at;
    for (int y = 0; y < BLOCK; y++, at += whole) {
        u[y] = at;
        v[y] = at + whole / 2;
    }
    for (int top = 0; top < image->height; top += UNIT) {
        fill_rows(luma, u, v, image, top, whole);
        jpeg_write_raw_data(compress, planes, UNIT);
    }
}

/* ---- a picture -------------------------------------------------------------------------------------------------- */

static void fail(j_common_ptr common)
{
    longjmp(((struct failure *)common->err)->place, 1);
}

static void keep_quiet(j_common_ptr common)
{
    (void)common;
}

static void set_components(struct jpeg_compress_struct *compress)
{
    compress->in_color_space = JCS_YCbCr;
    compress->input_components = COMPONENTS;
    jpeg_set_defaults(compress);
    compress->raw_data_in = TRUE;
    compress->comp_info[0].h_samp_factor = compress->comp_info[0].v_samp_factor = 2;
    for (int i = 1; i < COMPONENTS; i++)
        compress->comp_info[i].h_samp_factor = compress->comp_info[i].v_samp_factor = 1;
}

/* give: *out, to be freed, whether it went well or not. */
static bool compress_picture(struct jpeg *jpeg, const struct image *image, const struct request *request,
                             unsigned char **out, unsigned long *bytes)
{
    struct jpeg_compress_struct compress = { 0 };
    struct failure failure;

    compress.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.output_message = keep_quiet;
    if (setjmp(failure.place)) {
        jpeg_destroy_compress(&compress);
        return false;
    }
    jpeg_create_compress(&compress);
    jpeg_mem_dest(&compress, out, bytes);
    compress.image_width = (JDIMENSION)image->width;
    compress.image_height = (JDIMENSION)image->height;
    set_components(&compress);
    set_matrices(&compress, request);
    compress.restart_interval = request->slice ? request->slice->restart_interval : 0;
    bool good = set_all_codes(&compress, request->codes);
    if (good) {
        jpeg_start_compress(&compress, TRUE);
        write_samples(jpeg, &compress, image);
        jpeg_finish_compress(&compress);
    }
    jpeg_destroy_compress(&compress);
    return good;
}

/* Where the scan begins, behind the header of the one scan there is. */
static size_t scan_of(const unsigned char *data, size_t bytes)
{
    size_t at = 2;

    while (at + 4 <= bytes && data[at] == 0xff) {
        bool last = data[at + 1] == MARKER_SOS;
        at += 2 + ((size_t)data[at + 2] << 8 | data[at + 3]);
        if (last)
            return at < bytes ? at : bytes;
    }
    return bytes;
}

static bool put(struct buffer *buffer, const struct request *request, const unsigned char *data, size_t bytes)
{
    if (!request->headers)
        return buffer_put_coded(buffer, data, bytes, 0);
    size_t scan = scan_of(data, bytes), whole = request->header_bytes + bytes - scan;
    uint8_t *joined = malloc(whole);
    if (!joined)
        return false;
    memcpy(joined, request->headers, request->header_bytes);
    memcpy(joined + request->header_bytes, data + scan, bytes - scan);
    bool good = buffer_put_coded(buffer, joined, whole, 0);
    free(joined);
    return good;
}

static bool read_request(struct request *request, const struct picture *picture)
{
    for (unsigned i = 0; i < picture->count; i++) {
        const struct buffer *buffer = picture->buffers[i];
        switch (buffer->type) {
        case VAEncPictureParameterBufferType:
            request->picture = buffer_data(buffer, sizeof *request->picture);
            break;
        case VAEncSliceParameterBufferType:
            request->slice = buffer_data(buffer, sizeof *request->slice);
            break;
        case VAQMatrixBufferType:
            request->matrices = buffer_data(buffer, sizeof *request->matrices);
            break;
        case VAHuffmanTableBufferType:
            request->codes = buffer_data(buffer, sizeof *request->codes);
            break;
        case VAEncPackedHeaderParameterBufferType: {
            const VAEncPackedHeaderParameterBuffer *head = buffer_data(buffer, sizeof *head);
            request->header_bytes = head ? (head->bit_length + 7ULL) / 8 : 0;
            break;
        }
        case VAEncPackedHeaderDataBufferType:
            request->headers = request->header_bytes ? buffer_data(buffer, request->header_bytes) : NULL;
            break;
        default:
            break;
        }
    }
    const VAEncPictureParameterBufferJPEG *va = request->picture;
    return va && va->num_components == COMPONENTS && va->sample_bit_depth <= 8 && !va->pic_flags.bits.progressive &&
           va->quality <= 100 && va->picture_width && va->picture_height && va->picture_width <= SIZE_MAX_JPEG &&
           va->picture_height <= SIZE_MAX_JPEG;
}

static VAStatus work(void *instance, const struct picture *picture)
{
    struct jpeg *jpeg = instance;
    struct request request = { 0 };
    unsigned char *data = NULL;
    unsigned long bytes = 0;

    if (!read_request(&request, picture))
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    struct image image = surface_image(picture->target);
    int width = request.picture->picture_width, height = request.picture->picture_height;
    if (image.format->fourcc != MFX_FOURCC_NV12 || width > image.width || height > image.height)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    image = image_at(&image, 0, 0, width, height);
    if (!scratch_room(&jpeg->rows, (size_t)(width + UNIT) * (UNIT + BLOCK)))
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    struct buffer *buffer = objects_use(jpeg->driver->objects, OBJECT_BUFFER, request.picture->coded_buf);
    if (!buffer || buffer->type != VAEncCodedBufferType) {
        object_release(buffer ? &buffer->object : NULL);
        return VA_STATUS_ERROR_INVALID_BUFFER;
    }
    VAStatus status = VA_STATUS_ERROR_ENCODING_ERROR;
    if (compress_picture(jpeg, &image, &request, &data, &bytes))
        status = put(buffer, &request, data, bytes) ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_NOT_ENOUGH_BUFFER;
    free(data);
    object_release(&buffer->object);
    return status;
}

const struct engine engine_jpeg_encode = { open_jpeg, close_jpeg, work, false };
