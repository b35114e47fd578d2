/* SPDX-License-Identifier: GPL-2.0-or-later */
/* box.h - the box's configuration file (box.cfg): board, data plane nodes, security groups, inputs, API. */
#pragma once
#include "board/settings.h"
#include "dataplane/input.h"
#include "dataplane/job.h"

enum { BOX_NODES_MAX = 2 };

struct api_settings {
    char address[ADDRESS_TEXT_BYTES]; /* loopback unless somebody decides otherwise */
    unsigned port;                    /* 0: no HTTP, only the unix socket */
};

struct box {
    char board[64];        /* folder of board/boards */
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

/* Checks references, double endpoints on one node, two nodes on one device. */
void box_check(const struct box *box, struct problems *problems);
const struct input *box_input(const struct box *box, const char *name);                      /* borrow; NULL: none */
void box_dataplane_job(const struct box *box, unsigned pipeline, struct dataplane_job *job); /* pure */
