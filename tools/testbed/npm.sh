#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs servers that only npm has into a folder beside what is built; a rig test whose server is missing skips. To be
# run where there is a network: the rig itself has none.
#
#   tools/testbed/npm.sh FOLDER
folder=${1:?folder}
for package in node-media-server@4.4.3; do
    name=${package%@*}
    [ -e "$folder/node_modules/$name/package.json" ] && continue
    command -v npm >/dev/null || { echo "npm is not there: no $name" >&2; continue; }
    mkdir -p "$folder"
    timeout 120 npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error "$package" \
        >"$folder/npm.log" 2>&1 || echo "npm could not install $package, see $folder/npm.log" >&2
done
exit 0
