/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_odd_character(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text) || strchr("\"<>\\^`{|}", *text))
            return true;
    return false;
}

/* Reads "host[:port]" of that length; false: the port is wrong. */
static bool read_authority(struct rtmp_url *parts, const char *authority, size_t length)
{
    const char *bracket = memchr(authority, ']', length);
    const char *after = *authority == '[' && bracket ? bracket + 1 : authority;
    const char *colon = memchr(after, ':', length - (size_t)(after - authority));
    size_t host = colon ? (size_t)(colon - authority) : length;
    snprintf(parts->host, sizeof parts->host, "%.*s", (int)host, authority);
    if (!colon)
        return true;
    char digits[8] = "";
    size_t count = length - host - 1;
    if (count < 1 || count > 5)
        return false;
    memcpy(digits, colon + 1, count);
    for (const char *c = digits; *c; c++)
        if (!isdigit((unsigned char)*c))
            return false;
    parts->port = (unsigned)strtoul(digits, NULL, 10);
    return parts->port >= 1 && parts->port <= 65535;
}

const char *rtmp_url_parse(struct rtmp_url *parts, const char *url)
{
    *parts = (struct rtmp_url){ .tls = strncmp(url, "rtmps://", 8) == 0 };
    if (!parts->tls && strncmp(url, "rtmp://", 7) != 0)
        return "must start with rtmp:// or rtmps://";
    const char *authority = url + (parts->tls ? 8 : 7);
    size_t length = strcspn(authority, "/?#");
    if (memchr(authority, '@', length))
        return "must not hold a user or password: put them into the credentials file and name its section in "
               "\"credentials\"";
    if (has_odd_character(url))
        return "holds a character that cannot stand in a URL";
    if (length == 0 || *authority == ':' || length >= sizeof parts->host)
        return "has no host";
    parts->port = parts->tls ? RTMPS_PORT_DEFAULT : RTMP_PORT_DEFAULT;
    if (!read_authority(parts, authority, length))
        return "has a port that is not 1 to 65535";
    const char *application = authority + length;
    if (*application != '/' || !application[1])
        return "needs an application, as in rtmp://host/live";
    if (strchr(application, '#'))
        return "must not hold #";
    if (application[strlen(application) - 1] == '/')
        return "must not end in a slash: the stream's name is a setting of its own";
    if (strlen(application + 1) >= sizeof parts->application)
        return "is too long";
    strcpy(parts->application, application + 1);
    return NULL;
}

const char *rtmp_stream_fault(const char *stream)
{
    if (!*stream)
        return "is missing: it is what the stream is called at the server";
    for (; *stream; stream++)
        if (!isgraph((unsigned char)*stream))
            return "holds a space or another character that cannot stand in it";
    return NULL;
}
