/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "board/problems.h"
#include "encode/job.h"

static const char *const accelerators[] = { "auto", "hardware", "software", NULL };

static const struct setting api_rows[] = {
    SETTING_STRING(struct api_settings, address, .default_text = "127.0.0.1",
                   .help = "Address of the HTTP API. There is no password on it: keep it on loopback."),
    SETTING_UNSIGNED(struct api_settings, port, .minimum = 0, .maximum = 65535, .default_number = 8080,
                     .help = "TCP port of the HTTP API; 0: only the unix socket api.socket in the run directory."),
    { 0 }
};
static const struct settings api_table = { "api", sizeof(struct api_settings), api_rows,
                                           .help = "Where the HTTP API is." };

#define NODES_HELP                                                                                                     \
    "Data planes, one a NUMA node: node N receives endpoint N of every input and feeds pipeline N of every channel."

#define BOX_NODES_HELP                                                                                                 \
    NODES_HELP                                                                                                         \
    " None: those of the board, as Status shows them; else all that are to be. What node N leaves out is as "          \
    "the board's node N has it."

static const struct setting box_rows[] = {
    SETTING_STRING(struct box, board, .default_text = "dev", .flags = SETTING_NAME,
                   .help = "The kind of machine; its defaults stand in boards/<board>/board.cfg."),
    SETTING_CHOICE(struct box, accelerator, .choices = accelerators, .default_number = ACCELERATOR_AUTO,
                   .flags = SETTING_LIVE | SETTING_OF_BOARD,
                   .help = "What the accelerator \"auto\" of a channel means on this box."),
    SETTING_STRING(struct box, credentials, .flags = SETTING_LIVE, .default_text = "credentials.cfg",
                   .help = "File with the users and passwords of destinations, readable by its owner only; relative to "
                           "the configuration folder. Menu, API and backups know its credentials.cfg only."),
    SETTING_LIST(struct box, nodes, &dataplane_settings_table, .flags = SETTING_LIVE | SETTING_OF_BOARD,
                 .help = BOX_NODES_HELP),
    SETTING_LIST(struct box, input_security_groups, &input_security_group_settings, .flags = SETTING_LIVE,
                 .help = "Who may send: lists of addresses that inputs refer to."),
    SETTING_LIST(struct box, inputs, &input_settings, .flags = SETTING_LIVE, .help = "The streams that come in."),
    SETTING_GROUP(struct box, api, &api_table, .help = "The HTTP API."),
    { 0 }
};
const struct settings box_settings = { "box", sizeof(struct box), box_rows,
                                       .help = "The file box.cfg: what this machine is and what it receives." };

static const struct setting board_rows[] = {
    SETTING_STRING(struct board, description, .help = "What kind of machine this is."),
    SETTING_CHOICE(struct board, accelerator, .choices = accelerators, .default_number = ACCELERATOR_AUTO,
                   .help = "What the accelerator \"auto\" of a channel means on such a machine."),
    SETTING_LIST(struct board, nodes, &dataplane_settings_table, .help = NODES_HELP),
    { 0 }
};
const struct settings board_settings = {
    "board", sizeof(struct board), board_rows,
    .help = "The file board.cfg of a board: defaults that a box takes over where its own file is silent."
};

/* ---- checks ---- */
static bool security_group_exists(const struct box *box, const char *name)
{
    for (unsigned i = 0; i < box->input_security_groups_count; i++)
        if (strcmp(box->input_security_groups[i].name, name) == 0)
            return true;
    return false;
}

static void check_input(const struct box *box, const struct input *input, struct problems *problems)
{
    input_check(input, problems);
    for (unsigned i = 0; i < input->security_groups_count; i++)
        if (!security_group_exists(box, input->security_groups[i]))
            problem_at(problems, input->security_groups[i], "input \"%s\": there is no input security group \"%s\"",
                       input->name, input->security_groups[i]);
    if (input->endpoints_count > box->nodes_count)
        problem_at(problems, input->endpoints,
                   "input \"%s\" has %u endpoints, but the box has %u node%s to receive them", input->name,
                   input->endpoints_count, box->nodes_count, box->nodes_count == 1 ? "" : "s");
}

/* "0:0::1" and "::1" are one address; text that is none is compared as text (it is a problem of its own). */
static bool same_address(const char *a, const char *b)
{
    unsigned char bytes_a[16], bytes_b[16];
    if (inet_pton(AF_INET, a, bytes_a) == 1 && inet_pton(AF_INET, b, bytes_b) == 1)
        return memcmp(bytes_a, bytes_b, 4) == 0;
    if (inet_pton(AF_INET6, a, bytes_a) == 1 && inet_pton(AF_INET6, b, bytes_b) == 1)
        return memcmp(bytes_a, bytes_b, 16) == 0;
    return strcmp(a, b) == 0;
}

static bool same_endpoint(const struct input_endpoint *a, const struct input_endpoint *b)
{
    bool vlans_meet = a->vlan == b->vlan || !a->vlan || !b->vlan;
    bool sources_meet = !a->source[0] || !b->source[0] || same_address(a->source, b->source);
    return a->port == b->port && same_address(a->address, b->address) && vlans_meet && sources_meet;
}

