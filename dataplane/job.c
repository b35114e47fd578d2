/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.c - the rows of a data plane's job. */
#include "dataplane/job.h"

#include <errno.h>
#include <string.h>

#include "board/error.h"
#include "dataplane/address.h"

/* clang-format off */
static const char *const poll_names[] = {"adaptive", "busy", NULL};

static const struct setting port_rows[] = {
    SETTING_STRING(struct port_settings, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "What status and alerts call this port."),
    SETTING_STRING(struct port_settings, device, .flags = SETTING_REQUIRED,
                   .help = "A NIC by its PCI address (\"0000:81:00.0\"), or one of DPDK's virtual devices with its "
                           "arguments (\"net_af_packet0,iface=eth1\")."),
    SETTING_STRINGS(struct port_settings, addresses,
                    .help = "The port's own addresses like \"10.1.2.3/24\": it then answers ARP and neighbour requests and "
                            "joins multicast groups itself. None: the kernel does that on this device."),
    SETTING_UNSIGNED(struct port_settings, queue_descriptors, .minimum = 64, .maximum = 32768, .default_number = 2048,
                     .unit = "packets", .help = "Length of the receive queue."),
    {0}};
const struct settings port_settings_table = {"port", sizeof(struct port_settings), port_rows,
                                             .help = "A network port that belongs to the data plane."};

static const struct setting dataplane_rows[] = {
    SETTING_LIST(struct dataplane_settings, ports, &port_settings_table, .flags = SETTING_REQUIRED,
                 .help = "Ports that inputs are received on."),
    SETTING_CHOICE(struct dataplane_settings, poll, .choices = poll_names, .default_number = POLL_ADAPTIVE,
                   .flags = SETTING_OF_BOARD,
                   .help = "busy: the core never sleeps (isolated cores); adaptive: it sleeps while nothing comes."),
    SETTING_UNSIGNED(struct dataplane_settings, core, .minimum = 0, .maximum = 65535, .default_number = 65535,
                     .flags = SETTING_OF_BOARD,
                     .help = "Logical CPU that polls; 65535: the first of the pipeline's."),
    SETTING_UNSIGNED(struct dataplane_settings, memory_megabytes, .minimum = 32, .maximum = 65536,
                     .default_number = 64, .flags = SETTING_OF_BOARD, .unit = "MiB", .help = "Memory of the packet buffers."),
    SETTING_BOOL(struct dataplane_settings, hugepages, .default_number = 0, .flags = SETTING_OF_BOARD,
                 .help = "Take that memory, and the stream rings, from hugepages of the node."),
    SETTING_UNSIGNED(struct dataplane_settings, idle_sleep_usec, .minimum = 10, .maximum = 10000,
                     .default_number = 1000, .flags = SETTING_OF_BOARD, .unit = "us",
                     .help = "adaptive: how long it sleeps when little or nothing comes."),
    {0}};
const struct settings dataplane_settings_table = {"dataplane", sizeof(struct dataplane_settings), dataplane_rows,
                                                  .help = "The process that receives a pipeline's inputs."};

static const struct setting job_rows[] = {
    SETTING_UNSIGNED(struct dataplane_job, pipeline, .minimum = 0, .maximum = INPUT_ENDPOINTS_MAX - 1,
                     .help = "Which data plane this is: the endpoint with this number of every input is received."),
    SETTING_GROUP(struct dataplane_job, dataplane, &dataplane_settings_table, .flags = SETTING_REQUIRED,
                  .help = "The process itself."),
    SETTING_LIST(struct dataplane_job, security_groups, &input_security_group_settings, .flags = SETTING_LIVE,
                 .help = "Input security groups."),
    SETTING_LIST(struct dataplane_job, inputs, &input_settings, .flags = SETTING_LIVE, .help = "Inputs."),
    {0}};
const struct settings dataplane_job_settings = {"dataplane_job", sizeof(struct dataplane_job), job_rows,
                                                .help = "What one data plane process is told to do."};
/* clang-format on */

static bool has_group(const struct dataplane_job *job, const char *name)
{
    for (unsigned i = 0; i < job->security_groups_count; i++)
        if (strcmp(job->security_groups[i].name, name) == 0)
            return true;
    return false;
}

static bool same_endpoint(const struct input_endpoint *a, const struct input_endpoint *b)
{
    struct ip_address one, other;
    return a->port == b->port && a->vlan == b->vlan && strcmp(a->source, b->source) == 0 &&
           ip_address_parse(a->address, &one, NULL) == 0 && ip_address_parse(b->address, &other, NULL) == 0 &&
           memcmp(&one, &other, sizeof one) == 0;
}

static void check_inputs(const struct dataplane_job *job, struct problems *problems)
{
    for (unsigned i = 0; i < job->inputs_count; i++) {
        const struct input *input = &job->inputs[i];
        input_check(input, problems);
        for (unsigned j = 0; j < input->security_groups_count; j++)
            if (!has_group(job, input->security_groups[j]))
                problem_at(problems, input->security_groups[j], "input \"%s\": there is no input security group \"%s\"",
                           input->name, input->security_groups[j]);
        for (unsigned j = 0; j < i && input->endpoints_count > job->pipeline; j++)
            if (job->inputs[j].endpoints_count > job->pipeline &&
                same_endpoint(&input->endpoints[job->pipeline], &job->inputs[j].endpoints[job->pipeline]))
                problem_at(problems, &input->endpoints[job->pipeline],
                           "input \"%s\": its endpoint is that of input \"%s\" already", input->name,
                           job->inputs[j].name);
    }
}

void dataplane_job_check(const struct dataplane_job *job, struct problems *problems)
{
    for (unsigned i = 0; i < job->security_groups_count; i++)
        input_security_group_check(&job->security_groups[i], problems);
    check_inputs(job, problems);
    for (unsigned i = 0; i < job->dataplane.ports_count; i++)
        for (unsigned j = 0; j < job->dataplane.ports[i].addresses_count; j++) {
            const struct port_settings *port = &job->dataplane.ports[i];
            struct cidr address;
            struct error err;
            if (interface_address_parse(port->addresses[j], &address, &err) < 0)
                problem_at(problems, port->addresses[j], "port \"%s\": %s", port->name, err.text);
        }
}

int dataplane_job_read(const char *path, struct dataplane_job *job, struct problems *problems)
{
    unsigned before = problems_count(problems);
    int result = settings_read_file(&dataplane_job_settings, path, job, problems);
    if (result < 0)
        return result;
    dataplane_job_check(job, problems);
    return problems_count(problems) > before ? -EINVAL : 0;
}
