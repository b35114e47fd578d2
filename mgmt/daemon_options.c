/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/daemon_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "mgmt/reference.h"
#include "mgmt/version.h"

const char daemon_usage[] =
    "usage: biplaned --config DIR --run DIR --spool DIR [options]\n"
    "  --config DIR        box.cfg, channels.d/, credentials.cfg (default /etc/biplane)\n"
    "  --run DIR           sockets, job files, pid files, logs (default /run/biplane)\n"
    "  --spool DIR         what outlives a power cut (default /var/spool/biplane)\n"
    "  --programs DIR      biplane-dataplane and biplane-encode (default: beside this program)\n"
    "  --boards DIR        the boards' defaults\n"
    "  --runtime DIR       the software oneVPL runtime\n"
    "  --machine SOCKET    who does what needs more rights (default /run/biplane-machine.socket)\n"
    "  --media DIR         where sticks are mounted (default /run/biplane-stick); a DIR given: any folder in it is "
    "one\n"
    "  --log-level LEVEL   error, warning, info, debug\n"
    "  --log-format FORMAT text, json\n"
    "  --check             read and check the configuration, print its problems, end\n"
    "  --print-devices     print the PCI addresses of the configuration's ports, end\n"
    "  --is-clock-set      end at once: status 0 if NTP or PTP has set the machine's clock, 1 if nothing has\n"
    "  --print-reference   print the manual of the configuration files, end\n";

bool daemon_options_parse(int argc, char **argv, struct daemon_options *options)
{
    static const struct option longs[] = { { "config", 1, NULL, 'c' },
                                           { "run", 1, NULL, 'r' },
                                           { "spool", 1, NULL, 's' },
                                           { "programs", 1, NULL, 'p' },
                                           { "boards", 1, NULL, 'b' },
                                           { "runtime", 1, NULL, 't' },
                                           { "machine", 1, NULL, 'o' },
                                           { "media", 1, NULL, 'd' },
                                           { "log-level", 1, NULL, 'l' },
                                           { "log-format", 1, NULL, 'f' },
                                           { "check", 0, NULL, 'k' },
                                           { "print-devices", 0, NULL, 'i' },
                                           { "print-reference", 0, NULL, 'm' },
                                           { "is-clock-set", 0, NULL, 'q' },
                                           { "version", 0, NULL, 'v' },
                                           { "help", 0, NULL, 'h' },
                                           { 0 } };
    *options = (struct daemon_options){
        .config = "/etc/biplane",
        .run = "/run/biplane",
        .spool = "/var/spool/biplane",
        .machine = "/run/biplane-machine.socket",
        .media = { "/run/biplane-stick", false },
        .log = { .name = "biplaned" },
    };
    /* clang-format off */
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        switch (option) {
        case 'c': options->config = optarg; break;
        case 'r': options->run = optarg; break;
        case 's': options->spool = optarg; break;
        case 'p': options->programs = optarg; break;
        case 'b': options->boards = optarg; break;
        case 't': options->runtime = optarg; break;
        case 'o': options->machine = optarg; break;
        case 'd': options->media = (struct media){ optarg, true }; break;
        case 'k': options->check = true; break;
        case 'i': options->print_devices = true; break;
        case 'm': options->print_reference = true; break;
        case 'q': options->is_clock_set = true; break;
        case 'l':
            if (!log_level_from_name(optarg, &options->log.level))
                return false;
            break;
        case 'f':
            if (strcmp(optarg, "json") != 0 && strcmp(optarg, "text") != 0)
                return false;
            options->log.format = *optarg == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
            break;
        case 'v': options->print_version = true; break;
        case 'h': options->print_help = true; break;
        default: return false;
        }
    /* clang-format on */
    return optind == argc;
}

bool daemon_options_answer(const struct daemon_options *options)
{
    if (options->print_help)
        fputs(daemon_usage, stdout);
    else if (options->print_version)
        puts("biplaned " BIPLANE_VERSION);
    else if (options->print_reference)
        reference_print(stdout);
    return options->print_help || options->print_version || options->print_reference;
}
