/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staging.h - changes of the configuration that wait to be looked at: put document by document, shown as a difference,
 * applied as one, and taken back by themselves when they touch the network and nobody confirms them. The network is
 * network.cfg (addresses, ssh, who may reach it), and the ports of data planes: these may be interfaces of the
 * kernel's.
 *
 * What is staged is a second configuration folder in the spool, so it outlives a client whose line dropped, and
 * biplaned itself; any number of clients see the same one. It may hold problems: only applying needs it to be good.
 * Before files are changed the ones in place are kept: rolling back stages those, or, while a change of the network
 * waits to be confirmed, puts them back at once. A change that was interrupted by the end of biplaned, or never
 * confirmed, is taken back when it starts again. Where that does not work (a full disk) it is tried every 30 s, said as
 * a problem, and nothing else is applied meanwhile. One thread (the loop's).
 *
 *     staging_put(staging, "channels/news", document, &err);
 *     json_t *report = staging_report(staging);        // difference, problems, what waits
 *     staging_apply(staging, 60, &changes, &err);      // then, within 60 s: staging_confirm(staging, &err)
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "mgmt/document_folder.h"

struct clock;
struct error;
struct log;
struct loop;
struct problems;
struct staging;

enum { STAGING_CONFIRM_S = 60, STAGING_CONFIRM_S_MAX = 600 };

struct staging_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    const char *config_directory, *spool_directory, *boards_directory;
    /* Takes the files in place; -EINVAL and problems: they are put back. *changes: give. */
    int (*reload)(void *context, struct problems *problems, json_t **changes);
    void (*network_changed)(void *context); /* network.cfg is another */
    void *context;
};

/* Before the configuration is read: 1 when an interrupted or unconfirmed change was taken back, 0 when there was none.
 */
int staging_recover(const char *config_directory, const char *spool_directory, struct error *err);

int staging_create(struct staging **out, const struct staging_config *config, struct error *err);
void staging_destroy(struct staging *staging); /* what is staged stays for the next; NULL is fine */

/* Documents (mgmt/document_folder.h) with masked secrets, as staged or as in place. give; NULL: they cannot be read. */
json_t *staging_documents(const struct staging *staging, bool staged, struct error *err);
/* Those in place with their secrets, for a backup that whoever may read the files asked for. give */
json_t *staging_documents_with_secrets(const struct staging *staging, struct error *err);

/* -ENOENT: no such document; -EINVAL: cannot stand in a file. The document is borrowed; null in it: as it was. */
int staging_put(struct staging *staging, const char *name, const json_t *document, struct error *err);
int staging_remove(struct staging *staging, const char *name, struct error *err);
/* Stages exactly these documents: all others are removed. */
int staging_replace(struct staging *staging, const json_t *documents, struct error *err);
void staging_discard(struct staging *staging);

/* give: {staged, difference: [...], problems: [...], network: does it touch the network, stale, confirm_seconds: left
 * to confirm or null, previous: is there something to roll back to}. */
json_t *staging_report(const struct staging *staging);

/* -ENOENT: nothing is staged; -EINVAL: it has problems; -ESTALE: files in place are others than when it was staged;
 * -EBUSY: another change waits to be confirmed. confirm_s counts when the network is touched. *changes: give. */
int staging_apply(struct staging *staging, unsigned confirm_s, json_t **changes, struct error *err);
int staging_confirm(struct staging *staging, struct error *err);   /* -ENOENT: nothing waits */
int staging_roll_back(struct staging *staging, struct error *err); /* -ENOENT: there is nothing before */

/* One draft of a client's, kept while its line is down. NULL: there is none; give. NULL to keep: forget it. */
json_t *staging_draft(const struct staging *staging);
int staging_keep_draft(struct staging *staging, const json_t *draft, struct error *err);
