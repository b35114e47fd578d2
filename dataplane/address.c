/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dataplane/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

int ip_address_parse(const char *text, struct ip_address *address, struct error *err)
{
    *address = (struct ip_address){ 0 };
    if (inet_pton(AF_INET, text, address->bytes) == 1)
        address->version = 4;
    else if (inet_pton(AF_INET6, text, address->bytes) == 1)
        address->version = 6;
    else
        return error_set(err, -EINVAL, "\"%s\" is not an IPv4 or IPv6 address", text);
    return 0;
}

char *ip_address_print(const struct ip_address *address, char text[IP_ADDRESS_TEXT_BYTES])
{
    if (address->version == 0 ||
        !inet_ntop(address->version == 4 ? AF_INET : AF_INET6, address->bytes, text, IP_ADDRESS_TEXT_BYTES))
        snprintf(text, IP_ADDRESS_TEXT_BYTES, "none");
    return text;
}

bool ip_address_is_multicast(const struct ip_address *address)
{
    return address->version == 4 ? (address->bytes[0] & 0xf0) == 0xe0
                                 : address->version == 6 && address->bytes[0] == 0xff;
}

bool ip_address_is_unspecified(const struct ip_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->bytes, zero, sizeof zero) == 0;
}

static int parse_prefixed(const char *text, struct cidr *cidr, bool *has_prefix, struct error *err)
{
    char address[IP_ADDRESS_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    size_t bytes = slash ? (size_t)(slash - text) : strlen(text);
    *has_prefix = slash;
    if (bytes >= sizeof address)
        return error_set(err, -EINVAL, "\"%s\" is not an IPv4 or IPv6 network", text);
    memcpy(address, text, bytes);
    address[bytes] = '\0';
    if (ip_address_parse(address, &cidr->address, NULL) < 0)
        return error_set(err, -EINVAL, "\"%s\" is not an IPv4 or IPv6 network like 10.1.0.0/16 or fd00:1::/64", text);
    unsigned bits = cidr->address.version == 4 ? 32 : 128;
    cidr->prefix = bits;
    if (!slash)
        return 0;
    char *end;
    unsigned long prefix = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end || prefix > bits)
        return error_set(err, -EINVAL, "\"%s\": the prefix length must be 0..%u", text, bits);
    cidr->prefix = (unsigned)prefix;
    return 0;
}

static void clear_host_bits(const struct cidr *cidr, struct ip_address *network)
{
    *network = cidr->address;
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = cidr->prefix > i * 8 ? cidr->prefix - i * 8 : 0;
        network->bytes[i] &= (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);
    }
}

int cidr_parse(const char *text, struct cidr *cidr, struct error *err)
{
    bool has_prefix;
    struct ip_address network;
    int result = parse_prefixed(text, cidr, &has_prefix, err);
    if (result < 0)
        return result;
    clear_host_bits(cidr, &network);
    if (memcmp(network.bytes, cidr->address.bytes, sizeof network.bytes) != 0) {
        char name[IP_ADDRESS_TEXT_BYTES];
        return error_set(err, -EINVAL, "\"%s\" has bits behind its prefix; the network is %s/%u", text,
                         ip_address_print(&network, name), cidr->prefix);
    }
    return 0;
}

int interface_address_parse(const char *text, struct cidr *cidr, struct error *err)
{
    bool has_prefix;
    int result = parse_prefixed(text, cidr, &has_prefix, err);
    if (result < 0)
        return result;
    if (!has_prefix)
        return error_set(err, -EINVAL, "\"%s\" has no prefix length like in 10.1.2.3/24", text);
    if (ip_address_is_multicast(&cidr->address) || ip_address_is_unspecified(&cidr->address))
        return error_set(err, -EINVAL, "\"%s\" is no address that an interface can have", text);
    return 0;
}
