/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/caretaker.h"

#include <errno.h>
#include <stdlib.h>

#include "board/error.h"
#include "board/log.h"
#include "mgmt/api.h"
#include "mgmt/machine.h"
#include "mgmt/management.h"
#include "mgmt/staging.h"
#include "mgmt/update.h"

struct caretaker {
    struct management *management;
    struct staging *staging;
    struct machine *machine;
    struct update *update;
};

static int reload(void *context, struct problems *problems, json_t **changes)
{
    return management_reload(((struct caretaker *)context)->management, problems, changes);
}

static void on_network_changed(void *context)
{
    machine_apply_network(((struct caretaker *)context)->machine);
}

void caretaker_prepare(const char *config_directory, const char *spool_directory, const struct log *log)
{
    struct error err = { 0 };
    int reset = machine_reset_if_marked(config_directory, spool_directory, &err);
    if (reset > 0)
        log_warning(log, "the box was reset: its configuration is empty");
    int recovered = reset < 0 ? 0 : staging_recover(config_directory, spool_directory, &err);
    if (recovered > 0)
        log_warning(log, "a change of the configuration was interrupted or never confirmed: it was taken back");
    if (reset < 0 || recovered < 0)
        log_error(log, "%s", err.text);
}

int caretaker_create(struct caretaker **out, const struct caretaker_config *config, struct error *err)
{
    struct caretaker *caretaker = calloc(1, sizeof *caretaker);
    if (!caretaker)
        return error_set(err, -ENOMEM, "caretaker");
    caretaker->management = config->management;
    const struct machine_config machine = {
        config->loop,          config->clock,          config->log, config->machine_socket, config->config_directory,
        config->run_directory, config->spool_directory
    };
    const struct update_config update = { config->loop, config->clock, config->log, config->machine_socket };
    const struct staging_config staging = { .loop = config->loop,
                                            .clock = config->clock,
                                            .log = config->log,
                                            .config_directory = config->config_directory,
                                            .spool_directory = config->spool_directory,
                                            .boards_directory = config->boards_directory,
                                            .reload = reload,
                                            .network_changed = on_network_changed,
                                            .context = caretaker };
    int result = machine_create(&caretaker->machine, &machine, err);
    if (result == 0)
        result = update_create(&caretaker->update, &update, err);
    if (result == 0)
        result = staging_create(&caretaker->staging, &staging, err);
    if (result < 0) {
        caretaker_destroy(caretaker);
        return result;
    }
    machine_apply_network(caretaker->machine);
    *out = caretaker;
    return 0;
}

void caretaker_destroy(struct caretaker *caretaker)
{
    if (!caretaker)
        return;
    staging_destroy(caretaker->staging);
    update_destroy(caretaker->update);
    machine_destroy(caretaker->machine);
    free(caretaker);
}

void caretaker_offer(struct caretaker *caretaker, struct api_config *api)
{
    api->staging = caretaker->staging;
    api->machine = caretaker->machine;
    api->update = caretaker->update;
}
