/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pages.h - answers of the API as pages for a screen of 80 columns. Pure; what is missing in an answer is "-": the
 * console may be older or newer than biplaned. Nothing of a page is wider than PAGE_COLUMNS but what is cut there
 * anyway.
 */
#pragma once
#include <jansson.h>

#include "mgmt/console/lines.h"

enum { PAGE_COLUMNS = 74 };

/* All on one page: the box, nodes and ports, inputs, channels and pipelines, alerts. NULL: not answered. */
void page_status(const json_t *status, const json_t *inputs, const json_t *alerts, struct lines *lines);
void page_title(const json_t *status, const json_t *report, char *text, size_t bytes); /* one line, for the top */
void page_channel(const json_t *channel, struct lines *lines);
void page_alerts(const json_t *alerts, struct lines *lines);
void page_hardware(const json_t *hardware, const json_t *status, struct lines *lines);
/* What is staged: each value before and after, and what is wrong with it. */
void page_report(const json_t *report, struct lines *lines);
void page_update(const json_t *update, struct lines *lines);
