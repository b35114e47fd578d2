/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - what stands in front of a destination applies to it and to those behind it. */
#include "tools/origincheck/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

enum { SECONDS_DEFAULT = 30 };

const char options_usage[] =
    "usage: biplane-origincheck [OPTIONS] [GROUP OPTIONS] DESTINATION [DESTINATION ...]\n"
    "       biplane-origincheck [OPTIONS] --channel FILE [--credentials FILE]\n"
    "\n"
    "Follows what the destinations of a channel have like a downstream would, and says what is wrong. The "
    "destinations\n"
    "of one group are copies that must be interchangeable. A destination is http(s)://, s3://, file:// or a path: for\n"
    "HLS the master playlist (\".m3u8\" may be left out), for archives and captured pictures the beginning of the\n"
    "objects' names, for fragments that of the files; or rtmp(s)://, as a player says it.\n"
    "\n"
    "  --seconds N          how long (30)\n"
    "  --follow             for ever, or for --seconds; prints what it finds at once, and how things are\n"
    "  --json               prints the report as JSON\n"
    "  --metrics ADDR:PORT  serves a page for Prometheus, /metrics\n"
    "  --channel FILE       all output groups of a channel's configuration file (may come again)\n"
    "  --credentials FILE   the credentials file; only its owner may be able to read it\n"
    "  --read-at FROM=TO    what is published to FROM... is read at TO... (may come again)\n"
    "  --decode WHAT        none, times, edges (first picture and last group of pictures; the default), all\n"
    "  --key FILE           the key of AES-128\n"
    "  --stale FACTOR       nothing new for so many target durations is trouble (1.5)\n"
    "  --max-age S          older media is trouble (10, or 4 target durations if that is more)\n"
    "  --timeout S          without an answer (5)\n"
    "\n"
    "Group options, for the destinations behind them:\n"
    "  --group NAME         begins a group\n"
    "  --type TYPE          hls, archive, frame_capture, rtmp, fragments (files of Smooth or CMAF ingest)\n"
    "  --interval S         how often objects come (learned)\n"
    "  --use NAME           section of the credentials file\n"
    "  --ca FILE            certificate authority (the system's)\n"
    "  --self-signed        whatever certificate the server shows is taken\n"
    "  --interface NAME     network interface to leave by\n"
    "  --endpoint URL       S3 server that is not AWS's\n"
    "  --region NAME        of S3\n"
    "  --mediastore         the https:// destination is a MediaStore container\n"
    "\n"
    "Exit status: 0 all is well, 1 trouble was found, 2 it could not be checked.\n";

enum option_key {
    OPTION_SECONDS = 256,
    OPTION_FOLLOW,
    OPTION_JSON,
    OPTION_METRICS,
    OPTION_CHANNEL,
    OPTION_CREDENTIALS,
    OPTION_READ_AT,
    OPTION_DECODE,
    OPTION_KEY,
    OPTION_STALE,
    OPTION_MAX_AGE,
    OPTION_TIMEOUT,
    OPTION_GROUP,
    OPTION_TYPE,
    OPTION_INTERVAL,
    OPTION_USE,
    OPTION_CA,
    OPTION_SELF_SIGNED,
    OPTION_INTERFACE,
    OPTION_ENDPOINT,
    OPTION_REGION,
    OPTION_MEDIASTORE,
    OPTION_HELP,
};

static const struct option long_options[] = { { "seconds", required_argument, NULL, OPTION_SECONDS },
                                              { "follow", no_argument, NULL, OPTION_FOLLOW },
                                              { "json", no_argument, NULL, OPTION_JSON },
                                              { "metrics", required_argument, NULL, OPTION_METRICS },
                                              { "channel", required_argument, NULL, OPTION_CHANNEL },
                                              { "credentials", required_argument, NULL, OPTION_CREDENTIALS },
                                              { "read-at", required_argument, NULL, OPTION_READ_AT },
                                              { "decode", required_argument, NULL, OPTION_DECODE },
                                              { "key", required_argument, NULL, OPTION_KEY },
                                              { "stale", required_argument, NULL, OPTION_STALE },
                                              { "max-age", required_argument, NULL, OPTION_MAX_AGE },
                                              { "timeout", required_argument, NULL, OPTION_TIMEOUT },
                                              { "group", required_argument, NULL, OPTION_GROUP },
                                              { "type", required_argument, NULL, OPTION_TYPE },
                                              { "interval", required_argument, NULL, OPTION_INTERVAL },
                                              { "use", required_argument, NULL, OPTION_USE },
                                              { "ca", required_argument, NULL, OPTION_CA },
                                              { "self-signed", no_argument, NULL, OPTION_SELF_SIGNED },
                                              { "interface", required_argument, NULL, OPTION_INTERFACE },
                                              { "endpoint", required_argument, NULL, OPTION_ENDPOINT },
                                              { "region", required_argument, NULL, OPTION_REGION },
                                              { "mediastore", no_argument, NULL, OPTION_MEDIASTORE },
                                              { "help", no_argument, NULL, OPTION_HELP },
                                              { 0 } };

struct reader {
    struct options *options;
    struct plan_settings settings;
    FILE *said;
    struct error err;
};

