/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input.c - the rows of inputs and their security groups, and what a row cannot say. */
#include "dataplane/input.h"

#include <string.h>

#include "board/error.h"
#include "dataplane/address.h"

/* clang-format off */
static const char *const type_names[] = {"rtp", NULL};

static const struct setting security_group_rows[] = {
    SETTING_STRING(struct input_security_group, name, .flags = SETTING_REQUIRED | SETTING_NAME | SETTING_LIVE,
                   .help = "What inputs call this group."),
    SETTING_STRINGS(struct input_security_group, cidrs, .flags = SETTING_REQUIRED | SETTING_LIVE,
                    .help = "Networks that may send, like \"10.1.0.0/16\" or \"fd00:1::/64\"; what comes from elsewhere is "
                            "dropped and counted."),
    {0}};
const struct settings input_security_group_settings = {
    "input_security_group", sizeof(struct input_security_group), security_group_rows,
    .help = "The only addresses that may send to an input."};

static const struct setting endpoint_rows[] = {
    SETTING_STRING(struct input_endpoint, address, .flags = SETTING_REQUIRED | SETTING_LIVE,
                   .help = "IPv4 or IPv6 address, unicast or multicast, that the stream is sent to."),
    SETTING_UNSIGNED(struct input_endpoint, port, .minimum = 1, .maximum = 65535, .default_number = 5000,
                     .flags = SETTING_LIVE, .help = "UDP port that the stream is sent to."),
    SETTING_STRING(struct input_endpoint, source, .flags = SETTING_LIVE,
                   .help = "Source-specific multicast: address of the one sender; empty: any sender of the security "
                           "groups."),
    SETTING_UNSIGNED(struct input_endpoint, vlan, .minimum = 0, .maximum = 4094, .default_number = 0,
                     .flags = SETTING_LIVE, .help = "VLAN that the stream comes on; 0: untagged or any."),
    {0}};
static const struct settings endpoint_settings = {
    "endpoint", sizeof(struct input_endpoint), endpoint_rows,
    .help = "Where a pipeline's copy of the stream is sent to; the first is pipeline 0's, the second pipeline 1's."};

static const struct setting input_rows[] = {
    SETTING_STRING(struct input, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "What channels call this input."),
    SETTING_CHOICE(struct input, type, .choices = type_names, .default_number = INPUT_TYPE_RTP,
                   .refusal = "a bare UDP transport stream (\"udp\") has no sequence numbers: send RTP",
                   .help = "rtp: MPEG transport stream over RTP (RFC 2250)."),
    SETTING_STRINGS(struct input, security_groups, .flags = SETTING_REQUIRED | SETTING_LIVE,
                    .help = "Names of the input security groups whose addresses may send; at least one."),
    SETTING_LIST(struct input, endpoints, &endpoint_settings, .flags = SETTING_REQUIRED | SETTING_LIVE,
                 .help = "One endpoint for each pipeline."),
    SETTING_UNSIGNED(struct input, reorder_msec, .minimum = 0, .maximum = 2000, .default_number = 50, .unit = "ms",
                     .flags = SETTING_LIVE, .help = "How long a missing packet is waited for."),
    SETTING_UNSIGNED(struct input, reorder_packets, .minimum = 1, .maximum = 2048, .default_number = 256,
                     .unit = "packets", .flags = SETTING_LIVE,
                     .help = "Over how many packets behind it a missing packet is waited for."),
    SETTING_UNSIGNED(struct input, ring_megabytes, .minimum = 1, .maximum = 1024, .default_number = 16, .unit = "MiB",
                     .flags = SETTING_LIVE,
                     .help = "Size of the stream ring, rounded up to a power of two: how much of the stream a restarted "
                             "encoder can look back."),
    {0}};
const struct settings input_settings = {
    "input", sizeof(struct input), input_rows,
    .help = "A stream that comes in: where it is sent to, who may send it, how its packets are put in order."};
/* clang-format on */

void input_security_group_check(const struct input_security_group *group, struct problems *problems)
{
    for (unsigned i = 0; i < group->cidrs_count; i++) {
        struct cidr cidr;
        struct error err;
        if (cidr_parse(group->cidrs[i], &cidr, &err) < 0)
            problem_at(problems, group->cidrs[i], "input security group \"%s\": %s", group->name, err.text);
    }
}

static void check_source(const struct input *input, const struct input_endpoint *endpoint,
                         const struct ip_address *address, struct problems *problems)
{
    struct ip_address source;
    struct error err;
    if (ip_address_parse(endpoint->source, &source, &err) < 0)
        problem_at(problems, endpoint->source, "input \"%s\": source: %s", input->name, err.text);
    else if (!ip_address_is_multicast(address))
        problem_at(problems, endpoint->source, "input \"%s\": source only goes with a multicast address, %s is none",
                   input->name, endpoint->address);
    else if (source.version != address->version)
        problem_at(problems, endpoint->source, "input \"%s\": source %s is IPv%u, address %s is IPv%u", input->name,
                   endpoint->source, source.version, endpoint->address, address->version);
    else if (ip_address_is_multicast(&source) || ip_address_is_unspecified(&source))
        problem_at(problems, endpoint->source, "input \"%s\": source %s is no address that a sender can have",
                   input->name, endpoint->source);
}

static void check_endpoint(const struct input *input, const struct input_endpoint *endpoint, struct problems *problems)
{
    struct ip_address address;
    struct error err;
    if (ip_address_parse(endpoint->address, &address, &err) < 0)
        problem_at(problems, endpoint->address, "input \"%s\": address: %s", input->name, err.text);
    else if (ip_address_is_unspecified(&address))
        problem_at(problems, endpoint->address, "input \"%s\": nothing can be sent to %s", input->name,
                   endpoint->address);
    else if (endpoint->source[0])
        check_source(input, endpoint, &address, problems);
}

void input_check(const struct input *input, struct problems *problems)
{
    for (unsigned i = 0; i < input->endpoints_count; i++)
        check_endpoint(input, &input->endpoints[i], problems);
    for (unsigned i = 0; i < input->security_groups_count; i++)
        for (unsigned j = 0; j < i; j++)
            if (strcmp(input->security_groups[i], input->security_groups[j]) == 0)
                problem_at(problems, input->security_groups[i], "input \"%s\": security group \"%s\" is named twice",
                           input->name, input->security_groups[i]);
}
