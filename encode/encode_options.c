/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encode_options.c - one table of getopt_long, one usage text. */
#include "encode/encode_options.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
    "usage: biplane-encode --job FILE --run DIR [options]\n"
    "       biplane-encode --accelerators [--runtime DIR]\n"
    "  --job FILE          what to encode, as the management plane has written it\n"
    "  --run DIR           run directory: sockets of the data plane and the management plane\n"
    "  --runtime DIR       where the software oneVPL runtime lies (default: beside the program)\n"
    "  --accelerators      print as JSON what encodes and decodes on this machine, and end\n"
    "  --no-place          do not bind to the pipeline's NUMA node and cores\n"
    "  --log-level LEVEL   error, warning, info or debug (default info)\n"
    "  --log-format FORMAT text or json (default text)\n";

void encode_options_usage(FILE *stream)
{
    fputs(usage, stream);
}

bool encode_options_parse(int argc, char **argv, struct encode_options *options)
{
    static const struct option longs[] = { { "job", required_argument, NULL, 'j' },
                                           { "run", required_argument, NULL, 'r' },
                                           { "runtime", required_argument, NULL, 'v' },
                                           { "place", no_argument, NULL, 'p' },
                                           { "accelerators", no_argument, NULL, 'a' },
                                           { "no-place", no_argument, NULL, 'n' },
                                           { "log-level", required_argument, NULL, 'l' },
                                           { "log-format", required_argument, NULL, 'f' },
                                           { NULL, 0, NULL, 0 } };

    *options = (struct encode_options){ .place = true, .log = { .level = LOG_LEVEL_INFO } };
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (option == 'j')
            options->job = optarg;
        else if (option == 'r')
            options->run = optarg;
        else if (option == 'v')
            options->runtime = optarg;
        else if (option == 'a')
            options->accelerators = true;
        else if (option == 'p' || option == 'n')
            options->place = option == 'p';
        else if (option == 'f' && (!strcmp(optarg, "text") || !strcmp(optarg, "json")))
            options->log.format = optarg[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        else if (option != 'l' || !log_level_from_name(optarg, &options->log.level))
            return false;
    }
    return (options->accelerators || (options->job && options->run)) && optind == argc;
}
