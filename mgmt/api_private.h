/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_private.h - one request on its way through the API, for the files that are it: api.c (the doors, what runs),
 * api_configuration.c (documents and what is staged), api_machine.c (the machine, its log, sticks, updates).
 */
#pragma once
#include <jansson.h>

#include "mgmt/api.h"
#include "mgmt/http_server.h"

struct media_answer;
struct media_desk;
struct media_question;

struct call {
    const struct api_config *api;
    struct media_desk *desk;            /* NULL: no media */
    const struct http_request *request; /* NULL: it is answered later */
    char name[96];                      /* what stands for "*" in the path */
    unsigned status;
    json_t *json; /* give */
    char *text;   /* instead of json; give */
    size_t bytes; /* of text; 0: up to its zero byte */
    const char *content_type;
    bool later; /* what is asked for here is answered later */
};

struct route {
    const char *method, *path;
    void (*answer)(struct call *call);
    /* Changes files, passwords or the machine: only for who may use the unix socket. */
    enum { ROUTE_ANYBODY, ROUTE_UNIX_SOCKET } who;
};

extern const struct route api_configuration_routes[], api_machine_routes[]; /* ended by one without a method */

void api_refuse(struct call *call, unsigned status, const char *sentence);
/* 0: 202 and {"ok": true}; else a refusal with a status that fits the code. */
void api_answer_action(struct call *call, int result, const struct error *err);
unsigned api_status_of(int code);
/* Has something done with sticks and disks, which may take its time; `then` answers. Refuses what cannot be asked. */
void api_ask_media(struct call *call, const struct media_question *question,
                   void (*then)(struct call *call, const struct media_answer *answer));
void api_tell_path(struct call *call, const struct media_answer *saved); /* where it is */
/* The body as JSON. give; NULL: refused already. */
json_t *api_body(struct call *call);
