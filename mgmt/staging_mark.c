/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/staging_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "board/error.h"

static const char name[] = "unconfirmed";

static int open_folder(const char *spool_directory)
{
    return open(spool_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int staging_mark_set(const char *spool_directory, struct error *err)
{
    int folder = open_folder(spool_directory);
    int file = folder >= 0 ? openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    int code = file < 0 || fsync(file) < 0 || fsync(folder) < 0 ? -errno : 0;
    if (file >= 0)
        close(file);
    if (folder >= 0)
        close(folder);
    return code < 0 ? error_set_errno(err, code, "writing %s/%s", spool_directory, name) : 0;
}

int staging_mark_clear(const char *spool_directory, struct error *err)
{
    int folder = open_folder(spool_directory);
    int code = folder < 0 || (unlinkat(folder, name, 0) < 0 && errno != ENOENT) || fsync(folder) < 0 ? -errno : 0;
    if (folder >= 0)
        close(folder);
    return code < 0 ? error_set_errno(err, code, "removing %s/%s", spool_directory, name) : 0;
}

bool staging_mark_is_set(const char *spool_directory)
{
    int folder = open_folder(spool_directory);
    bool is_set = folder >= 0 && faccessat(folder, name, F_OK, 0) == 0;
    if (folder >= 0)
        close(folder);
    return is_set;
}