static int number(struct reader *reader, const char *text, double minimum, double maximum, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end != text && !*end && *value >= minimum && *value <= maximum)
        return 0;
    return error_set(&reader->err, -EINVAL, "\"%.40s\": want a number from %g to %g", text, minimum, maximum);
}

static int text_option(struct reader *reader, char *to, size_t room, const char *text)
{
    return (size_t)snprintf(to, room, "%s", text) < room
               ? 0
               : error_set(&reader->err, -EINVAL, "\"%.40s\": too long", text);
}

static int depth_option(struct reader *reader, const char *text)
{
    static const char *const words[] = { "none", "times", "edges", "all" };
    for (unsigned i = 0; i < 4; i++)
        if (!strcmp(words[i], text)) {
            reader->options->depth = (enum inspect_depth)i;
            return 0;
        }
    return error_set(&reader->err, -EINVAL, "--decode %.20s: want none, times, edges or all", text);
}

/* A type without a group before it, or behind destinations, begins a group of that name. */
static int type_option(struct reader *reader, const char *text)
{
    struct plan *plan = &reader->options->plan;
    enum plan_kind kind;
    if (!plan_kind_of(text, &kind))
        return error_set(&reader->err, -EINVAL, "--type %.40s is not known", text);
    if (!plan->groups_count || plan->groups[plan->groups_count - 1].copies)
        return plan_add_group(plan, text, kind, &reader->err);
    plan->kinds[plan->groups_count - 1] = kind;
    return 0;
}

static int interval_option(struct reader *reader, const char *text)
{
    struct plan *plan = &reader->options->plan;
    if (!plan->groups_count)
        return error_set(&reader->err, -EINVAL, "--interval belongs behind --group or --type");
    return number(reader, text, 0.01, 86400, &plan->groups[plan->groups_count - 1].interval_s);
}

static int timeout_option(struct reader *reader, const char *text)
{
    double value;
    int result = number(reader, text, 1, 600, &value);
    reader->options->timeout_s = result == 0 ? (unsigned)value : 0;
    return result;
}

static int take(struct reader *reader, int key, char *text)
{
    struct options *options = reader->options;
    struct plan_settings *settings = &reader->settings;
    switch (key) {
    case 1: /* not an option */
        return plan_add_place(&options->plan, text, settings, &reader->err);
    case OPTION_SECONDS:
        return number(reader, text, 1, 1e9, &options->seconds);
    case OPTION_FOLLOW:
        options->follow = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_METRICS:
        options->metrics = text;
        return 0;
    case OPTION_CHANNEL:
        return plan_add_channel(&options->plan, text, reader->said) < 0
                   ? error_set(&reader->err, -EINVAL, "%.200s cannot be used", text)
                   : 0;
    case OPTION_CREDENTIALS:
        options->credentials = text;
        return 0;
    case OPTION_READ_AT:
        return plan_add_replacement(&options->plan, text, &reader->err);
    case OPTION_DECODE:
        return depth_option(reader, text);
    case OPTION_KEY:
        options->key = text;
        return 0;
    case OPTION_STALE:
        return number(reader, text, 1, 100, &options->stale_factor);
    case OPTION_MAX_AGE:
        return number(reader, text, 1, 1e6, &options->maximum_age_s);
    case OPTION_TIMEOUT:
        return timeout_option(reader, text);
    case OPTION_GROUP:
        return plan_add_group(&options->plan, text, PLAN_AUTOMATIC, &reader->err);
    case OPTION_TYPE:
        return type_option(reader, text);
    case OPTION_INTERVAL:
        return interval_option(reader, text);
    case OPTION_USE:
        return text_option(reader, settings->credentials, sizeof settings->credentials, text);
    case OPTION_CA:
        return text_option(reader, settings->certificate_authority, sizeof settings->certificate_authority, text);
    case OPTION_SELF_SIGNED:
        settings->self_signed = true;
        return 0;
    case OPTION_INTERFACE:
        return text_option(reader, settings->interface_name, sizeof settings->interface_name, text);
    case OPTION_ENDPOINT:
        return text_option(reader, settings->endpoint, sizeof settings->endpoint, text);
    case OPTION_REGION:
        return text_option(reader, settings->region, sizeof settings->region, text);
    case OPTION_MEDIASTORE:
        settings->mediastore = true;
        return 0;
    case OPTION_HELP:
        options->help = true;
        return 0;
    default:
        return -EINVAL; /* getopt has said it */
    }
}

int options_read(struct options *options, int argc, char **argv, FILE *said)
{
    struct reader reader = { .options = options, .said = said };
    int key, result = 0;
    *options = (struct options){ .depth = INSPECT_EDGES };
    optind = 0; /* read from the start, also a second time */
    while (result == 0 && (key = getopt_long(argc, argv, "-", long_options, NULL)) != -1)
        result = take(&reader, key, optarg);
    if (result < 0) {
        if (*reader.err.text)
            fprintf(said, "biplane-origincheck: %s\n", reader.err.text);
        return -EINVAL;
    }
    if (!options->seconds && !options->follow)
        options->seconds = SECONDS_DEFAULT;
    return 0;
}
