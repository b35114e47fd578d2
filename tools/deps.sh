#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what packages.txt lists and is not there yet. A package behind whose name a command stands is left out where
# that command is there, from wherever. Servers among the packages are not started: the tests start their own, on their
# own ports.
set -e
cd "$(dirname "$0")/.."
missing=$(while read -r package command; do
    case $package in '' | '#'*) continue ;; esac
    [ -n "$command" ] && command -v "$command" >/dev/null && continue
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
done <packages.txt)
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "these packages are missing, and only root can install them:" $missing >&2; exit 1; }
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
echo "installing:" $missing
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
