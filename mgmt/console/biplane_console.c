/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_console.c - the menu on the serial line. Exit status: 0 logged out; 1 no terminal; 2 not understood; 3 the
 * line is gone. */
#include <curl/curl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/menu.h"
#include "mgmt/version.h"

static int print_usage(FILE *stream)
{
    fputs("usage: biplane-console [--run DIR | --socket PATH]\n\n"
          "  --run DIR      run directory of biplaned (default /run/biplane)\n"
          "  --socket PATH  its api.socket instead\n",
          stream);
    return 2;
}

/* A serial terminal shows no UTF-8: its line drawing is what terminfo says. */
static void choose_characters(void)
{
    const char *terminal = getenv("TERM");
    if (!terminal || !*terminal || strcmp(terminal, "dumb") == 0 || strcmp(terminal, "unknown") == 0)
        setenv("TERM", "vt220", 1);
    terminal = getenv("TERM");
    if (strncmp(terminal, "vt", 2) == 0) {
        setenv("LC_ALL", "C", 1);
        setlocale(LC_ALL, "C");
    } else {
        setlocale(LC_ALL, "");
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "run", 1, NULL, 'r' },
                                           { "socket", 1, NULL, 's' },
                                           { "help", 0, NULL, 'h' },
                                           { "version", 0, NULL, 'v' },
                                           { 0 } };
    struct console console = { .session.client.run = "/run/biplane" };
    struct error err = { 0 };
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        if (option == 'r')
            console.session.client.run = optarg;
        else if (option == 's')
            console.session.client.socket = optarg;
        else if (option == 'h')
            return print_usage(stdout) - 2;
        else if (option == 'v')
            return printf("biplane-console %s\n", BIPLANE_VERSION) < 0;
        else
            return print_usage(stderr);
    if (optind < argc)
        return print_usage(stderr);
    choose_characters();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (view_open(&console.view, &err) < 0) {
        fprintf(stderr, "biplane-console: %s\n", err.text);
        return 1;
    }
    menu_run(&console);
    int status = view_is_gone(console.view) ? 3 : 0;
    view_close(console.view);
    session_end(&console.session);
    curl_global_cleanup();
    return status;
}
