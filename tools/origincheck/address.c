/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool address_has_scheme(const char *text)
{
    const char *c = text;
    if (!isalpha((unsigned char)*c))
        return false;
    while (isalnum((unsigned char)*c) || *c == '+' || *c == '-' || *c == '.')
        c++;
    return c[0] == ':' && c[1] == '/';
}

/* Where the path of an absolute address begins: behind scheme and host, or at once. */
static size_t path_of(const char *address)
{
    if (!address_has_scheme(address))
        return 0;
    const char *host = strchr(address, ':') + 1;
    if (host[0] == '/' && host[1] == '/')
        host += 2 + strcspn(host + 2, "/?#");
    return (size_t)(host - address);
}

/* Takes "." and ".." out of a path, in place; what goes above the root stays at the root. */
static void remove_dots(char *path)
{
    char *from = path, *to = path;
    size_t rest = strcspn(path, "?#");
    const char *end = path + rest;
    while (from < end) {
        char *next = memchr(from + 1, '/', (size_t)(end - from - 1));
        size_t length = (size_t)((next ? next : end) - from);
        bool absolute = *from == '/';
        const char *part = from + absolute;
        size_t part_length = length - absolute;
        if (part_length == 1 && part[0] == '.') {
            if (!next && absolute)
                *to++ = '/';
        } else if (part_length == 2 && part[0] == '.' && part[1] == '.') {
            while (to > path && *--to != '/')
                ;
            if (!next && absolute)
                *to++ = '/';
        } else {
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    memmove(to, end, strlen(end) + 1);
}

int address_resolve(char out[ADDRESS_BYTES], const char *base, const char *reference)
{
    size_t keep = path_of(base);
    if (address_has_scheme(reference)) {
        keep = 0;
    } else if (reference[0] == '/' && reference[1] == '/' && address_has_scheme(base)) {
        keep = (size_t)(strchr(base, ':') + 1 - base);
    } else if (reference[0] != '/') { /* beside the base: up to its last slash */
        size_t path_end = keep + strcspn(base + keep, "?#"), slash = path_end;
        while (slash > keep && base[slash - 1] != '/')
            slash--;
        keep = *reference == '?' || !*reference ? path_end : slash;
    }
    if (keep + strlen(reference) + 2 > ADDRESS_BYTES)
        return -ENAMETOOLONG;
    memcpy(out, base, keep);
    size_t host = path_of(base);
    bool needs_slash = keep == host && host && *reference != '/' && !address_has_scheme(reference);
    snprintf(out + keep, ADDRESS_BYTES - keep, "%s%s", needs_slash ? "/" : "", reference);
    remove_dots(out + path_of(out));
    return 0;
}

const char *address_shown(char out[ADDRESS_BYTES], const char *address)
{
    size_t path = path_of(address), end = strcspn(address, "?#");
    size_t host = address_has_scheme(address) ? (size_t)(strchr(address, ':') + 1 - address) : 0;
    const char *at = path > host ? memrchr(address + host, '@', path - host) : NULL;
    size_t scheme = at ? host + 2 : 0, from = at ? (size_t)(at + 1 - address) : 0;
    snprintf(out, ADDRESS_BYTES, "%.*s%.*s", (int)scheme, address, end > from ? (int)(end - from) : 0, address + from);
    return out;
}

const char *address_name(char out[ADDRESS_BYTES], const char *address)
{
    size_t end = strcspn(address, "?#"), begin = end;
    while (begin > 0 && address[begin - 1] != '/')
        begin--;
    snprintf(out, ADDRESS_BYTES, "%.*s", (int)(end - begin), address + begin);
    return out;
}
