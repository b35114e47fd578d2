/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/running_file.h"

#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"

enum { PATH_BYTES = 1024 };

static const struct setting channel_rows[] = {
    SETTING_STRING(struct running_channel, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "Name of the channel."),
    SETTING_BOOL(struct running_channel, running, .help = "Was started; false: was stopped by hand."),
    { 0 }
};
static const struct settings channel_table = { "channel", sizeof(struct running_channel), channel_rows,
                                               .help = "One channel." };
static const struct setting rows[] = {
    SETTING_STRING(struct running_file, boot, .help = "The boot of the machine in which this was written."),
    SETTING_LIST(struct running_file, channels, &channel_table, .help = "What was done by hand."),
    { 0 }
};
const struct settings running_file_settings = { "running", sizeof(struct running_file), rows,
                                                .help = "Which channels run: written by biplaned." };

void running_file_read(struct running_file *running, const char *spool_directory, const struct log *log)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/running.cfg", spool_directory);
    settings_defaults(&running_file_settings, running);
    if (access(path, F_OK) < 0)
        return;
    struct problems *problems = problems_create();
    if (problems && settings_read_file(&running_file_settings, path, running, problems) < 0) {
        /* not being sure is no reason to stay off the air: channels go by their own setting */
        log_error(log, "%s; what ran before is not known", problems_text(problems, 0));
        settings_defaults(&running_file_settings, running);
    }
    problems_destroy(problems);
}

int running_file_write(const struct running_file *running, const char *spool_directory, struct error *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/running.cfg", spool_directory);
    return settings_write_file(&running_file_settings, path, running, err);
}

static struct running_channel *find(struct running_file *running, const char *channel)
{
    for (unsigned i = 0; i < running->channels_count; i++)
        if (strcmp(running->channels[i].name, channel) == 0)
            return &running->channels[i];
    return NULL;
}

void running_file_set(struct running_file *running, const char *channel, bool is_running)
{
    struct running_channel *entry = find(running, channel);
    if (!entry && running->channels_count < CONFIGURATION_CHANNELS_MAX) {
        entry = &running->channels[running->channels_count++];
        snprintf(entry->name, sizeof entry->name, "%s", channel);
    }
    if (entry)
        entry->running = is_running;
}

void running_file_forget(struct running_file *running, const char *channel)
{
    struct running_channel *entry = find(running, channel);
    if (entry)
        *entry = running->channels[--running->channels_count];
}

bool running_file_wants(const struct running_file *running, const struct channel *channel, const char *boot)
{
    for (unsigned i = 0; i < running->channels_count; i++)
        if (strcmp(running->channels[i].name, channel->name) == 0) {
            if (running->channels[i].running || strcmp(boot, running->boot) == 0)
                return running->channels[i].running;
            break;
        }
    return channel->start;
}
