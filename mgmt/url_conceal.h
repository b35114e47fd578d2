/* SPDX-License-Identifier: GPL-2.0-or-later */
/* url_conceal.h - texts with URLs in them, for whoever may not see what is secret in those. Pure.
 *
 *     char *shown = url_conceal("PUT https://live:x@origin/a?token=b failed", true);
 *
 * "live:x" becomes three asterisks, and "?token=b" goes.
 */
#pragma once
#include <stdbool.h>

/* give; NULL: no memory. Whatever may be a user or a password becomes "***", in every URL of the text; queries go too
 * when they are to. */
char *url_conceal(const char *text, bool without_queries);
