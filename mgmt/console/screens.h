/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screens.h - what stands behind the lines of the menu, besides the forms: what runs, what is staged, the machine. Each
 * returns when the person goes back. */
#pragma once

struct console;

void screen_status(struct console *console);
void screen_channels(struct console *console);
void screen_destinations(struct console *console);
void screen_alerts(struct console *console);
void screen_log(struct console *console);
void screen_hardware(struct console *console);
void screen_staged(struct console *console);
void screen_confirm(struct console *console); /* if a change of the network waits for it */
void screen_update(struct console *console);
void screen_backup(struct console *console);
void screen_support(struct console *console);
void screen_power(struct console *console);
