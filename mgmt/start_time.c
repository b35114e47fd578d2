/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/start_time.h"

#include <stdio.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "mgmt/spool.h"

enum { NAME_BYTES = 128 };

static void name_file(char name[NAME_BYTES], const char *channel)
{
    snprintf(name, NAME_BYTES, "%s.start.json", channel);
}

int64_t start_time_get(const char *spool_directory, const char *channel, const struct clock *clock,
                       const struct log *log)
{
    char name[NAME_BYTES];
    struct error err = { 0 };
    json_int_t utc_s = 0;
    name_file(name, channel);
    json_t *kept = spool_read(spool_directory, name, &err);
    if (kept && (json_unpack(kept, "{s:I}", "utc_s", &utc_s) < 0 || utc_s < 0))
        utc_s = 0;
    json_decref(kept);
    if (utc_s)
        return utc_s;
    if (err.code < 0)
        log_warning(log, "%s: channel %s names its files after the present time", err.text, channel);
    utc_s = (json_int_t)(clock_utc_ns(clock) / NS_PER_S);
    json_t *now = json_pack("{s:I}", "utc_s", utc_s);
    err = (struct error){ 0 };
    if (spool_write_json(spool_directory, name, now, SPOOL_DURABLE, &err) < 0)
        log_error(log, "%s: after a restart channel %s may give its files other names", err.text, channel);
    json_decref(now);
    return utc_s;
}

void start_time_forget(const char *spool_directory, const char *channel)
{
    char name[NAME_BYTES];
    name_file(name, channel);
    spool_remove(spool_directory, name);
}
