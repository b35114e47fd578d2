/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - the control thread of a data plane: the plane itself, who may attach to it, and what is wrong with it.
 *
 *     control_create(&control, &config, &err);   // receives from now on; the loop does the rest
 *     control_apply(control, &job, &err);
 *     control_destroy(control);
 */
#pragma once
struct control;
struct dataplane_job;
struct error;
struct log;
struct loop;
struct placement;

struct control_config {
    const struct dataplane_job *job;   /* borrow until created */
    const struct placement *placement; /* borrow until created */
    const char *run_directory;         /* borrow until created */
    struct loop *loop;                 /* borrow */
    const struct log *log;             /* borrow */
};

int control_create(struct control **out, const struct control_config *config, struct error *err);
int control_apply(struct control *control, const struct dataplane_job *job, struct error *err);
void control_destroy(struct control *control); /* NULL is fine */
