/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network.h - the box's network as the kernel sees it (network.cfg): interfaces with addresses, VLANs and bonds, names,
 * time, and who may reach the management. Ports of the data planes are not the kernel's: they stand in box.cfg.
 *
 * A box without this file leaves the network alone. With it, the files for systemd-networkd, chrony and nftables are
 * written into a folder, from where the machine takes them (mgmt/machine.h).
 *
 *     if (network_read(&network, "/etc/biplane/network.cfg", problems) == 0)
 *         network_write_files(&network, "/run/biplane/network", &err);
 */
#pragma once
#include <stdbool.h>

#include "board/settings.h"
#include "encode/job.h"

enum {
    NETWORK_INTERFACES_MAX = 16,
    NETWORK_ADDRESSES_MAX = 4,
    NETWORK_MEMBERS_MAX = 4,
    NETWORK_SERVERS_MAX = 4,
    NETWORK_CLIENTS_MAX = 16,
    NETWORK_NAME_BYTES = 16, /* the kernel's limit */
    NETWORK_ADDRESS_BYTES = 64,
    NETWORK_HOST_BYTES = 128,
    NETWORK_MTU_MIN = 576,
};

enum network_kind { NETWORK_ETHERNET, NETWORK_VLAN, NETWORK_BOND };
enum network_method { NETWORK_DHCP, NETWORK_STATIC, NETWORK_NO_ADDRESS };
enum bond_mode { BOND_ACTIVE_BACKUP, BOND_LACP };

struct network_interface {
    char name[NETWORK_NAME_BYTES];
    unsigned kind;   /* enum network_kind */
    unsigned method; /* enum network_method */
    char addresses[NETWORK_ADDRESSES_MAX][NETWORK_ADDRESS_BYTES];
    unsigned addresses_count;
    char gateway[NETWORK_ADDRESS_BYTES];
    unsigned mtu;                    /* 0: as it is */
    unsigned vlan;                   /* of kind vlan */
    char parent[NETWORK_NAME_BYTES]; /* of kind vlan */
    char members[NETWORK_MEMBERS_MAX][NETWORK_NAME_BYTES];
    unsigned members_count;
    unsigned bond_mode; /* enum bond_mode */
};

struct network {
    char host_name[64];
    struct network_interface interfaces[NETWORK_INTERFACES_MAX];
    unsigned interfaces_count;
    char dns_servers[NETWORK_SERVERS_MAX][NETWORK_ADDRESS_BYTES];
    unsigned dns_servers_count;
    char search_domain[NETWORK_HOST_BYTES];
    char ntp_servers[NETWORK_SERVERS_MAX][NETWORK_HOST_BYTES];
    unsigned ntp_servers_count;
    char management_clients[NETWORK_CLIENTS_MAX][NETWORK_ADDRESS_BYTES];
    unsigned management_clients_count;
    bool ssh;
};

extern const struct settings network_settings;

/* A file that is not there: defaults. 0, or -EINVAL when it added problems. */
int network_read(struct network *network, const char *path, struct problems *problems);
void network_check(const struct network *network, struct problems *problems);
