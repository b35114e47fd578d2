/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned count_bits(const uint8_t *mask, unsigned bytes)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < bytes; i++)
        bits += (unsigned)__builtin_popcount(mask[i]);
    return bits;
}

/* "192.0.2.7/24"; false: none that somebody elsewhere could use. */
static bool print_address(const struct ifaddrs *entry, char *text, size_t bytes)
{
    char address[INET6_ADDRSTRLEN];
    unsigned prefix;
    if (!entry->ifa_addr || !entry->ifa_netmask)
        return false;
    if (entry->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *own = (const void *)entry->ifa_addr, *mask = (const void *)entry->ifa_netmask;
        inet_ntop(AF_INET, &own->sin_addr, address, sizeof address);
        prefix = count_bits((const uint8_t *)&mask->sin_addr, sizeof mask->sin_addr);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *own = (const void *)entry->ifa_addr, *mask = (const void *)entry->ifa_netmask;
        if (IN6_IS_ADDR_LINKLOCAL(&own->sin6_addr))
            return false;
        inet_ntop(AF_INET6, &own->sin6_addr, address, sizeof address);
        prefix = count_bits(mask->sin6_addr.s6_addr, sizeof mask->sin6_addr);
    } else
        return false;
    snprintf(text, bytes, "%s/%u", address, prefix);
    return true;
}

/* borrow: the list's element of that name, made if there is none; NULL: no room. */
static json_t *find(json_t *list, const struct ifaddrs *entry)
{
    size_t i;
    json_t *known;
    json_array_foreach(list, i, known)
    {
        if (strcmp(json_string_value(json_object_get(known, "name")), entry->ifa_name) == 0)
            return known;
    }
    if (json_array_size(list) >= INTERFACES_MAX)
        return NULL;
    json_array_append_new(list, json_pack("{s:s, s:b, s:[]}", "name", entry->ifa_name, "up",
                                          (entry->ifa_flags & IFF_RUNNING) != 0, "addresses"));
    return json_array_get(list, json_array_size(list) - 1);
}

json_t *interfaces_json(void)
{
    json_t *list = json_array();
    struct ifaddrs *entries = NULL;
    if (getifaddrs(&entries) < 0)
        return list;
    for (const struct ifaddrs *entry = entries; entry; entry = entry->ifa_next) {
        char text[INET6_ADDRSTRLEN + 8];
        if (entry->ifa_flags & IFF_LOOPBACK)
            continue;
        json_t *addresses = json_object_get(find(list, entry), "addresses");
        if (addresses && json_array_size(addresses) < INTERFACE_ADDRESSES_MAX &&
            print_address(entry, text, sizeof text))
            json_array_append_new(addresses, json_string(text));
    }
    freeifaddrs(entries);
    return list;
}
