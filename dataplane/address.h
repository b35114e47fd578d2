/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h - IP addresses and networks as text and as bytes.
 *
 * An address is 16 bytes and a version; an IPv4 address stands in the first four of them, the rest is zero. Plain
 * values; nothing here is for a poll-mode core but the struct.
 *
 *     struct cidr network;
 *     cidr_parse("10.1.0.0/16", &network, &err);   // -EINVAL and a sentence: no address, prefix too long, host bits
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct ip_address {
    uint8_t bytes[16];
    unsigned version; /* 4 or 6; 0: none */
};

struct cidr {
    struct ip_address address;
    unsigned prefix; /* bits */
};

enum { IP_ADDRESS_TEXT_BYTES = 48 };

int ip_address_parse(const char *text, struct ip_address *address, struct error *err);
/* Writes the address into text, terminated; returns text. */
char *ip_address_print(const struct ip_address *address, char text[IP_ADDRESS_TEXT_BYTES]);
bool ip_address_is_multicast(const struct ip_address *address);
bool ip_address_is_unspecified(const struct ip_address *address);

/* A network: no host bits. An address without "/" is a network of one. */
int cidr_parse(const char *text, struct cidr *cidr, struct error *err);
/* An interface's own address with its prefix: host bits wanted, "/" too. */
int interface_address_parse(const char *text, struct cidr *cidr, struct error *err);
