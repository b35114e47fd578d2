/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/rtp_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/error.h"

int rtp_control_open(const char *path, struct error *err)
{
    if (mkfifo(path, 0600) < 0 && errno != EEXIST)
        return error_set_errno(err, -errno, "control FIFO %s", path);
    int descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return descriptor < 0 ? error_set_errno(err, -errno, "control FIFO %s", path) : descriptor;
}

static bool apply(struct rtp_path *path, const char *verb, double value)
{
    struct impairment *impairment = &path->impairment;
    if (strcmp(verb, "cut") == 0)
        impairment->cut = true;
    else if (strcmp(verb, "resume") == 0)
        impairment->cut = false;
    else if (strcmp(verb, "loss") == 0)
        impairment->loss_percent = value;
    else if (strcmp(verb, "duplicate") == 0)
        impairment->duplicate_percent = value;
    else if (strcmp(verb, "corrupt") == 0)
        impairment->corrupt_percent = value;
    else if (strcmp(verb, "reorder") == 0 && value >= 0)
        impairment->reorder = (unsigned)value;
    else if (strcmp(verb, "ssrc") == 0)
        path->ssrc = (uint32_t)(int64_t)value;
    else if (strcmp(verb, "jump") == 0)
        path->stamp.offset_90k += (int64_t)(value * 90000);
    else if (strcmp(verb, "bare") == 0)
        path->bare = value != 0;
    else if (strcmp(verb, "no-pcr") == 0)
        path->stamp.no_pcr = value != 0;
    else
        return false;
    return true;
}

int rtp_control_line(struct rtp_path *paths, unsigned count, const char *line, struct error *err)
{
    char verb[16];
    unsigned index = 0;
    double value = 0;
    int fields = sscanf(line, "%15s %u %lf", verb, &index, &value);
    if (fields == 1 && strcmp(verb, "stats") == 0)
        return 1;
    bool needs_value = fields >= 1 && strcmp(verb, "cut") != 0 && strcmp(verb, "resume") != 0;
    if (fields < (needs_value ? 3 : 2))
        return error_set(err, -EINVAL, "control: \"%s\": want VERB PATH [VALUE]", line);
    if (index >= count)
        return error_set(err, -EINVAL, "control: \"%s\": there are %u paths, counted from 0", line, count);
    if (!apply(&paths[index], verb, value))
        return error_set(err, -EINVAL, "control: \"%s\": unknown command", line);
    return 0;
}

bool rtp_control_poll(int descriptor, struct rtp_path *paths, unsigned count)
{
    char text[1024];
    bool stats = false;
    ssize_t bytes = read(descriptor, text, sizeof text - 1); /* writes of lines up to PIPE_BUF are not mixed */
    if (bytes <= 0)
        return false;
    text[bytes] = '\0';
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        struct error err = { 0 };
        if (!*line)
            continue;
        int result = rtp_control_line(paths, count, line, &err);
        if (result < 0)
            fprintf(stderr, "biplane-rtpsend: %s\n", err.text);
        stats = stats || result == 1;
    }
    return stats;
}
