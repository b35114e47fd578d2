/* SPDX-License-Identifier: GPL-2.0-or-later */
/* box.h - the box's configuration file (box.cfg): board, data plane nodes, security groups, inputs, API.
 *
 * A box names its board; what its file does not say about a node is what the board's file (board.cfg) says. Both are
 * plain values.
 *
 *     if (box_read(&box, "/etc/biplane/box.cfg", boards_directory, problems) == 0)
 *         box_dataplane_job(&box, 0, &job);
 */
#pragma once
#include "board/settings.h"
#include "dataplane/input.h"
#include "dataplane/job.h"

enum { BOX_NODES_MAX = 2 };

struct api_settings {
    char address[ADDRESS_TEXT_BYTES]; /* loopback unless somebody decides otherwise */
    unsigned port;                    /* 0: no HTTP, only the unix socket */
};

/* What a kind of machine brings along: board/boards/<name>/board.cfg. */
struct board {
    char description[256];
    unsigned accelerator;
    struct dataplane_settings nodes[BOX_NODES_MAX];
    unsigned nodes_count;
};

struct box {
    char board[64];        /* folder of board/boards */
    unsigned accelerator;  /* enum encode_accelerator: what "auto" in a channel means on this box */
    char credentials[256]; /* file that only its owner can read; relative to the configuration folder */
    struct dataplane_settings nodes[BOX_NODES_MAX]; /* node N receives endpoint N and feeds pipeline N */
    unsigned nodes_count;
    struct input_security_group input_security_groups[JOB_SECURITY_GROUPS_MAX];
    unsigned input_security_groups_count;
    struct input inputs[JOB_INPUTS_MAX];
    unsigned inputs_count;
    struct api_settings api;
};

extern const struct settings box_settings;
extern const struct settings board_settings;

/* Reads and checks the file, with what its board says where it is silent. 0, or -EINVAL when it added problems. */
int box_read(struct box *box, const char *path, const char *boards_directory, struct problems *problems);

/* Checks references, double endpoints on one node, two nodes on one device. */
void box_check(const struct box *box, struct problems *problems);
const struct input *box_input(const struct box *box, const char *name);                      /* borrow; NULL: none */
void box_dataplane_job(const struct box *box, unsigned pipeline, struct dataplane_job *job); /* pure */
