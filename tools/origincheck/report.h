/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what the judge knows, for a person, for a program (JSON), for a monitor (Prometheus text).
 *
 *     report_text(stdout, &plan, judge, seconds);
 *     report_json(stdout, &plan, judge, seconds);
 *     char *page = report_metrics(&plan, judge);     // give
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct finding;
struct judge;
struct plan;

void report_text(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds);
/* 0, or -EIO, -ENOMEM. */
int report_json(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds);
char *report_metrics(const struct plan *plan, const struct judge *judge); /* NULL: no memory */
/* One line for a finding as it comes; one for how things are, without a line end. */
void report_finding(FILE *stream, const struct plan *plan, const struct finding *finding, bool cleared);
void report_status(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds);
