/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A port in a URL's authority; IPv6 literals keep their colons in brackets. */
static bool port_is_wrong(const char *authority, size_t length)
{
    const char *end = authority + length, *colon = NULL;
    for (const char *c = authority; c < end; c++)
        if (*c == ']')
            colon = NULL;
        else if (*c == ':' && *authority != '[')
            colon = c;
        else if (*c == ':' && c > authority && c[-1] == ']')
            colon = c;
    if (!colon)
        return false;
    unsigned long port = 0;
    for (const char *c = colon + 1; c < end; c++) {
        if (!isdigit((unsigned char)*c) || port > 65535)
            return true;
        port = port * 10 + (unsigned long)(*c - '0');
    }
    return port < 1 || port > 65535;
}

static bool has_dot_segment(const char *path)
{
    for (const char *part = path; part; part = strchr(part + 1, '/')) {
        size_t length = strcspn(part + 1, "/");
        if ((length == 1 && part[1] == '.') || (length == 2 && part[1] == '.' && part[2] == '.'))
            return true;
    }
    return false;
}

static bool has_odd_character(const char *url)
{
    for (; *url; url++)
        if (!isgraph((unsigned char)*url) || strchr("\"<>\\^`{|}", *url))
            return true;
    return false;
}

const char *url_path_fault(const char *path)
{
    if (has_odd_character(path))
        return "holds a character that cannot stand in a URL";
    if (strpbrk(path, "?#"))
        return "must not hold ? or #: file names are put behind it";
    if (strlen(path) < 2)
        return "needs a path: it is the beginning of file names, as in http://host/live/news";
    if (path[strlen(path) - 1] == '/')
        return "must not end in a slash: file names are put directly behind it";
    if (has_dot_segment(path))
        return "must not hold . or .. as a part of its path";
    return NULL;
}

/* What is wrong behind the scheme. */
static const char *rest_fault(const char *rest)
{
    size_t authority = strcspn(rest, "/?#");
    if (memchr(rest, '@', authority))
        return "must not hold a user or password: put them into the credentials file and name its section in "
               "\"credentials\"";
    if (has_odd_character(rest))
        return "holds a character that cannot stand in a URL";
    if (authority == 0 || *rest == ':')
        return "has no host";
    if (port_is_wrong(rest, authority))
        return "has a port that is not 1 to 65535";
    return url_path_fault(rest + authority);
}

const char *url_prefix_fault(const char *url)
{
    const char *rest = strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    return rest ? rest_fault(rest) : "must start with http:// or https://";
}

const char *url_scheme_fault(const char *url, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncmp(url, scheme, length) == 0 ? rest_fault(url + length) : "has another scheme";
}

size_t url_folder_bytes(const char *url)
{
    const char *slash = strrchr(url, '/');
    return slash ? (size_t)(slash + 1 - url) : 0;
}
