/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.h - the doors to the management plane: HTTP with JSON, on the unix socket "api.socket" in the run directory and
 * on a TCP address of the box's configuration; where that cannot be had, it is tried again, and everything else goes
 * on. docs/api.md lists the requests; the tables of routes are in api.c, api_configuration.c and api_machine.c.
 *
 * A refusal is {"error": sentence} with a fitting status. Requests that change something and come from a web page of
 * somewhere else (they carry an Origin) are refused; those that change files or the machine are taken on the unix
 * socket only. One thread (the loop's).
 */
#pragma once

struct api;
struct api_settings;
struct clock;
struct error;
struct log;
struct log_tail;
struct loop;
struct machine;
struct management;
struct media;
struct staging;
struct update;

enum { ALERT_API_CLOSED = 4005 };

struct api_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    struct management *management;
    const char *run_directory;
    const struct api_settings *settings; /* port 0: no TCP */
    struct staging *staging;             /* these may be NULL: what needs them is refused */
    struct machine *machine;
    struct update *update;
    struct log_tail *log_tail;
    const struct media *media;
};

/* The unix socket is open then. */
int api_create(struct api **out, const struct api_config *config, struct error *err);
void api_destroy(struct api *api); /* NULL is fine */
