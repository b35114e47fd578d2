/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_url.h - the parts of rtmp(s)://host[:port]/application. Plain values; any thread.
 *
 * The application may have several parts ("app/instance") and a query, in which some services hide a token: it is sent,
 * and never shown. The stream's name is no part of the URL: it is a setting of its own.
 *
 *     struct rtmp_url url;
 *     const char *fault = rtmp_url_parse(&url, "rtmps://live.example.com/app");   // NULL: good
 */
#pragma once
#include <stdbool.h>

enum { RTMP_HOST_BYTES = 256, RTMP_APPLICATION_BYTES = 512, RTMP_PORT_DEFAULT = 1935, RTMPS_PORT_DEFAULT = 443 };

struct rtmp_url {
    bool tls;
    char host[RTMP_HOST_BYTES]; /* IPv6 with its brackets */
    unsigned port;
    char application[RTMP_APPLICATION_BYTES]; /* without the slash in front of it */
};

/* What is wrong with the URL, as the end of a sentence (borrow: static); NULL: nothing. */
const char *rtmp_url_parse(struct rtmp_url *parts, const char *url);
/* What is wrong with a stream's name. */
const char *rtmp_stream_fault(const char *stream);
