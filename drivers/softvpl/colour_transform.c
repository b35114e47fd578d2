/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colour_transform.c - the formulas of SMPTE ST 2084, ITU-R BT.2100 and BT.1886. */
#include "drivers/softvpl/colour_transform.h"

#include <math.h>
#include <stddef.h>

#define REFERENCE_WHITE 203.0 /* cd/m2 */
#define PQ_PEAK         10000.0
#define HLG_PEAK        1000.0
#define HLG_GAMMA       1.2 /* of a display of 1000 cd/m2 */
#define SDR_GAMMA       2.4
#define KNEE            0.5 /* of the target's white: what is darker stays as it is */
#define WHITE_X         0.3127
#define WHITE_Y         0.3290

enum { UNSAID_0 = 0, BT709 = 1, UNSAID = 2, GAMMA_22 = 4, BT470BG = 5, BT601 = 6, BT2020 = 9, P3 = 12 };
enum { SRGB = 13, BT2020_10 = 14, BT2020_12 = 15, PQ = 16, HLG = 18 };

static const struct primaries {
    unsigned number;
    double x[3], y[3]; /* red, green, blue */
} all_primaries[] = {
    { BT709, { 0.640, 0.300, 0.150 }, { 0.330, 0.600, 0.060 } },
    { BT470BG, { 0.640, 0.290, 0.150 }, { 0.330, 0.600, 0.060 } },
    { BT601, { 0.630, 0.310, 0.155 }, { 0.340, 0.595, 0.070 } },
    { BT2020, { 0.708, 0.170, 0.131 }, { 0.292, 0.797, 0.046 } },
    { P3, { 0.680, 0.265, 0.150 }, { 0.320, 0.690, 0.060 } },
};

static const struct matrix {
    unsigned number;
    double red, blue;
} all_matrices[] = {
    { BT709, 0.2126, 0.0722 },
    { BT470BG, 0.299, 0.114 },
    { BT601, 0.299, 0.114 },
    { BT2020, 0.2627, 0.0593 },
};

static unsigned said(unsigned number)
{
    return number == UNSAID_0 || number == UNSAID ? BT709 : number;
}

static const struct primaries *find_primaries(unsigned number)
{
    for (size_t i = 0; i < sizeof all_primaries / sizeof all_primaries[0]; i++)
        if (all_primaries[i].number == said(number))
            return &all_primaries[i];
    return NULL;
}

static const struct matrix *find_matrix(unsigned number)
{
    for (size_t i = 0; i < sizeof all_matrices / sizeof all_matrices[0]; i++)
        if (all_matrices[i].number == said(number))
            return &all_matrices[i];
    return NULL;
}

static bool transfer_known(unsigned number)
{
    switch (said(number)) {
    case BT709:
    case GAMMA_22:
    case BT470BG:
    case BT601:
    case SRGB:
    case BT2020_10:
    case BT2020_12:
    case PQ:
    case HLG:
        return true;
    default:
        return false;
    }
}

bool colour_kind_known(const struct colour_kind *kind)
{
    return find_primaries(kind->primaries) && find_matrix(kind->matrix) && transfer_known(kind->transfer);
}

enum colour_range colour_kind_range(const struct colour_kind *kind)
{
    return kind->transfer == PQ ? COLOUR_PQ : kind->transfer == HLG ? COLOUR_HLG : COLOUR_SDR;
}

bool colour_kinds_differ(const struct colour_kind *a, const struct colour_kind *b)
{
    return said(a->primaries) != said(b->primaries) || colour_kind_range(a) != colour_kind_range(b);
}

/* ---- matrices --------------------------------------------------------------------------------------------------- */

