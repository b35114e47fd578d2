/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compose.c - a canvas, and for each stream what it takes to draw on it: pictures of the size of its place, and an
 * alpha for each of their pixels. Integer arithmetic, so that every machine gives the same bytes. */
#include "drivers/softvpl/compose.h"

#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 255, LUMA_BLACK = 16, CHROMA_GREY = 128, PIXEL_BYTES = 4 };

struct layer {
    struct scaler *scale, *convert;
    struct image pixels;  /* BGRA at the size of the place */
    struct image picture; /* the same in the form of the canvas */
    uint8_t *alpha;       /* width x height */
};

struct composer {
    struct compose_settings settings;
    struct scale_colours colours;
    int scale_flags;
    struct image canvas;
    struct layer layer[COMPOSE_STREAMS_MAX];
};

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* With room for what swscale may write beyond a row. */
static bool image_make(struct image *image, uint32_t fourcc, int width, int height)
{
    const struct image_format *format = image_format_find(fourcc);
    size_t pitch = ((size_t)width * format->bytes_per_sample + 127) & ~(size_t)63;

    memset(image, 0, sizeof *image);
    uint8_t *memory = av_mallocz(pitch * ((size_t)height + 1) * (format->planes > 1 ? 3 : 2) / 2 + 64);
    if (!memory)
        return false;
    image->format = format;
    image->width = width;
    image->height = height;
    image->plane[0] = memory;
    image->pitch[0] = (int)pitch;
    if (format->planes > 1) {
        image->plane[1] = memory + pitch * (size_t)height;
        image->pitch[1] = (int)pitch;
    }
    return true;
}

static void fill_pattern(uint8_t *row, int bytes, const uint8_t *pattern, int length)
{
    for (int x = 0; x < bytes; x++)
        row[x] = pattern[x % length];
}

static void fill_background(const struct composer *composer, const struct image *image)
{
    const uint8_t *colour = composer->settings.background;
    const uint8_t pixel[PIXEL_BYTES] = { colour[2], colour[1], colour[0], WHOLE };

    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->plane[0] + (ptrdiff_t)y * image->pitch[0];
        if (image->format->planes == 1) {
            fill_pattern(row, image->width * PIXEL_BYTES, pixel, PIXEL_BYTES);
            continue;
        }
        memset(row, colour[0], (size_t)image->width);
        if (y % 2 == 0)
            fill_pattern(image->plane[1] + (ptrdiff_t)(y / 2) * image->pitch[1], (image->width + 1) & ~1, colour + 1,
                         2);
    }
}

/* ---- alpha ------------------------------------------------------------------------------------------------------ */

static void make_alpha(const struct compose_stream *stream, struct layer *layer)
{
    const struct image *source = stream->blend == COMPOSE_PIXELS ? &layer->pixels : &layer->picture;

    for (int y = 0; y < stream->height; y++) {
        uint8_t *alpha = layer->alpha + (ptrdiff_t)y * stream->width;
        const uint8_t *row = source->plane[0] + (ptrdiff_t)y * source->pitch[0];
        for (int x = 0; x < stream->width; x++) {
            if (stream->blend == COMPOSE_KEY)
                alpha[x] = row[x] >= stream->key_minimum && row[x] <= stream->key_maximum ? 0 : WHOLE;
            else
                alpha[x] = stream->blend == COMPOSE_PIXELS ? row[x * PIXEL_BYTES + 3] : stream->alpha;
        }
    }
}

static int divide(int value) /* by 255, rounded */
{
    return value >= 0 ? (value + WHOLE / 2) / WHOLE : -((WHOLE / 2 - value) / WHOLE);
}

