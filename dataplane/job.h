/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.h - what one data plane process is told to do: a file in the run directory, written by the management plane from
 * the box's configuration, read at start and again on SIGHUP (inputs may come and go; ports may not).
 */
#pragma once
#include "board/settings.h"
#include "dataplane/input.h"

enum { JOB_PORTS_MAX = 4, JOB_INPUTS_MAX = 32, JOB_SECURITY_GROUPS_MAX = 32, PORT_TEXT_BYTES = 192 };

enum poll_mode { POLL_ADAPTIVE, POLL_BUSY };

/* A port of the data plane: a NIC by PCI address, or one of DPDK's virtual devices. */
struct port_settings {
    char name[INPUT_NAME_BYTES];
    char device[PORT_TEXT_BYTES];          /* "0000:81:00.0" or "net_af_packet0,iface=sdi0,..." */
    char addresses[4][ADDRESS_TEXT_BYTES]; /* own "10.1.2.3/24": ARP and neighbour requests are answered, multicast is
                                              joined; none: the kernel does that on this device */
    unsigned addresses_count;
    unsigned queue_descriptors; /* receive descriptors */
};

struct dataplane_settings {
    struct port_settings ports[JOB_PORTS_MAX];
    unsigned ports_count;
    unsigned poll;             /* enum poll_mode */
    unsigned core;             /* logical CPU of the poll-mode thread; 65535: first of the pipeline's placement */
    unsigned memory_megabytes; /* of DPDK */
    bool hugepages;
    unsigned idle_sleep_usec; /* adaptive: sleep when little or nothing comes */
};

struct dataplane_job {
    unsigned pipeline; /* which data plane this is: endpoints[pipeline] of every input is received */
    struct dataplane_settings dataplane;
    struct input_security_group security_groups[JOB_SECURITY_GROUPS_MAX];
    unsigned security_groups_count;
    struct input inputs[JOB_INPUTS_MAX];
    unsigned inputs_count;
};

extern const struct settings port_settings_table;
extern const struct settings dataplane_settings_table;
extern const struct settings dataplane_job_settings;

/* Reads a job and checks all that can be checked without running it: addresses, networks, names of security groups, two
 * inputs on one endpoint. Returns 0, or a negative errno with the problems added. */
int dataplane_job_read(const char *path, struct dataplane_job *job, struct problems *problems);
void dataplane_job_check(const struct dataplane_job *job, struct problems *problems);
