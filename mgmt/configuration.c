/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/configuration.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mgmt/credentials.h"

enum { PATH_BYTES = 1024 };

static int is_channel_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".cfg") == 0;
}

static void check_file_name(const struct channel *channel, const char *file, struct problems *problems)
{
    size_t length = strlen(file) - 4;
    if (strlen(channel->name) != length || strncmp(channel->name, file, length) != 0)
        problem_at(problems, channel->name, "channel \"%s\" stands in %s: its file must be called %s.cfg",
                   channel->name, file, channel->name);
}

static void read_channel(struct configuration *configuration, const char *directory, const char *file, bool box_is_good,
                         struct problems *problems)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/channels.d/%s", directory, file);
    if (configuration->channels_count == CONFIGURATION_CHANNELS_MAX) {
        problem_in_file(problems, path, 0, "more than %d channels", CONFIGURATION_CHANNELS_MAX);
        return;
    }
    struct channel *channel = malloc(sizeof *channel);
    if (!channel) {
        problem_in_file(problems, path, 0, "no memory for a channel");
        return;
    }
    configuration->channels[configuration->channels_count++] = channel;
    if (settings_read_file(&channel_settings, path, channel, problems) < 0)
        return;
    channel_complete(channel, directory);
    check_file_name(channel, file, problems);
    if (!box_is_good)
        return; /* what a channel misses in a box that could not be read is not its fault */
    channel_check(channel, &configuration->box, problems);
    if (configuration->credentials)
        channel_check_credentials(channel, configuration->credentials, problems);
}

static void read_channels(struct configuration *configuration, const char *directory, bool box_is_good,
                          struct problems *problems)
{
    char path[PATH_BYTES];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%s/channels.d", directory);
    int count = scandir(path, &entries, is_channel_file, alphasort);
    if (count < 0 && errno != ENOENT) {
        char words[128];
        problem_in_file(problems, path, 0, "cannot be read: %s", strerror_r(errno, words, sizeof words));
    }
    for (int i = 0; i < count; i++) {
        read_channel(configuration, directory, entries[i]->d_name, box_is_good, problems);
        free(entries[i]);
    }
    free(entries);
}

static void credentials_path(const char *directory, const char *name, char path[PATH_BYTES])
{
    if (*name == '/')
        snprintf(path, PATH_BYTES, "%s", name);
    else
        snprintf(path, PATH_BYTES, "%s/%s", directory, name);
}

bool configuration_has_own_credentials(const char *directory, const char *credentials)
{
    char path[PATH_BYTES];
    struct stat named, own;
    credentials_path(directory, credentials, path);
    char *slash = strrchr(path, '/');
    if (!slash || strcmp(slash + 1, "credentials.cfg") != 0)
        return false;
    slash[1] = '\0';
    return stat(path, &named) == 0 && stat(directory, &own) == 0 && named.st_dev == own.st_dev &&
           named.st_ino == own.st_ino;
}

static void read_credentials(struct configuration *configuration, const char *directory, const char *home,
                             struct problems *problems)
{
    char path[PATH_BYTES];
    const char *name = configuration->box.credentials;
    credentials_path(directory, configuration_has_own_credentials(home, name) ? "credentials.cfg" : name, path);
    if (credentials_read(&configuration->credentials, path, problems) < 0)
        configuration->credentials = NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct channel *const *)a)->name, (*(struct channel *const *)b)->name);
}

int configuration_read(struct configuration **out, const char *directory, const char *boards_directory,
                       struct problems *problems)
{
    return configuration_read_copy(out, directory, directory, boards_directory, problems);
}

int configuration_read_copy(struct configuration **out, const char *directory, const char *home,
                            const char *boards_directory, struct problems *problems)
{
    unsigned before = problems_count(problems);
    struct configuration *configuration = calloc(1, sizeof *configuration);
    if (!configuration) {
        problem_in_file(problems, directory, 0, "no memory for the configuration");
        return -ENOMEM;
    }
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/box.cfg", directory);
    bool box_is_good = box_read(&configuration->box, path, boards_directory, problems) == 0;
    read_credentials(configuration, directory, home, problems);
    read_channels(configuration, directory, box_is_good, problems);
    channels_check_destinations((const struct channel *const *)configuration->channels, configuration->channels_count,
                                problems);
    if (problems_count(problems) > before) {
        configuration_destroy(configuration);
        return -EINVAL;
    }
    qsort(configuration->channels, configuration->channels_count, sizeof configuration->channels[0], by_name);
    *out = configuration;
    return 0;
}

void configuration_check_files(const struct configuration *configuration, struct problems *problems)
{
    for (unsigned i = 0; i < configuration->channels_count; i++)
        channel_check_files(configuration->channels[i], problems);
}

void configuration_destroy(struct configuration *configuration)
{
    if (!configuration)
        return;
    for (unsigned i = 0; i < configuration->channels_count; i++)
        free(configuration->channels[i]);
    credentials_destroy(configuration->credentials);
    free(configuration);
}

const struct channel *configuration_channel(const struct configuration *configuration, const char *name)
{
    for (unsigned i = 0; i < configuration->channels_count; i++)
        if (strcmp(configuration->channels[i]->name, name) == 0)
            return configuration->channels[i];
    return NULL;
}

char *configuration_text(const struct settings *settings, const void *value)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return NULL;
    settings_write(settings, stream, value);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}
