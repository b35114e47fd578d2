/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/command.h"
#include "mgmt/document_folder.h"
#include "mgmt/network.h"
#include "mgmt/network_files.h"

enum { PATH_BYTES = 1024, SECONDS = 60 };

struct machine {
    struct machine_config config;
    struct command *running;
    bool network_again; /* it changed while the last one was being applied */
    bool gives_back;    /* what runs gives the network back to the machine */
};

/* Says in the spool that the machine's network is ours: without a network.cfg it has to be given back then. */
static void applied_path(const struct machine *machine, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/network-applied", machine->config.spool_directory);
}

static void note_applied(const struct machine *machine, bool is_ours)
{
    char path[PATH_BYTES];
    applied_path(machine, path);
    int file = is_ours ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file >= 0)
        close(file);
    else
        unlink(path);
}

static void on_done(void *context, int status, const char *text)
{
    struct machine *machine = context;
    machine->running = NULL;
    if (status != 0)
        log_error(machine->config.log, "the machine refused (%d): %.300s", status, text);
    else if (machine->gives_back)
        note_applied(machine, false);
    machine->gives_back = false;
    if (machine->network_again) {
        machine->network_again = false;
        machine_apply_network(machine);
    }
}

static int run(struct machine *machine, const char *verb, const char *argument, struct error *err)
{
    char request[PATH_BYTES + 32];
    snprintf(request, sizeof request, "%s\t%s", verb, argument);
    const struct command_config config = { .loop = machine->config.loop,
                                           .clock = machine->config.clock,
                                           .socket = machine->config.socket,
                                           .request = request,
                                           .seconds = SECONDS,
                                           .done = on_done,
                                           .context = machine };
    if (machine->running)
        return error_set(err, -EBUSY, "the machine is being told something else; try again in a moment");
    int result = command_start(&machine->running, &config, err);
    if (result == -ENOENT)
        return error_set(err, -ENOENT, "this machine takes no orders: it does not run from a Biplane image");
    if (result == 0)
        log_info(machine->config.log, "machine: %s", verb);
    return result;
}

bool machine_is_busy(const struct machine *machine)
{
    return machine->running != NULL;
}

int machine_find_sticks(struct machine *machine, struct error *err)
{
    return run(machine, "sticks", "", err);
}

int machine_release_sticks(struct machine *machine, struct error *err)
{
    return run(machine, "release-sticks", "", err);
}

static bool has_network(const struct machine *machine, bool *is_there)
{
    char file[DOCUMENT_FILE_BYTES], applied[PATH_BYTES];
    document_file(machine->config.config_directory, "network", file);
    applied_path(machine, applied);
    *is_there = access(file, F_OK) == 0;
    return *is_there || access(applied, F_OK) == 0;
}

void machine_apply_network(struct machine *machine)
{
    char file[DOCUMENT_FILE_BYTES], folder[PATH_BYTES];
    struct error err = { 0 };
    struct network *network = malloc(sizeof *network);
    struct problems *problems = problems_create();
    bool is_there = false;
    document_file(machine->config.config_directory, "network", file);
    snprintf(folder, sizeof folder, "%s/network", machine->config.run_directory);
    machine->network_again = machine->running != NULL;
    if (!machine->running && network && problems && has_network(machine, &is_there) &&
        network_read(network, file, problems) == 0) {
        if (network_write_files(network, folder, &err) < 0 || run(machine, "network", folder, &err) < 0)
            log_warning(machine->config.log, "the network was not applied: %s", err.text);
        else if (is_there)
            note_applied(machine, true);
        else
            machine->gives_back = true;
    }
    problems_destroy(problems);
    free(network);
}

int machine_reboot(struct machine *machine, struct error *err)
{
    return run(machine, "reboot", "", err);
}

int machine_power_off(struct machine *machine, struct error *err)
{
    return run(machine, "power-off", "", err);
}

static void marker_path(const char *spool_directory, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/factory-reset", spool_directory);
}

int machine_factory_reset(struct machine *machine, struct error *err)
{
    char path[PATH_BYTES];
    marker_path(machine->config.spool_directory, path);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int folder = open(machine->config.spool_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = file < 0 || folder < 0 || fsync(file) < 0 || fsync(folder) < 0 ? -errno : 0;
    if (file >= 0)
        close(file);
    if (folder >= 0)
        close(folder);
    if (code < 0)
        return error_set_errno(err, code, "writing %s", path);
    int result = run(machine, "factory-reset", "", err);
    return result < 0 ? error_wrap(err, "the reset is done when biplaned starts again, but") : 0;
}

/* What a box needs to start again as what it is: its board. */
static json_t *bare_documents(const char *config_directory)
{
    char path[DOCUMENT_FILE_BYTES];
    document_file(config_directory, "box", path);
    json_t *box = document_read(path, NULL);
    const char *board = json_string_value(json_object_get(box, "board"));
    json_t *bare = json_pack("{s:{s:s}}", "box", "board", board ? board : "dev");
    json_decref(box);
    return bare;
}

int machine_reset_if_marked(const char *config_directory, const char *spool_directory, struct error *err)
{
    char path[PATH_BYTES];
    marker_path(spool_directory, path);
    if (access(path, F_OK) < 0)
        return 0;
    json_t *bare = bare_documents(config_directory);
    int result = document_folder_write(config_directory, bare, err);
    json_decref(bare);
    if (result < 0)
        return result;
    document_folder_empty(spool_directory, "factory-reset");
    unlink(path); /* last: until here it is begun again */
    return 1;
}

int machine_create(struct machine **out, const struct machine_config *config, struct error *err)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        return error_set(err, -ENOMEM, "machine");
    machine->config = *config;
    *out = machine;
    return 0;
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    command_destroy(machine->running);
    free(machine);
}