/* black: what no light at all is in this plane; premultiplied colours are as much above it as they cover. */
static uint8_t blend(int below, int above, int alpha, bool premultiplied, int black)
{
    int value = premultiplied ? above + divide((below - black) * (WHOLE - alpha))
                              : divide(above * alpha + below * (WHOLE - alpha));
    return (uint8_t)(value < 0 ? 0 : value > WHOLE ? WHOLE : value);
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

static void blend_pixels(const struct image *place, const struct layer *layer, bool premultiplied)
{
    for (int y = 0; y < place->height; y++) {
        uint8_t *below = place->plane[0] + (ptrdiff_t)y * place->pitch[0];
        const uint8_t *above = layer->picture.plane[0] + (ptrdiff_t)y * layer->picture.pitch[0];
        const uint8_t *alpha = layer->alpha + (ptrdiff_t)y * place->width;
        for (int x = 0; x < place->width * PIXEL_BYTES; x++)
            below[x] = blend(below[x], above[x], alpha[x / PIXEL_BYTES], premultiplied, 0);
    }
}

static void blend_luma(const struct image *place, const struct layer *layer, bool premultiplied, int black)
{
    for (int y = 0; y < place->height; y++) {
        uint8_t *below = place->plane[0] + (ptrdiff_t)y * place->pitch[0];
        const uint8_t *above = layer->picture.plane[0] + (ptrdiff_t)y * layer->picture.pitch[0];
        const uint8_t *alpha = layer->alpha + (ptrdiff_t)y * place->width;
        for (int x = 0; x < place->width; x++)
            below[x] = blend(below[x], above[x], alpha[x], premultiplied, black);
    }
}

static void blend_chroma(const struct image *place, const struct layer *layer, bool premultiplied)
{
    for (int y = 0; y < place->height / 2; y++) {
        uint8_t *below = place->plane[1] + (ptrdiff_t)y * place->pitch[1];
        const uint8_t *above = layer->picture.plane[1] + (ptrdiff_t)y * layer->picture.pitch[1];
        const uint8_t *upper = layer->alpha + (ptrdiff_t)2 * y * place->width, *lower = upper + place->width;
        for (int x = 0; x < place->width; x += 2) {
            int alpha = (upper[x] + upper[x + 1] + lower[x] + lower[x + 1] + 2) / 4;
            below[x] = blend(below[x], above[x], alpha, premultiplied, CHROMA_GREY);
            below[x + 1] = blend(below[x + 1], above[x + 1], alpha, premultiplied, CHROMA_GREY);
        }
    }
}

static bool make_scaler(struct scaler **scaler, int flags, const struct scale_colours *colours)
{
    if (!*scaler)
        *scaler = scaler_create(flags, colours);
    return *scaler != NULL;
}

static bool make_picture(struct image *image, uint32_t fourcc, const struct compose_stream *stream)
{
    return image->format || image_make(image, fourcc, stream->width, stream->height);
}

/* What a layer needs is made when it is drawn for the first time, and kept. */
static bool prepare(struct composer *composer, const struct compose_stream *stream, struct layer *layer)
{
    const struct scale_colours *colours = &composer->colours;
    /* BGRA to BGRA: the colours stay. */
    const struct scale_colours same = { colours->matrix_out, colours->matrix_out, true, true };
    bool pixels = stream->blend == COMPOSE_PIXELS;

    if (!layer->alpha)
        layer->alpha = malloc((size_t)stream->width * (size_t)stream->height);
    return layer->alpha && make_scaler(&layer->scale, composer->scale_flags, pixels ? &same : colours) &&
           make_picture(&layer->picture, composer->canvas.format->fourcc, stream) &&
           (!pixels || (make_scaler(&layer->convert, composer->scale_flags, colours) &&
                        make_picture(&layer->pixels, MFX_FOURCC_RGB4, stream)));
}

/* Colours are scaled while they are premultiplied; only then they are converted. */
static bool scale(struct layer *layer, const struct image *from, bool pixels)
{
    if (!pixels)
        return scaler_run(layer->scale, &layer->picture, from);
    return scaler_run(layer->scale, &layer->pixels, from) &&
           scaler_run(layer->convert, &layer->picture, &layer->pixels);
}

bool composer_draw(struct composer *composer, unsigned index, const struct image *from)
{
    const struct compose_stream *stream = &composer->settings.stream[index];
    struct layer *layer = &composer->layer[index];
    bool pixels = stream->blend == COMPOSE_PIXELS;

    if (index == 0)
        fill_background(composer, &composer->canvas);
    struct image place = image_at(&composer->canvas, stream->x, stream->y, stream->width, stream->height);
    if (!prepare(composer, stream, layer) || !scale(layer, from, pixels))
        return false;
    if (stream->blend == COMPOSE_OPAQUE) { /* not scaled into its place: swscale may write beyond the end of a row */
        image_copy(&place, &layer->picture);
        return true;
    }
    make_alpha(stream, layer);
    if (place.format->planes == 1) {
        blend_pixels(&place, layer, pixels);
        return true;
    }
    blend_luma(&place, layer, pixels, composer->colours.full_range_out ? 0 : LUMA_BLACK);
    blend_chroma(&place, layer, pixels);
    return true;
}

void composer_finish(struct composer *composer, const struct image *out, const mfxFrameInfo *crop)
{
    int width = composer->canvas.width, height = composer->canvas.height, x = 0, y = 0;

    if (crop->CropW && crop->CropH) {
        fill_background(composer, out);
        x = crop->CropX & ~1;
        y = crop->CropY & ~1;
        width = x + crop->CropW > width ? width - x : (crop->CropW + 1) & ~1;
        height = y + crop->CropH > height ? height - y : (crop->CropH + 1) & ~1;
    }
    if (width <= 0 || height <= 0)
        return;
    struct image to = image_at(out, x, y, width, height), from = image_at(&composer->canvas, x, y, width, height);
    image_copy(&to, &from);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

struct composer *composer_create(const struct compose_settings *settings, const mfxFrameInfo *out, int scale_flags,
                                 const struct scale_colours *colours)
{
    struct composer *composer = calloc(1, sizeof *composer);
    if (!composer)
        return NULL;
    composer->settings = *settings;
    composer->colours = *colours;
    composer->scale_flags = scale_flags;
    if (!image_make(&composer->canvas, out->FourCC, out->Width, out->Height)) {
        free(composer);
        return NULL;
    }
    return composer;
}

void composer_destroy(struct composer *composer)
{
    if (!composer)
        return;
    for (unsigned i = 0; i < COMPOSE_STREAMS_MAX; i++) {
        struct layer *layer = &composer->layer[i];
        scaler_destroy(layer->scale);
        scaler_destroy(layer->convert);
        av_free(layer->pixels.plane[0]);
        av_free(layer->picture.plane[0]);
        free(layer->alpha);
    }
    av_free(composer->canvas.plane[0]);
    free(composer);
}
