/* SPDX-License-Identifier: GPL-2.0-or-later */
/* running_file.h - which channels an operator has started or stopped, kept in the spool ("running.cfg").
 *
 * Within one boot of the machine the file is the truth. After a power cut what ran starts again; what was stopped by
 * hand is up to its own setting "start" again. Plain values, no I/O but read and write.
 */
#pragma once
#include "mgmt/configuration.h"
#include "mgmt/spawn.h"

struct running_channel {
    char name[ENCODE_NAME_BYTES];
    bool running;
};

struct running_file {
    char boot[SPAWN_BOOT_BYTES];
    struct running_channel channels[CONFIGURATION_CHANNELS_MAX];
    unsigned channels_count;
};

extern const struct settings running_file_settings;

struct error;
struct log;
void running_file_read(struct running_file *running, const char *spool_directory, const struct log *log);
int running_file_write(const struct running_file *running, const char *spool_directory, struct error *err);
void running_file_set(struct running_file *running, const char *channel, bool is_running);
void running_file_forget(struct running_file *running, const char *channel);
/* Should this channel run when the management plane starts? */
bool running_file_wants(const struct running_file *running, const struct channel *channel, const char *boot);
