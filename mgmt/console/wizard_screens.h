/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wizard_screens.h - the questions of the wizard for a new channel (mgmt/console/wizard.h), one screen a step. */
#pragma once

struct console;

void wizard_screens(struct console *console);
