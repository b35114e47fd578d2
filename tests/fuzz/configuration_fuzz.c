/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration_fuzz.c - any text as a box's or a channel's file: read, completed, checked, made into jobs and written
 * again without a fault; and what was written reads back to the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/configuration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig forgets the text of a string that does not end: in the library, and bounded by the size of a file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\nleak:config_read_string\n";
}

static void must_read_back(const struct settings *settings, const void *value, void *again)
{
    struct problems *problems = problems_create();
    char *text = configuration_text(settings, value);
    if (!text || settings_read_text(settings, "again", text, again, problems) < 0)
        abort();
    char *text_again = configuration_text(settings, again);
    if (!text_again || strcmp(text, text_again) != 0)
        abort();
    free(text);
    free(text_again);
    problems_destroy(problems);
}

static void try_box(const char *text, struct box *box)
{
    struct problems *problems = problems_create();
    if (settings_read_text(&box_settings, "box.cfg", text, box, problems) == 0) {
        struct box *again = malloc(sizeof *again);
        must_read_back(&box_settings, box, again);
        free(again);
    }
    box_check(box, problems); /* also what was only half understood must not hurt */
    struct dataplane_job *job = malloc(sizeof *job);
    for (unsigned i = 0; i < box->nodes_count; i++)
        box_dataplane_job(box, i, job);
    free(job);
    problems_destroy(problems);
}

static void try_channel(const char *text, const struct box *box)
{
    struct problems *problems = problems_create();
    struct channel *channel = malloc(sizeof *channel);
    if (settings_read_text(&channel_settings, "news.cfg", text, channel, problems) == 0) {
        struct channel *again = malloc(sizeof *again);
        must_read_back(&channel_settings, channel, again);
        free(again);
    }
    channel_complete(channel, "/nonexistent");
    channel_check(channel, box, problems);
    channels_check_destinations((const struct channel *const[]){ channel, channel }, 2, problems);
    struct encode_job *job = malloc(sizeof *job);
    channel_encode_job(channel, 1, job);
    free(job);
    free(channel);
    problems_destroy(problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct box *box = malloc(sizeof *box);
    memcpy(text, data, size);
    text[size] = '\0';
    try_box(text, box);
    try_channel(text, box);
    free(box);
    free(text);
    return 0;
}
