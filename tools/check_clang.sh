#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Compiles every C file with clang and the house's warnings, without writing objects.
cd "$(dirname "$0")/.." || exit 1
flags="-std=c17 -D_GNU_SOURCE -I. -fno-strict-aliasing -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror"
flags="$flags $(pkg-config --cflags libdpdk vpl libva libdrm libavformat x264)"
git ls-files '*.c' | xargs -P2 -n8 clang $flags -fsyntax-only
