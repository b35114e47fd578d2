/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caretaker.h - what looks after the box beside what is on the air: staged changes, the machine, its updates; wired to
 * the management plane, and offered to the API. One thread (the loop's).
 *
 *     caretaker_prepare(config_directory, spool_directory, &log);      // before the configuration is read
 *     caretaker_create(&caretaker, &cfg, &err);
 *     caretaker_offer(caretaker, &api_config);
 */
#pragma once

struct api_config;
struct caretaker;
struct clock;
struct error;
struct log;
struct loop;
struct management;

struct caretaker_config {
    struct loop *loop; /* borrow, like all below */
    const struct clock *clock;
    const struct log *log;
    struct management *management;
    const char *config_directory, *run_directory, *spool_directory, *boards_directory;
    const char *machine_socket;
};

/* Carries out what an earlier process marked or left half done: a factory reset, a change that nobody confirmed. */
void caretaker_prepare(const char *config_directory, const char *spool_directory, const struct log *log);

int caretaker_create(struct caretaker **out, const struct caretaker_config *config, struct error *err);
void caretaker_destroy(struct caretaker *caretaker); /* after the API; NULL is fine */
void caretaker_offer(struct caretaker *caretaker, struct api_config *api);
