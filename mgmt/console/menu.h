/* SPDX-License-Identifier: GPL-2.0-or-later */
/* menu.h - the first screen, and the way to all others. */
#pragma once

struct console;

void menu_run(struct console *console); /* until the person logs out or the line is gone */
