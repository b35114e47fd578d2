/* SPDX-License-Identifier: GPL-2.0-or-later */
/* support_bundle.h - what somebody who helps needs to see, as one gzipped tar: texts by name. No secret may go in:
 * documents come masked, and support_bundle_add_json() conceals what stands behind a "?" of a URL or before its "@".
 *
 *     struct support_bundle bundle = { .time_s = now };
 *     support_bundle_add_json(&bundle, "status.json", status);
 *     char *data = support_bundle_finish(&bundle, &bytes);     // give: free(); NULL: no memory
 */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct support_bundle { /* all zero but the time: empty */
    int64_t time_s;
    char *data;
    size_t bytes, room;
    int failed; /* no memory: finishing says so */
};

void support_bundle_add(struct support_bundle *bundle, const char *name, const char *text, size_t bytes);
void support_bundle_add_json(struct support_bundle *bundle, const char *name, const json_t *json);
char *support_bundle_finish(struct support_bundle *bundle, size_t *bytes);
