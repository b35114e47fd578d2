/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/machine_faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 256 };

static json_t *read_fault(int folder, const char *name)
{
    char line[LINE_BYTES];
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t bytes = file < 0 ? -1 : read(file, line, sizeof line - 1);
    if (file >= 0)
        close(file);
    if (bytes <= 0)
        return NULL;
    line[bytes] = '\0';
    line[strcspn(line, "\n")] = '\0';
    /* NULL too where it is no text */
    return *line ? json_pack("{s:i, s:s, s:s}", "id", ALERT_MACHINE, "name", name, "message", line) : NULL;
}

json_t *machine_faults(const char *folder)
{
    json_t *list = json_array();
    DIR *directory = folder ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (directory && json_array_size(list) < MACHINE_FAULTS_MAX && (entry = readdir(directory))) {
        json_t *fault = entry->d_name[0] == '.' ? NULL : read_fault(dirfd(directory), entry->d_name);
        if (fault)
            json_array_append_new(list, fault);
    }
    if (directory)
        closedir(directory);
    return list;
}
