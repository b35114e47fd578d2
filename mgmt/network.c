/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const kinds[] = { "ethernet", "vlan", "bond", NULL };
static const char *const methods[] = { "dhcp", "static", "none", NULL };
static const char *const bond_modes[] = { "active_backup", "lacp", NULL };

static const struct setting interface_rows[] = {
    SETTING_STRING(struct network_interface, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "The kernel's name of the interface, like \"eth0\"; of a VLAN or bond, the name it gets."),
    SETTING_CHOICE(struct network_interface, kind, .choices = kinds, .default_number = NETWORK_ETHERNET,
                   .help = "ethernet: a port; vlan: a VLAN of another interface; bond: ports that stand in for each "
                           "other."),
    SETTING_CHOICE(struct network_interface, method, .choices = methods, .default_number = NETWORK_DHCP,
                   .help = "Where addresses come from: dhcp, static (those below), or none at all."),
    SETTING_STRINGS(struct network_interface, addresses,
                    .help = "Addresses with their prefix length, like \"10.1.2.3/24\" or \"fd00::3/64\"."),
    SETTING_STRING(struct network_interface, gateway, .help = "Router to everywhere else; empty: none."),
    SETTING_UNSIGNED(struct network_interface, mtu, .minimum = 0, .maximum = 9216, .unit = "bytes",
                     .help = "Largest packet; 0: as the driver says."),
    SETTING_UNSIGNED(struct network_interface, vlan, .minimum = 0, .maximum = 4094,
                     .help = "For kind = \"vlan\": its number."),
    SETTING_STRING(struct network_interface, parent, .help = "For kind = \"vlan\": the interface that carries it."),
    SETTING_STRINGS(struct network_interface, members, .help = "For kind = \"bond\": its ports, one to four."),
    SETTING_CHOICE(struct network_interface, bond_mode, .choices = bond_modes, .default_number = BOND_ACTIVE_BACKUP,
                   .help = "For kind = \"bond\": one port at a time, or all of them with a switch that speaks LACP."),
    { 0 }
};
static const struct settings interface_settings = { "interface", sizeof(struct network_interface), interface_rows,
                                                    .help = "A network interface of the kernel's." };

static const struct setting network_rows[] = {
    SETTING_STRING(struct network, host_name, .flags = SETTING_LIVE | SETTING_NAME,
                   .help = "What the box is called, in lower case; empty: as it is."),
    SETTING_LIST(struct network, interfaces, &interface_settings, .flags = SETTING_LIVE,
                 .help = "Interfaces of the kernel's; none: the network is left as it is."),
    SETTING_STRINGS(struct network, dns_servers, .flags = SETTING_LIVE, .help = "Addresses of name servers."),
    SETTING_STRING(struct network, search_domain, .flags = SETTING_LIVE,
                   .help = "Domain that short names are looked up in."),
    SETTING_STRINGS(struct network, ntp_servers, .flags = SETTING_LIVE,
                    .help = "Names or addresses of time servers; none: as the image brings them."),
    SETTING_STRINGS(struct network, management_clients, .flags = SETTING_LIVE,
                    .help = "Networks that may reach ssh on this box, like \"10.0.0.0/8\"; none: all."),
    SETTING_BOOL(struct network, ssh, .flags = SETTING_LIVE, .default_number = 0,
                 .help = "Let people in by ssh; only the serial console otherwise."),
    { 0 }
};
const struct settings network_settings = { "network", sizeof(struct network), network_rows,
                                           .help = "The file network.cfg: the network as the kernel sees it." };

/* ---- checks ---- */
static int family_of(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 ? AF_INET : inet_pton(AF_INET6, text, bytes) == 1 ? AF_INET6 : 0;
}

/* "10.1.2.3/24": an address and how many bits of it are the network's. */
static bool is_prefix(const char *text)
{
    char address[NETWORK_ADDRESS_BYTES];
    snprintf(address, sizeof address, "%s", text);
    char *slash = strchr(address, '/'), *end;
    if (!slash || !isdigit((unsigned char)slash[1]))
        return false;
    *slash = '\0';
    unsigned long bits = strtoul(slash + 1, &end, 10);
    int family = family_of(address);
    return family && !*end && bits <= (family == AF_INET ? 32 : 128);
}