static void invert(double to[3][3], const double from[3][3])
{
    double determinant = 0;

    for (int i = 0; i < 3; i++)
        determinant +=
            from[0][i] * (from[1][(i + 1) % 3] * from[2][(i + 2) % 3] - from[1][(i + 2) % 3] * from[2][(i + 1) % 3]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            to[i][j] = (from[(j + 1) % 3][(i + 1) % 3] * from[(j + 2) % 3][(i + 2) % 3] -
                        from[(j + 1) % 3][(i + 2) % 3] * from[(j + 2) % 3][(i + 1) % 3]) /
                       determinant;
}

static void multiply(const double matrix[3][3], const double in[3], double out[3])
{
    double result[3];

    for (int i = 0; i < 3; i++)
        result[i] = matrix[i][0] * in[0] + matrix[i][1] * in[1] + matrix[i][2] * in[2];
    for (int i = 0; i < 3; i++)
        out[i] = result[i];
}

/* Linear RGB to CIE XYZ: each column is a primary, so bright that together they are the white of D65. */
static void to_xyz(double matrix[3][3], const struct primaries *primaries)
{
    const double white[3] = { WHITE_X / WHITE_Y, 1, (1 - WHITE_X - WHITE_Y) / WHITE_Y };
    double columns[3][3], inverse[3][3], bright[3];

    for (int i = 0; i < 3; i++) {
        columns[0][i] = primaries->x[i] / primaries->y[i];
        columns[1][i] = 1;
        columns[2][i] = (1 - primaries->x[i] - primaries->y[i]) / primaries->y[i];
    }
    invert(inverse, columns);
    multiply(inverse, white, bright);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            matrix[i][j] = columns[i][j] * bright[j];
}

static void between(double matrix[3][3], const struct primaries *from, const struct primaries *to)
{
    double in[3][3], out[3][3], back[3][3];

    to_xyz(in, from);
    to_xyz(out, to);
    invert(back, out);
    for (int j = 0; j < 3; j++) {
        double column[3] = { in[0][j], in[1][j], in[2][j] };
        multiply(back, column, column);
        for (int i = 0; i < 3; i++)
            matrix[i][j] = column[i];
    }
}

/* ---- transfer functions ----------------------------------------------------------------------------------------- */

static const double pq_m1 = 2610.0 / 16384, pq_m2 = 2523.0 / 32;
static const double pq_c1 = 3424.0 / 4096, pq_c2 = 2413.0 / 128, pq_c3 = 2392.0 / 128;
static const double hlg_a = 0.17883277, hlg_b = 0.28466892, hlg_c = 0.55991073;
static const double hlg_red = 0.2627, hlg_blue = 0.0593;

static double pq_light(double value)
{
    double power = pow(value > 0 ? value : 0, 1 / pq_m2), above = power - pq_c1;
    return pow((above > 0 ? above : 0) / (pq_c2 - pq_c3 * power), 1 / pq_m1) * PQ_PEAK / REFERENCE_WHITE;
}

static double pq_value(double light)
{
    double power = pow((light > 0 ? light : 0) * REFERENCE_WHITE / PQ_PEAK, pq_m1);
    return pow((pq_c1 + pq_c2 * power) / (1 + pq_c3 * power), pq_m2);
}

static double hlg_scene(double value)
{
    value = value > 0 ? value : 0;
    return value <= 0.5 ? value * value / 3 : (exp((value - hlg_c) / hlg_a) + hlg_b) / 12;
}

static double hlg_value(double scene)
{
    scene = scene > 0 ? scene : 0;
    return scene <= 1.0 / 12 ? sqrt(3 * scene) : hlg_a * log(12 * scene - hlg_b) + hlg_c;
}

static double hlg_luma(const double rgb[3])
{
    double luma = hlg_red * rgb[0] + (1 - hlg_red - hlg_blue) * rgb[1] + hlg_blue * rgb[2];
    return luma > 0 ? luma : 0;
}

double colour_hlg_in(double luma)
{
    return pow(luma > 0 ? luma : 0, HLG_GAMMA - 1) * HLG_PEAK / REFERENCE_WHITE;
}

double colour_hlg_out(double luma)
{
    luma *= REFERENCE_WHITE / HLG_PEAK;
    return luma > 0 ? pow(luma, 1 / HLG_GAMMA - 1) * REFERENCE_WHITE / HLG_PEAK : 0;
}

double colour_light(enum colour_range range, double value)
{
    switch (range) {
    case COLOUR_PQ:
        return pq_light(value);
    case COLOUR_HLG:
        return hlg_scene(value);
    default:
        return pow(value > 0 ? value : 0, SDR_GAMMA);
    }
}

double colour_value(enum colour_range range, double light)
{
    switch (range) {
    case COLOUR_PQ:
        return pq_value(light);
    case COLOUR_HLG:
        return hlg_value(light);
    default:
        return pow(light > 0 ? light : 0, 1 / SDR_GAMMA);
    }
}

static void multiply_by(double rgb[3], double factor)
{
    for (int i = 0; i < 3; i++)
        rgb[i] *= factor;
}

/* ---- tones ------------------------------------------------------------------------------------------------------ */

/* peak becomes 1; what is below the knee stays, and there the curve has the same slope. */
static double mobius(double light, double peak)
{
    if (light <= KNEE)
        return light;
    double a = -KNEE * KNEE * (peak - 1) / (KNEE * KNEE - 2 * KNEE + peak);
    double b = (KNEE * KNEE - 2 * KNEE * peak + peak) / (peak - 1);
    return (b * b + 2 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b);
}

/* The brightest of the three decides for all: the hue stays. */
double colour_bend(const struct colour_transform *transform, double brightest)
{
    if (transform->limit <= 0 || brightest <= 0)
        return 1;
    double light = brightest / transform->limit, peak = transform->peak / transform->limit;
    double bent = peak > 1 ? mobius(light, peak) : light;
    return (bent > 1 ? 1 : bent) / light;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

void colour_transform_make(struct colour_transform *transform, const struct colour_kind *from,
                           const struct colour_kind *to, double peak_nits)
{
    const struct matrix *in = find_matrix(from->matrix), *out = find_matrix(to->matrix);

    *transform = (struct colour_transform){ .from = colour_kind_range(from),
                                            .to = colour_kind_range(to),
                                            .from_red = in->red,
                                            .from_blue = in->blue,
                                            .to_red = out->red,
                                            .to_blue = out->blue,
                                            .peak = 1 };
    between(transform->rgb, find_primaries(from->primaries), find_primaries(to->primaries));
    if (transform->from == COLOUR_PQ)
        transform->peak = (peak_nits < PQ_PEAK ? peak_nits : PQ_PEAK) / REFERENCE_WHITE;
    if (transform->from == COLOUR_HLG)
        transform->peak = HLG_PEAK / REFERENCE_WHITE;
    if (transform->to == COLOUR_SDR)
        transform->limit = 1;
    if (transform->to == COLOUR_HLG)
        transform->limit = HLG_PEAK / REFERENCE_WHITE;
}

static double brightest_of(const double rgb[3])
{
    double brightest = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    return brightest > rgb[2] ? brightest : rgb[2];
}

void colour_transform_run(const struct colour_transform *transform, const double in[3], double out[3])
{
    double red = transform->from_red, blue = transform->from_blue, green = 1 - red - blue;
    double rgb[3] = { in[0] + 2 * (1 - red) * in[2], 0, in[0] + 2 * (1 - blue) * in[1] };

    rgb[1] = (in[0] - red * rgb[0] - blue * rgb[2]) / green;
    for (int i = 0; i < 3; i++)
        rgb[i] = colour_light(transform->from, rgb[i]);
    if (transform->from == COLOUR_HLG)
        multiply_by(rgb, colour_hlg_in(hlg_luma(rgb)));
    multiply(transform->rgb, rgb, rgb);
    multiply_by(rgb, colour_bend(transform, brightest_of(rgb)));
    if (transform->to == COLOUR_HLG)
        multiply_by(rgb, colour_hlg_out(hlg_luma(rgb)));
    for (int i = 0; i < 3; i++)
        rgb[i] = colour_value(transform->to, rgb[i]);
    out[0] = transform->to_red * rgb[0] + (1 - transform->to_red - transform->to_blue) * rgb[1] +
             transform->to_blue * rgb[2];
    out[1] = (rgb[2] - out[0]) / (2 * (1 - transform->to_blue));
    out[2] = (rgb[0] - out[0]) / (2 * (1 - transform->to_red));
}
