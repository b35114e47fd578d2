#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A folder includes only folders below it: board < drivers < dataplane < encode < mgmt < tools.
cd "$(dirname "$0")/.." || exit 1
status=0
above=tools
for folder in mgmt encode dataplane drivers board; do
    if grep -rnE "^#include \"($above)/" --include='*.[ch]' "$folder"; then
        echo "$folder/ may not include $above/" >&2
        status=1
    fi
    above="$above|$folder"
done
if grep -rnE '^#include "[a-z]' --include='*.[ch]' board drivers dataplane encode mgmt tools tests |
    grep -vE '#include "(board|drivers|dataplane|encode|mgmt|tools|tests)/'; then
    echo 'includes of ours are written with their folder' >&2
    status=1
fi
exit $status
