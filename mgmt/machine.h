/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h - what is done to the machine below: its network, its power, its sticks, its beginnings. biplaned may do
 * none of it itself; it asks the image's service at a unix socket, one request a connection (mgmt/command.h): "network
 * FOLDER", "sticks", "release-sticks", "reboot", "power-off", "factory-reset", with a tab between. A machine without it
 * says so.
 *
 * A factory reset is marked in the spool and carried out when biplaned starts the next time, before it reads anything:
 * a power cut in between does not leave half of a configuration. One thread (the loop's).
 */
#pragma once
#include <stdbool.h>

struct clock;
struct error;
struct log;
struct loop;
struct machine;

struct machine_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    const char *socket;
    const char *config_directory, *run_directory, *spool_directory;
};

int machine_create(struct machine **out, const struct machine_config *config, struct error *err);
void machine_destroy(struct machine *machine); /* NULL is fine */

/* Writes the files of network.cfg and has the machine take them; without a network.cfg nothing is done. Logged. */
void machine_apply_network(struct machine *machine);

/* -ENOENT: the machine has nobody who does it; -EBUSY: something is being done. */
int machine_find_sticks(struct machine *machine, struct error *err); /* mounts what is plugged in */
int machine_release_sticks(struct machine *machine, struct error *err);
bool machine_is_busy(const struct machine *machine);
int machine_reboot(struct machine *machine, struct error *err);
int machine_power_off(struct machine *machine, struct error *err);
/* Marks it, and has the machine forget what is its own and reboot. -ENOENT: it is marked, for biplaned's next start. */
int machine_factory_reset(struct machine *machine, struct error *err);

/* Before the configuration is read: carries out what was marked. 1: done, 0: nothing was marked. */
int machine_reset_if_marked(const char *config_directory, const char *spool_directory, struct error *err);