/* A name that a file of networkd's, or the kernel, could take for something else is refused. */
static bool is_host(const char *text)
{
    if (!*text || *text == '-' || *text == '.')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-.:_", *text))
            return false;
    return true;
}

static const struct network_interface *find(const struct network *network, const char *name)
{
    for (unsigned i = 0; i < network->interfaces_count; i++)
        if (strcmp(network->interfaces[i].name, name) == 0)
            return &network->interfaces[i];
    return NULL;
}

/* Whether a router is reached by this address, which is a prefix: its first bits are the same. */
static bool is_beside(const char *router, const char *prefix)
{
    unsigned char one[16], other[16];
    char address[NETWORK_ADDRESS_BYTES];
    snprintf(address, sizeof address, "%.*s", (int)strcspn(prefix, "/"), prefix);
    int family = family_of(router);
    if (!family || family_of(address) != family)
        return false;
    inet_pton(family, router, one);
    inet_pton(family, address, other);
    unsigned long bits = strtoul(strchr(prefix, '/') + 1, NULL, 10), whole = bits / 8;
    unsigned rest = bits % 8 ? 0xff00U >> bits % 8 & 0xff : 0;
    return memcmp(one, other, whole) == 0 && (one[whole % 16] & rest) == (other[whole % 16] & rest);
}

/* Those of IPv6 that begin with fe80 are on every link. */
static void check_gateway(const struct network_interface *interface, struct problems *problems)
{
    bool beside = interface->method != NETWORK_STATIC || strncasecmp(interface->gateway, "fe80:", 5) == 0;
    for (unsigned i = 0; !beside && i < interface->addresses_count; i++)
        beside = !is_prefix(interface->addresses[i]) || is_beside(interface->gateway, interface->addresses[i]);
    if (!family_of(interface->gateway))
        problem_at(problems, interface->gateway, "interface \"%s\": gateway \"%s\" is not an address", interface->name,
                   interface->gateway);
    else if (!beside)
        problem_at(problems, interface->gateway,
                   "interface \"%s\": gateway %s is in the network of none of its addresses", interface->name,
                   interface->gateway);
}

static void check_interface(const struct network_interface *interface, struct problems *problems)
{
    if (strcmp(interface->name, "lo") == 0)
        problem_at(problems, interface->name, "interface \"lo\" is the kernel's own");
    if (interface->mtu && interface->mtu < NETWORK_MTU_MIN)
        problem_at(problems, &interface->mtu, "interface \"%s\": mtu %u: want 0, or %d and more", interface->name,
                   interface->mtu, NETWORK_MTU_MIN);
    if (interface->gateway[0])
        check_gateway(interface, problems);
}

static void check_addresses(const struct network_interface *interface, struct problems *problems)
{
    for (unsigned i = 0; i < interface->addresses_count; i++)
        if (!is_prefix(interface->addresses[i]))
            problem_at(problems, interface->addresses[i],
                       "interface \"%s\": \"%s\" is not an address with its prefix length, like 10.1.2.3/24",
                       interface->name, interface->addresses[i]);
    if (interface->method == NETWORK_STATIC && interface->addresses_count == 0)
        problem_at(problems, &interface->method, "interface \"%s\": method static needs addresses", interface->name);
    if (interface->method != NETWORK_STATIC && interface->addresses_count)
        problem_at(problems, &interface->method, "interface \"%s\": addresses need method static", interface->name);
}

static void check_vlan(const struct network *network, const struct network_interface *interface,
                       struct problems *problems)
{
    const struct network_interface *parent = find(network, interface->parent);
    if (!interface->vlan)
        problem_at(problems, &interface->vlan, "interface \"%s\": a VLAN needs its number", interface->name);
    if (!parent || parent == interface || parent->kind == NETWORK_VLAN)
        problem_at(problems, interface->parent,
                   "interface \"%s\": parent \"%s\" must be an ethernet interface or bond of this list",
                   interface->name, interface->parent);
    for (const struct network_interface *other = network->interfaces; other < interface; other++)
        if (other->kind == NETWORK_VLAN && other->vlan == interface->vlan &&
            strcmp(other->parent, interface->parent) == 0)
            problem_at(problems, &interface->vlan, "interface \"%s\": VLAN %u of \"%s\" is \"%s\" already",
                       interface->name, interface->vlan, interface->parent, other->name);
}

