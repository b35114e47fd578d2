/* SPDX-License-Identifier: GPL-2.0-or-later */
/* states_fixture.h - the state files of a folder, and the worker that writes them.
 *
 *     states_fixture_open(&states, loop, spool);
 *     ... config.states = states.files
 *     states_fixture_flush(&states);      // what was put is on the disk; nothing may be open
 *     states_fixture_close(&states);
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "board/loop.h"
#include "board/worker.h"
#include "mgmt/state_files.h"

struct states_fixture {
    struct loop *loop;
    const char *spool;
    struct worker *worker;
    struct state_files *files;
};

static inline void states_fixture_open(struct states_fixture *states, struct loop *loop, const char *spool)
{
    *states = (struct states_fixture){ .loop = loop, .spool = spool };
    assert_int_equal(worker_create(&states->worker, loop, "states", NULL), 0);
    assert_int_equal(state_files_create(&states->files, states->worker, spool, NULL), 0);
}

static inline void states_fixture_close(struct states_fixture *states)
{
    assert_int_equal(worker_destroy(states->worker), 0);
    state_files_destroy(states->files);
}

static inline void states_fixture_flush(struct states_fixture *states)
{
    states_fixture_close(states);
    states_fixture_open(states, states->loop, states->spool);
}
