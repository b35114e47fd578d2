/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network_files.h - a network (mgmt/network.h) as the files of those who make it so. Below `directory`:
 *
 *     network/10-biplane-<name>.network, .netdev      systemd-networkd(8)
 *     network/70-biplane-any.network                  the same, where name servers are set and no interface is listed
 *     ntp/biplane.sources                             chrony.conf(5), sourcedir
 *     ssh-on                                          only if it is: rules of nftables that let it in
 *     hostname                                        only if it has one
 *
 * The folder is replaced as a whole.
 */
#pragma once

struct error;
struct network;

int network_write_files(const struct network *network, const char *directory, struct error *err);
