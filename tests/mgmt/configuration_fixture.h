/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration_fixture.h - a good configuration in a folder of its own, for tests that break it or run it. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct configuration_fixture {
    char directory[64];
};

/* clang-format off */
static const char fixture_box[] =
    "board = \"dev\";\n"                                                                             /* 1 */
    "nodes = (\n"
    "  { ports = ( { name = \"left\"; device = \"net_af_packet0,iface=lo\"; } ); },\n"               /* 3 */
    "  { ports = ( { name = \"right\"; device = \"net_af_packet1,iface=dummy0\"; } ); } );\n"        /* 4 */
    "input_security_groups = (\n"
    "  { name = \"studio\"; cidrs = [ \"10.1.0.0/16\", \"fd00:1::/64\" ]; } );\n"                    /* 6 */
    "inputs = (\n"
    "  { name = \"news-rtp\"; type = \"rtp\"; security_groups = [ \"studio\" ];\n"                   /* 8 */
    "    endpoints = ( { address = \"10.1.0.10\"; port = 5000; },\n"                                 /* 9 */
    "                  { address = \"10.2.0.10\"; port = 5000; } ); },\n"                            /* 10 */
    "  { name = \"one-rtp\"; security_groups = [ \"studio\" ];\n"                                    /* 11 */
    "    endpoints = ( { address = \"239.1.2.3\"; port = 5002; source = \"10.1.0.7\"; } ); } );\n"   /* 12 */
    "api = { address = \"127.0.0.1\"; port = 0; };\n";                                               /* 13 */

static const char fixture_channel[] =
    "name = \"news\"; class = \"standard\";\n"                                                       /* 1 */
    "input_attachments = ( { input = \"news-rtp\";\n"                                                /* 2 */
    "  audio_selectors = ( { name = \"main\"; language = \"eng\"; } ); } );\n"                       /* 3 */
    "encodes = {\n"
    "  video = (\n"
    "    { name = \"v720\"; width = 1280; height = 720; bitrate = 3000000; gop_seconds = 2.0; },\n"  /* 6 */
    "    { name = \"v360\"; width = 640; height = 360; bitrate = 800000; gop_seconds = 2.0; } );\n"  /* 7 */
    "  audio = ( { name = \"a128\"; bitrate = 128000; selector = \"main\"; } );\n"                   /* 8 */
    "};\n"
    "input_loss = { repeat_frame_msec = 1000; color = \"102040\"; };\n"                              /* 10 */
    "output_groups = ( {\n"
    "  name = \"web\"; type = \"hls\";\n"                                                            /* 12 */
    "  hls = { segment_length = 2.0; index_n_segments = 10; keep_segments = 21; };\n"                /* 13 */
    "  connection = { num_retries = 10; filecache_duration = 300; };\n"                              /* 14 */
    "  destinations = ( { url = \"http://127.0.0.1:9/a/news\"; credentials = \"origin\"; },\n"       /* 15 */
    "                   { url = \"http://127.0.0.1:9/b/news\"; } );\n"                               /* 16 */
    "  outputs = (\n"
    "    { name_modifier = \"_720p\"; video = \"v720\"; audio = [ \"a128\" ]; },\n"                  /* 18 */
    "    { name_modifier = \"_360p\"; video = \"v360\"; audio = [ \"a128\" ]; } );\n"                /* 19 */
    "} );\n";

static const char fixture_credentials[] =
    "credentials = (\n"
    "  { name = \"origin\"; user = \"live\"; password = \"a-secret\"; } );\n";                       /* 2 */
/* clang-format on */

static inline void fixture_write(const struct configuration_fixture *fixture, const char *name, const char *text,
                                 mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(file, mode) < 0)
        abort();
    close(file);
}

static inline void fixture_create(struct configuration_fixture *fixture)
{
    char path[128];
    strcpy(fixture->directory, "/tmp/biplane-test-XXXXXX");
    if (!mkdtemp(fixture->directory))
        abort();
    snprintf(path, sizeof path, "%s/channels.d", fixture->directory);
    mkdir(path, 0755);
    fixture_write(fixture, "box.cfg", fixture_box, 0644);
    fixture_write(fixture, "channels.d/news.cfg", fixture_channel, 0644);
    fixture_write(fixture, "credentials.cfg", fixture_credentials, 0600);
}

static inline void fixture_destroy(const struct configuration_fixture *fixture)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    if (system(command) != 0)
        abort();
}

/* text with its first `from` replaced by `to`; aborts when it is not there. Give. */
static inline char *fixture_replace(const char *text, const char *from, const char *to)
{
    const char *place = strstr(text, from);
    char *result = malloc(strlen(text) + strlen(to) + 1);
    if (!place || !result) {
        fprintf(stderr, "no \"%s\" in the fixture\n", from);
        abort();
    }
    sprintf(result, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
    return result;
}
