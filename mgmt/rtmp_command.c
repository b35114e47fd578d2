/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/rtmp_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mgmt/rtmp_authentication.h"
#include "mgmt/rtmp_url.h"

static void text_property(struct amf_writer *writer, const char *key, const char *text)
{
    amf_key(writer, key);
    amf_string(writer, text);
}

void rtmp_command_connect(struct amf_writer *writer, double transaction, const struct rtmp_url *url, const char *query,
                          const char *encoder)
{
    char application[RTMP_APPLICATION_BYTES + RTMP_QUERY_BYTES];
    char whole[sizeof application + RTMP_HOST_BYTES + 32];
    /* an application with a query of its own gets ours behind it */
    bool joined = *query && strchr(url->application, '?');
    snprintf(application, sizeof application, "%s%s%s", url->application, joined ? "&" : "", query + joined);
    snprintf(whole, sizeof whole, "%s://%s:%u/%s", url->tls ? "rtmps" : "rtmp", url->host, url->port, application);
    amf_string(writer, "connect");
    amf_number(writer, transaction);
    amf_object(writer);
    text_property(writer, "app", application);
    text_property(writer, "type", "nonprivate");
    text_property(writer, "flashVer", encoder);
    text_property(writer, "swfUrl", whole);
    text_property(writer, "tcUrl", whole);
    amf_object_end(writer);
}

void rtmp_command_call(struct amf_writer *writer, const char *name, double transaction, const char *first,
                       const char *second)
{
    amf_string(writer, name);
    amf_number(writer, transaction);
    amf_null(writer);
    if (first)
        amf_string(writer, first);
    if (second)
        amf_string(writer, second);
}

void rtmp_command_delete_stream(struct amf_writer *writer, double transaction, uint32_t stream)
{
    rtmp_command_call(writer, "deleteStream", transaction, NULL, NULL);
    amf_number(writer, stream);
}

int rtmp_answer_read(struct rtmp_answer *answer, const uint8_t *payload, size_t bytes)
{
    struct amf_reader reader = { payload, payload + bytes };
    *answer = (struct rtmp_answer){ 0 };
    if (amf_read_string(&reader, answer->name, sizeof answer->name) < 0 ||
        amf_read_number(&reader, &answer->transaction) < 0)
        return -EBADMSG;
    if (amf_skip(&reader) < 0) /* null, or what the server says about itself */
        return 0;
    struct amf_reader number = reader, code = reader, level = reader, description = reader;
    answer->has_number = amf_read_number(&number, &answer->number) == 0;
    if (amf_read_property(&code, "code", answer->code, sizeof answer->code) < 0)
        answer->code[0] = '\0';
    if (amf_read_property(&level, "level", answer->level, sizeof answer->level) < 0)
        answer->level[0] = '\0';
    if (amf_read_property(&description, "description", answer->description, sizeof answer->description) < 0)
        answer->description[0] = '\0';
    return 0;
}
