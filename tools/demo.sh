#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The main job end to end, for a person to look at: `sudo make demo`.
#
#   DEMO_SECONDS  how long (60); 0: until Ctrl-C
#   DEMO_DIR      keeps origin-0/, origin-1/, the logs and the configuration there; else all is removed at the end
#   DEMO_PORT     port of the page (8090); the origins have the two ports after it, the API the third
exec /usr/bin/python3 "$(dirname "$0")/demo.py"
