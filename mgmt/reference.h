/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reference.h - the manual page of all configuration files, printed from the tables that read them. */
#pragma once
#include <stdio.h>

void reference_print(FILE *stream); /* Markdown: docs/configuration.md */
