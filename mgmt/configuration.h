/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration.h - all of a configuration folder: box.cfg, channels.d/<name>.cfg, the credentials file; read and
 * checked as a whole, so that either all of it is used or none.
 *
 *     if (configuration_read(&configuration, "/etc/biplane", boards_directory, problems) < 0)
 *         problems_print(problems, stderr);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "mgmt/box.h"
#include "mgmt/channel.h"

struct credentials;

enum { CONFIGURATION_CHANNELS_MAX = 32 };

struct configuration {
    struct box box;
    struct credentials *credentials;
    unsigned channels_count;
    struct channel *channels[CONFIGURATION_CHANNELS_MAX]; /* by name, ascending */
};

/* 0 and a configuration (give), or -EINVAL and problems. */
int configuration_read(struct configuration **out, const char *directory, const char *boards_directory,
                       struct problems *problems);
/* The same of a copy that is to take the place of the folder `home`: a path to home's credentials.cfg means the copy's.
 */
int configuration_read_copy(struct configuration **out, const char *directory, const char *home,
                            const char *boards_directory, struct problems *problems);
/* Does the box's setting "credentials" lead to the folder's own credentials.cfg, by whatever path? */
bool configuration_has_own_credentials(const char *directory, const char *credentials);
/* Adds a problem for each file that is named there and cannot be read: a picture, a certificate. Right after
 * configuration_read() with the same problems. Whoever changes something is refused; who starts goes on without them.
 */
void configuration_check_files(const struct configuration *configuration, struct problems *problems);
void configuration_destroy(struct configuration *configuration); /* NULL is fine */
const struct channel *configuration_channel(const struct configuration *configuration, const char *name); /* borrow */

/* The same text for the same values: what a job is compared and hashed by. Give (free); NULL: no memory. */
char *configuration_text(const struct settings *settings, const void *value);
