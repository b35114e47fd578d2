/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/network_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/network.h"

enum { PATH_BYTES = 1024 };

static FILE *open_file(const char *directory, const char *name, const char *ending, struct error *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s%s", directory, name, ending);
    FILE *file = fopen(path, "we");
    if (!file)
        error_set_errno(err, -errno, "writing %s", path);
    else
        fputs("# written by biplaned from network.cfg\n", file);
    return file;
}

static int close_file(FILE *file, const char *name, struct error *err)
{
    int faulty = ferror(file);
    return fclose(file) != 0 || faulty ? error_set(err, -EIO, "writing the network's %s failed", name) : 0;
}

/* ---- systemd-networkd ---- */
static int write_netdev(const struct network_interface *interface, const char *directory, struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "network/10-biplane-%s", interface->name);
    FILE *file = open_file(directory, name, ".netdev", err);
    if (!file)
        return err ? err->code : -EIO;
    fprintf(file, "[NetDev]\nName=%s\nKind=%s\n", interface->name, interface->kind == NETWORK_VLAN ? "vlan" : "bond");
    if (interface->kind == NETWORK_VLAN)
        fprintf(file, "\n[VLAN]\nId=%u\n", interface->vlan);
    else
        fprintf(file, "\n[Bond]\nMode=%s\nMIIMonitorSec=100ms\n",
                interface->bond_mode == BOND_LACP ? "802.3ad" : "active-backup");
    return close_file(file, name, err);
}

static void write_names(const struct network *network, FILE *file)
{
    for (unsigned i = 0; i < network->dns_servers_count; i++)
        fprintf(file, "DNS=%s\n", network->dns_servers[i]);
    if (network->search_domain[0])
        fprintf(file, "Domains=%s\n", network->search_domain);
}

static void write_addresses(const struct network *network, const struct network_interface *interface, FILE *file)
{
    fprintf(file, "DHCP=%s\n", interface->method == NETWORK_DHCP ? "yes" : "no");
    if (interface->method == NETWORK_NO_ADDRESS)
        fputs("LinkLocalAddressing=no\nIPv6AcceptRA=no\n", file);
    for (unsigned i = 0; i < interface->addresses_count; i++)
        fprintf(file, "Address=%s\n", interface->addresses[i]);
    if (interface->gateway[0])
        fprintf(file, "Gateway=%s\n", interface->gateway);
    write_names(network, file);
}

static int write_interface(const struct network *network, const struct network_interface *interface,
                           const char *directory, struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "network/10-biplane-%s", interface->name);
    FILE *file = open_file(directory, name, ".network", err);
    if (!file)
        return err ? err->code : -EIO;
    fprintf(file, "[Match]\nName=%s\n", interface->name);
    if (interface->mtu)
        fprintf(file, "\n[Link]\nMTUBytes=%u\n", interface->mtu);
    fputs("\n[Network]\n", file);
    write_addresses(network, interface, file);
    for (unsigned i = 0; i < network->interfaces_count; i++)
        if (network->interfaces[i].kind == NETWORK_VLAN && strcmp(network->interfaces[i].parent, interface->name) == 0)
            fprintf(file, "VLAN=%s\n", network->interfaces[i].name);
    return close_file(file, name, err);
}

static int write_member(const char *member, const char *bond, const char *directory, struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "network/10-biplane-%s", member);
    FILE *file = open_file(directory, name, ".network", err);
    if (!file)
        return err ? err->code : -EIO;
    fprintf(file, "[Match]\nName=%s\n\n[Network]\nBond=%s\n", member, bond);
    return close_file(file, name, err);
}

/* No interface is listed: whatever NIC there is takes an address by DHCP, as the image's own file says, with these
 * names. Files that somebody made by hand come before it. */
static int write_any(const struct network *network, const char *directory, struct error *err)
{
    FILE *file = open_file(directory, "network/70-biplane-any", ".network", err);
    if (!file)
        return err ? err->code : -EIO;
    fputs("[Match]\nType=ether\n\n[Network]\nDHCP=yes\nLinkLocalAddressing=ipv6\n", file);
    write_names(network, file);
    fputs("\n[DHCPv4]\nUseHostname=no\n\n[Link]\nRequiredForOnline=no\n", file);
    return close_file(file, "name servers", err);
}

static int write_networkd(const struct network *network, const char *directory, struct error *err)
{
    int result = 0;
    if (!network->interfaces_count && (network->dns_servers_count || network->search_domain[0]))
        result = write_any(network, directory, err);
    for (unsigned i = 0; result == 0 && i < network->interfaces_count; i++) {
        const struct network_interface *interface = &network->interfaces[i];
        result = write_interface(network, interface, directory, err);
        if (result == 0 && interface->kind != NETWORK_ETHERNET)
            result = write_netdev(interface, directory, err);
        for (unsigned m = 0; result == 0 && interface->kind == NETWORK_BOND && m < interface->members_count; m++)
            result = write_member(interface->members[m], interface->name, directory, err);
    }
    return result;
}

/* ---- the others ---- */
static int write_time_servers(const struct network *network, const char *directory, struct error *err)
{
    FILE *file = open_file(directory, "ntp/biplane", ".sources", err);
    if (!file)
        return err ? err->code : -EIO;
    for (unsigned i = 0; i < network->ntp_servers_count; i++)
        fprintf(file, "server %s iburst\n", network->ntp_servers[i]);
    return close_file(file, "time servers", err);
}

/* Who may reach ssh: a line of the firewall's for each family that has any. */
static void write_rule(const struct network *network, bool v6, FILE *file)
{
    unsigned used = 0;
    for (unsigned i = 0; i < network->management_clients_count; i++)
        if ((strchr(network->management_clients[i], ':') != NULL) == v6)
            fprintf(file, "%s%s", used++ ? ", " : v6 ? "ip6 saddr { " : "ip saddr { ", network->management_clients[i]);
    if (used)
        fputs(" } tcp dport 22 accept\n", file);
}

static int write_ssh(const struct network *network, const char *directory, struct error *err)
{
    char path[PATH_BYTES];
    if (!network->ssh)
        return 0;
    snprintf(path, sizeof path, "%s/ssh-on", directory);
    FILE *file = fopen(path, "we");
    if (!file)
        return error_set_errno(err, -errno, "writing %s", path);
    write_rule(network, false, file);
    write_rule(network, true, file);
    if (!network->management_clients_count)
        fputs("tcp dport 22 accept\n", file);
    return close_file(file, "ssh", err);
}

static int write_word(const char *directory, const char *name, const char *word, struct error *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return error_set_errno(err, -errno, "writing %s", path);
    fprintf(file, "%s\n", word);
    return close_file(file, name, err);
}

/* ---- the folder ---- */
static void empty(const char *directory, const char *below)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", directory, below);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    mkdir(path, 0755);
}

int network_write_files(const struct network *network, const char *directory, struct error *err)
{
    mkdir(directory, 0755);
    empty(directory, ".");
    empty(directory, "network");
    empty(directory, "ntp");
    int result = write_networkd(network, directory, err);
    if (result == 0)
        result = write_time_servers(network, directory, err);
    if (result == 0)
        result = write_ssh(network, directory, err);
    if (result == 0 && network->host_name[0])
        result = write_word(directory, "hostname", network->host_name, err);
    return result;
}
