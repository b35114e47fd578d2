/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colour_table.c - curves over light are looked up by the upper bits of the float itself: 512 steps an octave, so that
 * dark is as fine as bright. */
#include "drivers/softvpl/colour_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES = 8192, /* of R'G'B' from 0 to 1 */
    STEP_BITS = 9, /* of an octave */
    LOWEST_OCTAVE = -28,
    HIGHEST_OCTAVE = 6, /* 64 times reference white: above PQ's end */
    STEPS = (HIGHEST_OCTAVE - LOWEST_OCTAVE) << STEP_BITS,
    MANTISSA_BITS = 23,
    EXPONENT_BIAS = 127,
    CODE_MAX = 1023,
};

/* What luma has of red and blue, and so on, for codes of the picture's depth. */
struct coding {
    float red, blue, green; /* of luma */
    float luma_scale, luma_offset, chroma_scale, chroma_offset;
};

struct colour_table {
    enum colour_range from, to;
    bool bends, full_out;
    struct coding in;
    double red_out, blue_out;
    float rgb[3][3];
    float light[VALUES + 1];
    float value[STEPS], bend[STEPS], hlg_in[STEPS], hlg_out[STEPS];
};

static const float hlg_red = 0.2627F, hlg_green = 0.6780F, hlg_blue = 0.0593F;

/* ---- making it -------------------------------------------------------------------------------------------------- */

static double step_light(int step)
{
    return ldexp(1 + (double)(step & ((1 << STEP_BITS) - 1)) / (1 << STEP_BITS), (step >> STEP_BITS) + LOWEST_OCTAVE);
}

static struct coding coding_of(double red, double blue, bool full, unsigned depth)
{
    double unit = 1 << (depth - 8);

    return (struct coding){ .red = (float)red,
                            .blue = (float)blue,
                            .green = (float)(1 - red - blue),
                            .luma_scale = (float)(full ? (1 << depth) - 1 : 219 * unit),
                            .luma_offset = (float)(full ? 0 : 16 * unit),
                            .chroma_scale = (float)(full ? (1 << depth) - 1 : 224 * unit),
                            .chroma_offset = (float)(128 * unit) };
}

struct colour_table *colour_table_create(const struct colour_kind *from, const struct colour_kind *to, double peak_nits)
{
    struct colour_table *table = malloc(sizeof *table);
    struct colour_transform transform;

    if (!table)
        return NULL;
    colour_transform_make(&transform, from, to, peak_nits);
    table->from = transform.from;
    table->to = transform.to;
    table->bends = transform.limit > 0;
    table->full_out = to->full_range;
    table->in = coding_of(transform.from_red, transform.from_blue, from->full_range, 10);
    table->red_out = transform.to_red;
    table->blue_out = transform.to_blue;
    for (int i = 0; i < 9; i++)
        table->rgb[i / 3][i % 3] = (float)transform.rgb[i / 3][i % 3];
    for (int i = 0; i <= VALUES; i++)
        table->light[i] = (float)colour_light(transform.from, (double)i / VALUES);
    for (int i = 0; i < STEPS; i++) {
        double light = i ? step_light(i) : 0;
        table->value[i] = (float)colour_value(transform.to, light);
        table->bend[i] = (float)colour_bend(&transform, light);
        table->hlg_in[i] = (float)colour_hlg_in(light);
        table->hlg_out[i] = (float)colour_hlg_out(light);
    }
    return table;
}

void colour_table_destroy(struct colour_table *table)
{
    free(table);
}

/* ---- a pixel ---------------------------------------------------------------------------------------------------- */

/* min and max of C have to mind NaN; these are one instruction each, and no branch that a picture's noise misleads. */
static inline float at_least(float value, float least)
{
    return value > least ? value : least;
}

static inline float at_most(float value, float most)
{
    return value < most ? value : most;
}

/* Of the nearest step; the lowest one is what all that is darker has too. */
static inline float look_up(const float curve[STEPS], float light)
{
    const float lowest = 1.0F / (1 << -LOWEST_OCTAVE), highest = (1 << HIGHEST_OCTAVE) * 0.999F;
    uint32_t bits;

    light = at_most(at_least(light, lowest), highest);
    memcpy(&bits, &light, sizeof bits);
    bits += 1U << (MANTISSA_BITS - STEP_BITS - 1);
    return curve[(bits >> (MANTISSA_BITS - STEP_BITS)) - ((EXPONENT_BIAS + LOWEST_OCTAVE) << STEP_BITS)];
}

static inline float light_of(const struct colour_table *table, float value)
{
    return table->light[(int)at_most(at_least(value * VALUES + 0.5F, 0), VALUES)];
}

