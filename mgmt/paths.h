/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paths.h - where things are that came with the programs: installed below /usr, or in the tree they were built in. */
#pragma once
#include <stddef.h>

enum { PATHS_BYTES = 1024 };

int paths_programs(char path[PATHS_BYTES]); /* the folder of the running program; negative errno: not known */
void paths_boards(const char *programs, char path[PATHS_BYTES]);
void paths_runtime(const char *programs, char path[PATHS_BYTES]); /* of the software oneVPL runtime; "": none found */
/* Makes the folder if it is not there (0750, its parents too), and its path absolute. 0 or a negative errno. */
int paths_make(const char *given, char path[PATHS_BYTES]);
