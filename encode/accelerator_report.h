/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_report.h - the machine's accelerators as JSON: what biplane-encode --accelerators prints, and the
 * management plane hands on (docs/api.md). One thread.
 *
 *     char *text = accelerator_report();
 *     puts(text);
 *     free(text);
 */
#pragma once

char *accelerator_report(void); /* give: free(); NULL: no memory */
