/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

enum { ANSWER_BYTES_MAX = 16 << 20, URL_BYTES = 1024, TIMEOUT_S = 20 };

struct answer {
    char *text;
    size_t bytes;
};

static size_t take(char *data, size_t one, size_t count, void *context)
{
    struct answer *answer = context;
    size_t bytes = one * count;
    char *grown = answer->bytes + bytes <= ANSWER_BYTES_MAX ? realloc(answer->text, answer->bytes + bytes) : NULL;
    if (!grown)
        return 0;
    memcpy(grown + answer->bytes, data, bytes);
    answer->text = grown;
    answer->bytes += bytes;
    return bytes;
}

static void prepare(CURL *curl, const struct client *client, const char *method, const char *path, const char *body,
                    struct answer *answer)
{
    char url[URL_BYTES], socket_path[URL_BYTES];
    snprintf(url, sizeof url, "%s%s", client->url ? client->url : "http://localhost", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (!client->url) {
        if (client->socket)
            snprintf(socket_path, sizeof socket_path, "%s", client->socket);
        else
            snprintf(socket_path, sizeof socket_path, "%s/api.socket", client->run);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    }
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L); /* the body goes at once */
    }
}

static int judge(CURLcode code, long status, const struct answer *text, json_t **answer, struct error *err)
{
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return error_set(err, -ECONNREFUSED, "biplaned does not answer: is it running, and is this its run directory?");
    if (code != CURLE_OK)
        return error_set(err, -EPROTO, "asking biplaned: %s", curl_easy_strerror(code));
    *answer = text->bytes ? json_loadb(text->text, text->bytes, 0, NULL) : NULL;
    if (!*answer)
        return error_set(err, -EPROTO, "what answered is not biplaned: no JSON, status %ld", status);
    if (status < 300)
        return 0;
    const char *sentence = json_string_value(json_object_get(*answer, "error"));
    return error_set(err, -EREMOTEIO, "%s", sentence ? sentence : "refused without a reason");
}

static int request(const struct client *client, const char *method, const char *path, const char *body, json_t **answer,
                   struct error *err)
{
    struct answer text = { 0 };
    long status = 0;
    *answer = NULL;
    CURL *curl = curl_easy_init();
    if (!curl)
        return error_set(err, -ENOMEM, "HTTP client");
    prepare(curl, client, method, path, body, &text);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    int result = judge(code, status, &text, answer, err);
    curl_easy_cleanup(curl);
    free(text.text);
    return result;
}

int client_request(const struct client *client, const char *method, const char *path, json_t **answer,
                   struct error *err)
{
    return request(client, method, path, "", answer, err);
}

int client_send(const struct client *client, const char *method, const char *path, const json_t *body, json_t **answer,
                struct error *err)
{
    *answer = NULL;
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return error_set(err, -ENOMEM, "the request cannot be written");
    int result = request(client, method, path, text, answer, err);
    explicit_bzero(text, strlen(text)); /* a password may be in it */
    free(text);
    return result;
}
