/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deinterlacer.h - interlaced pictures made progressive, once for all rungs, between decoder and timeline.
 *
 * Progressive pictures of a progressive source pass untouched. Once an interlaced one has come, all go through, so that
 * none overtakes another, until a long run of progressive ones. Frame rate and timestamps stay. One thread.
 *
 *     deinterlacer_create(&deinterlacer, &config, &err);
 *     deinterlacer_push(deinterlacer, &picture);        // takes it; on_picture() is called 0 or more times
 */
#pragma once
#include <stdint.h>

struct accelerator;
struct deinterlacer;
struct device_watch;
struct error;
struct log;
struct picture;

struct deinterlacer_config {
    struct accelerator *accelerator;                            /* borrow */
    struct device_watch *watch;                                 /* borrow; NULL: none */
    void (*on_picture)(void *context, struct picture *picture); /* give */
    void *context;
    const struct log *log;
};

int deinterlacer_create(struct deinterlacer **out, const struct deinterlacer_config *config, struct error *err);
void deinterlacer_destroy(struct deinterlacer *deinterlacer);
void deinterlacer_push(struct deinterlacer *deinterlacer, struct picture *picture); /* take, always */
void deinterlacer_flush(struct deinterlacer *deinterlacer);
uint64_t deinterlacer_pictures(const struct deinterlacer *deinterlacer);
uint64_t
deinterlacer_errors(const struct deinterlacer *deinterlacer); /* calls that failed: a picture is lost by each */
