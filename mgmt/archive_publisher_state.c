/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive_publisher_state.c - the number of each output's newest recording, and how far it goes. It is written by the
 * worker that writes the pieces and removes what was delivered, in turn: so it is there when the recording is not any
 * more, and never tells of a piece that is not on the disk. */
#include <string.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/archive_publisher_private.h"
#include "mgmt/state_files.h"

enum { STATE_VERSION = 1 };

static void on_written(void *context, uint64_t serial, int result, const char *text)
{
    struct archive_publisher *publisher = context;
    (void)serial;
    if (result < 0 && !publisher->state_failing)
        log_error(publisher->config.log, "%s", text);
    publisher->state_failing = result < 0;
}

int archive_open_state(struct archive_publisher *publisher, struct error *err)
{
    int result = state_files_create(&publisher->states, publisher->worker, publisher->config.spool_directory, err);
    if (result == 0)
        result =
            state_file_open(&publisher->state, publisher->states, publisher->state_name, on_written, publisher, err);
    return result;
}

void archive_save(struct archive_publisher *publisher)
{
    json_t *outputs = json_array();
    for (unsigned i = 0; i < publisher->lane_count; i++) {
        const struct lane *lane = &publisher->lanes[i];
        json_array_append_new(outputs, json_pack("{s:s, s:I, s:i, s:I}", "name", lane->output->name, "number",
                                                 (json_int_t)lane->number, "part", (int)lane->part, "end",
                                                 (json_int_t)lane->end_90k));
    }
    json_t *state =
        json_pack("{s:i, s:s, s:o}", "version", STATE_VERSION, "url", publisher->destination->url, "outputs", outputs);
    if (state)
        state_file_put_in_turn(publisher->state, state, SPOOL_FAST); /* one for each recording that is closed */
}

static void load_output(struct archive_publisher *publisher, json_t *json)
{
    const char *name;
    json_int_t number, end;
    int part;
    if (json_unpack(json, "{s:s, s:I, s:i, s:I}", "name", &name, "number", &number, "part", &part, "end", &end) < 0)
        return;
    for (unsigned i = 0; i < publisher->lane_count; i++)
        if (strcmp(publisher->lanes[i].output->name, name) == 0 && part >= 0 && end >= 0) {
            publisher->lanes[i].number = number;
            publisher->lanes[i].part = (unsigned)part;
            publisher->lanes[i].end_90k = end;
        }
}

void archive_load(struct archive_publisher *publisher)
{
    struct error err = { 0 };
    const char *url;
    json_t *outputs, *output;
    size_t i;
    int version;
    json_t *state = state_files_read(publisher->states, publisher->state_name, &err);
    if (err.code < 0)
        log_warning(publisher->config.log, "%s: recordings are numbered anew", err.text);
    if (state && json_unpack(state, "{s:i, s:s, s:o}", "version", &version, "url", &url, "outputs", &outputs) == 0 &&
        version == STATE_VERSION && strcmp(url, publisher->destination->url) == 0)
        json_array_foreach(outputs, i, output) load_output(publisher, output);
    json_decref(state);
}
