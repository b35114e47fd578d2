/* SPDX-License-Identifier: GPL-2.0-or-later */
/* update.h - updates of the whole box: RAUC does them, below the image's "biplane-update"; this asks for it and tells
 * what is said.
 *
 * One thing runs at a time: inspecting a bundle (who signed it, for what board, which version), installing it into the
 * other slot, restarting into the other slot. A bundle is a file or a URL. RAUC verifies: why it refuses, its own
 * sentence says. Where the machine has nobody who does it, that is what is told. What may be a password in a URL is
 * told nobody. One thread (the loop's).
 *
 *     update_inspect(update, "/run/biplane-stick/sdb1/biplane-1.2.raucb", &err);
 *     json_t *told = update_json(update);          // again and again: {state: "inspecting" | "idle" ...}
 */
#pragma once
#include <jansson.h>

struct clock;
struct error;
struct log;
struct loop;
struct update;

struct update_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    const char *socket; /* of the machine (mgmt/machine.h) */
};

int update_create(struct update **out, const struct update_config *config, struct error *err);
void update_destroy(struct update *update); /* what runs is killed; NULL is fine */

/* -ENOENT: nobody does it; -EBUSY: something runs; -EINVAL: neither a path nor a URL. */
int update_inspect(struct update *update, const char *source, struct error *err);
/* source: also as update_json() shows that of the bundle. */
int update_install(struct update *update, const char *source, struct error *err);
int update_boot_other(struct update *update, struct error *err); /* restarts into the other slot */

/* give: {available, reason, state: idle | inspecting | installing | restarting, progress: the last line so far,
 * result: null | "done" | "failed", message: the last line then, bundle: null | {source, text: lines about it}, system:
 * null | {version, board, slot, other_version, pending, last_update}}. */
json_t *update_json(struct update *update);
