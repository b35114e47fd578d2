/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - the client's side of the API: one request, one JSON answer, over the unix socket or TCP.
 *
 *     struct client client = {.run = "/run/biplane"};                  // or .url = "http://127.0.0.1:8080"
 *     int result = client_request(&client, "GET", "/v1/status", &answer, &err);
 *
 * Waits at most 20 s.
 */
#pragma once
#include <jansson.h>

struct error;

struct client {
    const char *run;    /* run directory, for its api.socket */
    const char *socket; /* path of the socket instead; NULL: that of the run directory */
    const char *url;    /* TCP instead; NULL: the socket */
};

/* 0 and the answer (give); -ECONNREFUSED: nobody there; -EREMOTEIO: refused, the sentence is the server's (*answer,
 * give, may hold more: problems); -EPROTO: not our API. */
int client_request(const struct client *client, const char *method, const char *path, json_t **answer,
                   struct error *err);
/* The same with a body (borrow). */
int client_send(const struct client *client, const char *method, const char *path, const json_t *body, json_t **answer,
                struct error *err);
