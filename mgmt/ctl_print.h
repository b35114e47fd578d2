/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_print.h - the API's answers as tables for people. What is missing in an answer is shown as "-": a client may be
 * older or newer than the box. */
#pragma once
#include <jansson.h>
#include <stdio.h>

void ctl_print_status(const json_t *answer, FILE *stream);
void ctl_print_inputs(const json_t *answer, FILE *stream);
void ctl_print_channels(const json_t *answer, FILE *stream);
void ctl_print_channel(const json_t *answer, FILE *stream);
void ctl_print_accelerators(const json_t *answer, FILE *stream);
void ctl_print_alerts(const json_t *answer, FILE *stream);
void ctl_print_counters(const json_t *answer, FILE *stream);
void ctl_print_reload(const json_t *answer, FILE *stream);
void ctl_print_report(const json_t *answer, FILE *stream); /* of what is staged */
void ctl_print_done(const json_t *answer, FILE *stream);
