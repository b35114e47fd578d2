/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/backup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/version.h"

static const char format[] = "biplane-backup";

json_t *backup_make(const json_t *documents, int64_t time_s)
{
    char host[64] = "", words[32];
    struct tm parts;
    time_t seconds = (time_t)time_s;
    gethostname(host, sizeof host - 1);
    gmtime_r(&seconds, &parts);
    strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:O}", "format", format, "version", BACKUP_VERSION, "made_by",
                     BIPLANE_VERSION, "host", host, "time", words, "documents", documents);
}

void backup_name(const json_t *backup, char name[BACKUP_NAME_BYTES])
{
    const char *host = json_string_value(json_object_get(backup, "host"));
    const char *time_words = json_string_value(json_object_get(backup, "time"));
    size_t used = (size_t)snprintf(name, BACKUP_NAME_BYTES, "biplane-");
    for (; host && *host && used < 64; host++)
        name[used++] = isalnum((unsigned char)*host) ? *host : '-';
    name[used++] = '-';
    for (; time_words && *time_words && used < 96; time_words++)
        if (isdigit((unsigned char)*time_words) || *time_words == 'T')
            name[used++] = *time_words == 'T' ? '-' : *time_words;
    snprintf(name + used, BACKUP_NAME_BYTES - used, ".backup");
}

const json_t *backup_documents(const json_t *backup, struct error *err)
{
    const char *word = json_string_value(json_object_get(backup, "format"));
    const json_t *documents = json_object_get(backup, "documents");
    json_int_t version = json_integer_value(json_object_get(backup, "version"));
    if (!word || strcmp(word, format) != 0 || !json_is_object(documents))
        error_set(err, -EINVAL, "this is not a backup of a Biplane box");
    else if (version < 1 || version > BACKUP_VERSION)
        error_set(err, -EINVAL, "this backup is of a newer Biplane: version %d of its format is not known here",
                  (int)version);
    else
        return documents;
    return NULL;
}