static void check_double_endpoints(const struct box *box, struct problems *problems)
{
    for (unsigned i = 1; i < box->inputs_count; i++)
        for (unsigned j = 0; j < i; j++)
            for (unsigned node = 0; node < INPUT_ENDPOINTS_MAX; node++) {
                const struct input *mine = &box->inputs[i], *other = &box->inputs[j];
                if (node < mine->endpoints_count && node < other->endpoints_count &&
                    same_endpoint(&mine->endpoints[node], &other->endpoints[node]))
                    problem_at(problems, &mine->endpoints[node],
                               "input \"%s\": endpoint %u (%s port %u) is also an endpoint of input \"%s\" on node %u",
                               mine->name, node, mine->endpoints[node].address, mine->endpoints[node].port, other->name,
                               node);
            }
}

/* An af_packet device may be written with other options and still be the same interface. */
static bool same_device(const char *a, const char *b)
{
    const char *interface_a = strstr(a, "iface="), *interface_b = strstr(b, "iface=");
    if (!interface_a || !interface_b)
        return strcmp(a, b) == 0;
    size_t length_a = strcspn(interface_a, ","), length_b = strcspn(interface_b, ",");
    return length_a == length_b && strncmp(interface_a, interface_b, length_a) == 0;
}

static void check_port(const struct box *box, unsigned node, unsigned port, struct problems *problems)
{
    const struct port_settings *mine = &box->nodes[node].ports[port];
    for (unsigned n = 0; n <= node; n++)
        for (unsigned p = 0; p < box->nodes[n].ports_count && !(n == node && p == port); p++) {
            const struct port_settings *other = &box->nodes[n].ports[p];
            if (mine->device[0] && same_device(mine->device, other->device))
                problem_at(problems, mine->device,
                           "port \"%s\" of node %u: device %s already belongs to port \"%s\" of node %u", mine->name,
                           node, mine->device, other->name, n);
        }
}

static void check_api(const struct api_settings *api, struct problems *problems)
{
    unsigned char bytes[16];
    if (inet_pton(AF_INET, api->address, bytes) != 1 && inet_pton(AF_INET6, api->address, bytes) != 1)
        problem_at(problems, api->address, "api: address \"%s\" is neither an IPv4 nor an IPv6 address", api->address);
}

void box_check(const struct box *box, struct problems *problems)
{
    for (unsigned i = 0; i < box->input_security_groups_count; i++)
        input_security_group_check(&box->input_security_groups[i], problems);
    for (unsigned i = 0; i < box->inputs_count; i++)
        check_input(box, &box->inputs[i], problems);
    check_double_endpoints(box, problems);
    for (unsigned node = 0; node < box->nodes_count; node++)
        for (unsigned port = 0; port < box->nodes[node].ports_count; port++)
            check_port(box, node, port, problems);
    check_api(&box->api, problems);
}

/* ---- reading ---- */
static void inherit_from_board(struct box *box, const struct board *board, const struct problems *problems)
{
    if (box->nodes_count == 0) {
        memcpy(box->nodes, board->nodes, sizeof box->nodes);
        box->nodes_count = board->nodes_count;
    } else {
        for (unsigned i = 0; i < box->nodes_count && i < board->nodes_count; i++)
            settings_inherit(&dataplane_settings_table, &box->nodes[i], &board->nodes[i], problems);
    }
    if (!problems_remembered(problems, &box->accelerator, sizeof box->accelerator))
        box->accelerator = board->accelerator;
}

int box_read(struct box *box, const char *path, const char *boards_directory, struct problems *problems)
{
    unsigned before = problems_count(problems);
    int result = settings_read_file(&box_settings, path, box, problems);
    if (result < 0)
        return result;
    char board_path[1024];
    struct board board;
    snprintf(board_path, sizeof board_path, "%s/%s/board.cfg", boards_directory, box->board);
    FILE *file = fopen(board_path, "re");
    if (file)
        fclose(file);
    if (!file)
        problem_at(problems, box->board, "there is no board \"%s\" (%s)", box->board, board_path);
    else if (settings_read_file(&board_settings, board_path, &board, problems) == 0)
        inherit_from_board(box, &board, problems);
    box_check(box, problems);
    return problems_count(problems) > before ? -EINVAL : 0;
}

const struct input *box_input(const struct box *box, const char *name)
{
    for (unsigned i = 0; i < box->inputs_count; i++)
        if (strcmp(box->inputs[i].name, name) == 0)
            return &box->inputs[i];
    return NULL;
}

void box_dataplane_job(const struct box *box, unsigned pipeline, struct dataplane_job *job)
{
    memset(job, 0, sizeof *job);
    job->pipeline = pipeline;
    job->dataplane = box->nodes[pipeline];
    memcpy(job->security_groups, box->input_security_groups, sizeof job->security_groups);
    job->security_groups_count = box->input_security_groups_count;
    for (unsigned i = 0; i < box->inputs_count; i++)
        if (box->inputs[i].endpoints_count > pipeline)
            job->inputs[job->inputs_count++] = box->inputs[i];
}
