/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_file.h - log files that other processes append to: kept small, and asked for their last words. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the file is larger than `bytes`, it is copied to "<path>.1" and emptied in place: its writer has it open to
 * append and cannot be told another name. Lines that are written in between may be lost. */
void log_file_rotate(const char *path, uint64_t bytes);

/* The last line that is not empty, without the time and level that our programs begin with, cut to fit and made
 * printable; false: there is none. */
bool log_file_last_line(const char *path, char *line, size_t bytes);
