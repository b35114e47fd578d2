/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.h - the doors to the management plane: HTTP with JSON, on the unix socket "api.socket" in the run directory and
 * on a TCP address of the box's configuration. docs/api.md lists the requests; the table of routes is in api.c.
 *
 * A refusal is {"error": sentence} with a fitting status. Requests that change something and come from a web page of
 * somewhere else (they carry an Origin) are refused. One thread (the loop's).
 */
#pragma once

struct api;
struct api_settings;
struct clock;
struct error;
struct log;
struct loop;
struct management;

struct api_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    struct management *management;
    const char *run_directory;
    const struct api_settings *settings; /* port 0: no TCP */
};

int api_create(struct api **out, const struct api_config *config, struct error *err);
void api_destroy(struct api *api); /* NULL is fine */