/* The bond before this member that has it already, be it the same one; NULL: none. */
static const char *bond_of(const struct network *network, const char *member)
{
    for (const struct network_interface *bond = network->interfaces;
         bond < network->interfaces + network->interfaces_count; bond++)
        for (unsigned i = 0; bond->kind == NETWORK_BOND && i < bond->members_count; i++) {
            if (bond->members[i] == member)
                return NULL;
            if (strcmp(bond->members[i], member) == 0)
                return bond->name;
        }
    return NULL;
}

static void check_bond(const struct network *network, const struct network_interface *interface,
                       struct problems *problems)
{
    if (!interface->members_count)
        problem_at(problems, &interface->kind, "interface \"%s\": a bond needs members", interface->name);
    for (unsigned i = 0; i < interface->members_count; i++) {
        const char *member = interface->members[i];
        if (!is_host(member) || strchr(member, ':'))
            problem_at(problems, member, "interface \"%s\": \"%s\" is not the name of an interface", interface->name,
                       member);
        else if (find(network, member))
            problem_at(problems, member,
                       "interface \"%s\": member \"%s\" belongs to the bond and may not stand in the list itself",
                       interface->name, member);
        else if (bond_of(network, member))
            problem_at(problems, member, "interface \"%s\": member \"%s\" belongs to \"%s\" already", interface->name,
                       member, bond_of(network, member));
    }
}

static void check_hosts(const char *first, unsigned count, size_t bytes, bool (*good)(const char *text),
                        const char *what, struct problems *problems)
{
    for (unsigned i = 0; i < count; i++)
        if (!good(first + i * bytes))
            problem_at(problems, first + i * bytes, "\"%s\" is not %s", first + i * bytes, what);
}

static bool is_address(const char *text)
{
    return family_of(text) != 0;
}

/* RFC 1123, in lower case: what everybody who is told it takes. */
static bool is_host_name(const char *text)
{
    size_t length = strlen(text);
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && *text != '-' && text[length - 1] != '-';
}

void network_check(const struct network *network, struct problems *problems)
{
    if (network->host_name[0] && !is_host_name(network->host_name))
        problem_at(problems, network->host_name, "\"%s\" is not a host name: lower case letters, digits, and - inside",
                   network->host_name);
    for (unsigned i = 0; i < network->interfaces_count; i++) {
        const struct network_interface *interface = &network->interfaces[i];
        check_interface(interface, problems);
        check_addresses(interface, problems);
        if (interface->kind == NETWORK_VLAN)
            check_vlan(network, interface, problems);
        if (interface->kind == NETWORK_BOND)
            check_bond(network, interface, problems);
    }
    check_hosts(network->dns_servers[0], network->dns_servers_count, NETWORK_ADDRESS_BYTES, is_address,
                "the address of a name server", problems);
    check_hosts(network->ntp_servers[0], network->ntp_servers_count, NETWORK_HOST_BYTES, is_host,
                "the name or address of a time server", problems);
    check_hosts(network->management_clients[0], network->management_clients_count, NETWORK_ADDRESS_BYTES, is_prefix,
                "a network like 10.0.0.0/8", problems);
    if (network->search_domain[0] && !is_host(network->search_domain))
        problem_at(problems, network->search_domain, "\"%s\" is not a domain", network->search_domain);
}

int network_read(struct network *network, const char *path, struct problems *problems)
{
    if (access(path, F_OK) < 0 && errno == ENOENT) {
        settings_defaults(&network_settings, network);
        return 0;
    }
    unsigned before = problems_count(problems);
    if (settings_read_file(&network_settings, path, network, problems) == 0)
        network_check(network, problems);
    return problems_count(problems) > before ? -EINVAL : 0;
}
