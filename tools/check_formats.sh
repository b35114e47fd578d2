#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The bytes that processes share are versioned: a change of a *_format.h needs a new version number in it.
# tools/formats.lock holds, per file, its version and the hash of its code without comments and white space.
# usage: check_formats.sh [--update]
cd "$(dirname "$0")/.." || exit 1
lock=tools/formats.lock
current=$(for file in $(git ls-files '*_format.h' | sort); do
    code=$(gcc -fpreprocessed -dD -E -P "$file" 2>/dev/null | tr -d ' \t\n')
    version=$(echo "$code" | grep -oE '_VERSION=[0-9]+' | head -n 1 | tr -dc '0-9')
    echo "$file ${version:-0} $(echo "$code" | sha256sum | cut -c1-16)"
done)
if [ "$1" = --update ]; then
    echo "$current" >$lock
    exit 0
fi
status=0
while read -r file version hash; do
    line=$(echo "$current" | grep "^$file ") || { echo "$file is in $lock but not there" >&2; status=1; continue; }
    set -- $line
    if [ "$3" != "$hash" ] && [ "$2" = "$version" ]; then
        echo "$file changed, its version $version did not: raise it, then run tools/check_formats.sh --update" >&2
        status=1
    elif [ "$line" != "$file $version $hash" ]; then
        echo "$file is version $2 now: run tools/check_formats.sh --update" >&2
        status=1
    fi
done <$lock
echo "$current" | while read -r file version hash; do
    grep -q "^$file " $lock || { echo "$file is not in $lock: run tools/check_formats.sh --update" >&2; exit 1; }
done || status=1
exit $status
