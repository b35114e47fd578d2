/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/support_bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/gzip.h"
#include "mgmt/url_conceal.h"

enum { BLOCK = 512, FILE_BYTES_MAX = 4 << 20 };

/* ustar, POSIX.1-1988 */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2],
        owner[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static void append(struct support_bundle *bundle, const void *data, size_t bytes)
{
    size_t padded = (bytes + BLOCK - 1) / BLOCK * BLOCK;
    if (bundle->bytes + padded > bundle->room) {
        size_t room = 2 * (bundle->bytes + padded);
        char *grown = realloc(bundle->data, room);
        if (!grown) {
            bundle->failed = 1;
            return;
        }
        bundle->data = grown;
        bundle->room = room;
    }
    memset(bundle->data + bundle->bytes, 0, padded);
    memcpy(bundle->data + bundle->bytes, data, bytes);
    bundle->bytes += padded;
}

void support_bundle_add(struct support_bundle *bundle, const char *name, const char *text, size_t bytes)
{
    struct header header = { .type = '0' };
    unsigned sum = 0;
    if (bytes > FILE_BYTES_MAX) { /* the end of a log is what counts */
        text += bytes - FILE_BYTES_MAX;
        bytes = FILE_BYTES_MAX;
    }
    snprintf(header.name, sizeof header.name, "biplane-support/%s", name);
    memcpy(header.mode, "0000600", 8);
    memcpy(header.uid, "0000000", 8);
    memcpy(header.gid, "0000000", 8);
    snprintf(header.size, sizeof header.size, "%011zo", bytes);
    snprintf(header.mtime, sizeof header.mtime, "%011llo", (unsigned long long)bundle->time_s & 077777777777);
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    memset(header.checksum, ' ', sizeof header.checksum);
    for (size_t i = 0; i < sizeof header; i++)
        sum += ((const unsigned char *)&header)[i];
    snprintf(header.checksum, sizeof header.checksum, "%06o", sum & 0777777);
    append(bundle, &header, sizeof header);
    append(bundle, text, bytes);
}

static void make_public(json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach(json, name, value) make_public(value);
    for (size_t i = 0; i < json_array_size(json); i++)
        make_public(json_array_get(json, i));
    if (!json_is_string(json))
        return;
    char *text = url_conceal(json_string_value(json), true);
    json_string_set(json, text ? text : "");
    free(text);
}

void support_bundle_add_json(struct support_bundle *bundle, const char *name, const json_t *json)
{
    json_t *copy = json_deep_copy(json);
    make_public(copy);
    char *text = copy ? json_dumps(copy, JSON_INDENT(2)) : NULL;
    if (text)
        support_bundle_add(bundle, name, text, strlen(text));
    free(text);
    json_decref(copy);
}

char *support_bundle_finish(struct support_bundle *bundle, size_t *bytes)
{
    static const char end[2 * BLOCK];
    append(bundle, end, sizeof end);
    char *data = bundle->failed ? NULL : gzip_compress(bundle->data, bundle->bytes, bytes);
    free(bundle->data);
    *bundle = (struct support_bundle){ 0 };
    return data;
}
