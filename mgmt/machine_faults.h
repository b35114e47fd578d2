/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_faults.h - what the machine below has found wrong with itself while it started, for the list of alerts.
 *
 * Scripts of the image leave a file for each in a folder: its name is what it is about, its first line the sentence.
 * They take it away again when it is over. A machine without the folder has no faults.
 */
#pragma once
#include <jansson.h>

enum { ALERT_MACHINE = 4004, MACHINE_FAULTS_MAX = 16 };

/* give: [{id, name, message}], as alerts_replace() takes it; names that begin with "." and empty files are left out. */
json_t *machine_faults(const char *folder);