static inline float hlg_luma(const float rgb[3])
{
    return hlg_red * rgb[0] + hlg_green * rgb[1] + hlg_blue * rgb[2];
}

static inline void multiply_by(float rgb[3], float factor)
{
    for (int i = 0; i < 3; i++)
        rgb[i] *= factor;
}

static inline float greatest(const float rgb[3])
{
    return at_least(at_least(rgb[0], rgb[1]), rgb[2]);
}

/* R'G'B' of one kind into that of the other. */
static inline void convert(const struct colour_table *table, const float in[3], float out[3])
{
    float rgb[3] = { light_of(table, in[0]), light_of(table, in[1]), light_of(table, in[2]) };

    if (table->from == COLOUR_HLG)
        multiply_by(rgb, look_up(table->hlg_in, hlg_luma(rgb)));
    for (int i = 0; i < 3; i++)
        out[i] = table->rgb[i][0] * rgb[0] + table->rgb[i][1] * rgb[1] + table->rgb[i][2] * rgb[2];
    if (table->bends)
        multiply_by(out, look_up(table->bend, greatest(out)));
    if (table->to == COLOUR_HLG)
        multiply_by(out, look_up(table->hlg_out, hlg_luma(out)));
    for (int i = 0; i < 3; i++)
        out[i] = look_up(table->value, out[i]);
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static inline float sample(const struct image *image, int plane, int x, int y)
{
    return (float)(((const uint16_t *)(image->plane[plane] + (ptrdiff_t)y * image->pitch[plane]))[x] & CODE_MAX);
}

static inline void put(const struct image *image, int plane, int x, int y, float code, unsigned depth)
{
    uint8_t *row = image->plane[plane] + (ptrdiff_t)y * image->pitch[plane];
    int rounded = (int)at_most(at_least(code + 0.5F, 0), (float)((1 << depth) - 1));

    if (depth == 8)
        row[x] = (uint8_t)rounded;
    else
        ((uint16_t *)row)[x] = (uint16_t)rounded;
}

/* The lumas of one pair of chroma samples, and the pair. */
static inline void run_block(const struct colour_table *table, const struct coding *to_code, const struct image *to,
                             const struct image *from, int column, int row, unsigned depth)
{
    const struct coding *in = &table->in;
    float u = (sample(from, 1, column, row) - in->chroma_offset) / in->chroma_scale;
    float v = (sample(from, 2, column, row) - in->chroma_offset) / in->chroma_scale;
    float red = 2 * (1 - in->red) * v, blue = 2 * (1 - in->blue) * u;
    float green = -(in->red * red + in->blue * blue) / in->green, luma_sum = 0, red_sum = 0, blue_sum = 0;
    int right = 2 * column + 2 < from->width ? 2 * column + 2 : from->width, count = 0;
    int first = row << from->format->chroma_y, bottom = (row + 1) << from->format->chroma_y;

    for (int y = first; y < bottom && y < from->height; y++)
        for (int x = 2 * column; x < right; x++, count++) {
            float luma = (sample(from, 0, x, y) - in->luma_offset) / in->luma_scale;
            float rgb[3] = { luma + red, luma + green, luma + blue }, out[3];
            convert(table, rgb, out);
            luma = to_code->red * out[0] + to_code->green * out[1] + to_code->blue * out[2];
            put(to, 0, x, y, luma * to_code->luma_scale + to_code->luma_offset, depth);
            luma_sum += luma;
            red_sum += out[0];
            blue_sum += out[2];
        }
    float scale = to_code->chroma_scale / (float)(2 * count);
    put(to, 1, column, row, (blue_sum - luma_sum) / (1 - to_code->blue) * scale + to_code->chroma_offset, depth);
    put(to, 2, column, row, (red_sum - luma_sum) / (1 - to_code->red) * scale + to_code->chroma_offset, depth);
}

static inline void run_row(const struct colour_table *table, const struct image *to, const struct image *from, int row,
                           unsigned depth)
{
    const struct coding to_code = coding_of(table->red_out, table->blue_out, table->full_out, depth);

    for (int column = 0; column < (from->width + 1) / 2; column++)
        run_block(table, &to_code, to, from, column, row, depth);
}

void colour_table_run(const struct colour_table *table, const struct image *to, const struct image *from)
{
    int rows = (from->height + from->format->chroma_y) >> from->format->chroma_y;

    for (int row = 0; row < rows; row++) {
        if (to->format->depth == 8)
            run_row(table, to, from, row, 8);
        else
            run_row(table, to, from, row, 10);
    }
}
