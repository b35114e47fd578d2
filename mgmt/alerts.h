/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts.h - what is wrong now, in one place: raised by who sees it, cleared by the same, kept for a while after.
 *
 * An alert is known by (source, id, subject): raising it again only updates its message. Ids are the field's numbers
 * where it has one (docs/alerts.md). One thread. At most ALERTS_MAX; past it the oldest cleared one is forgotten.
 *
 *     alerts_raise(alerts, "news/0", 6010, "web", "destination https://...: 503 Service Unavailable");
 *     alerts_clear(alerts, "news/0", 6010, "web");
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "board/clock.h"

struct alerts;
struct log;

enum { ALERTS_MAX = 512 };

/* Of delivery (docs/alerts.md). Those that only one module raises, and that are no destination's, stand in its header.
 */
enum alert_id {
    ALERT_FILE_REFUSED = 6005,
    ALERT_WRITE_FAILED = 6006, /* to the box's own disk */
    ALERT_FINALISE_FAILED = 6007,
    ALERT_DELETE_FAILED = 6008,
    ALERT_OUTPUT_FAILED = 6010,
    ALERT_UNAUTHORIZED = 6015,
    ALERT_CONNECT_FAILED = 6018,
    ALERT_CERTIFICATE = 6028,
    ALERT_BACKLOG = 6501
};

struct alerts *alerts_create(const struct clock *clock, const struct log *log); /* borrow both; give; NULL: no memory */
void alerts_destroy(struct alerts *alerts);
/* source: "box", "dataplane/0", "news/1"; subject: what it is about there ("" if nothing more). Logged when new. */
void alerts_raise(struct alerts *alerts, const char *source, unsigned id, const char *subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void alerts_clear(struct alerts *alerts, const char *source, unsigned id, const char *subject);
/* Makes the set of alerts that `reporter` (a process's status) has under `source` exactly those of a JSON list of
 * {id, name, message}: raises and clears the difference. */
void alerts_replace(struct alerts *alerts, const char *source, const char *reporter, const json_t *list);
void alerts_clear_source(struct alerts *alerts, const char *source);
unsigned alerts_active(const struct alerts *alerts);
json_t *alerts_json(const struct alerts *alerts, bool also_cleared); /* give: list, newest first */
