/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/publisher_queue.h"

#include <errno.h>
#include <math.h>

#include "board/error.h"
#include "mgmt/credentials.h"

int publisher_queue_open(struct destination_queue **out, const struct publisher_config *publisher,
                         const struct publisher_queue_config *config, struct error *err)
{
    const struct output_group *group = publisher->group;
    const struct destination *destination = &group->destinations[publisher->pipeline];
    const char *name = destination->credentials;
    const struct credential *credential = *name ? credentials_find(publisher->credentials, name) : NULL;
    if (*name && !credential)
        return error_set(err, -ENOENT, "output group %s: there are no credentials named %s", group->name, name);
    const struct destination_queue_config queue = {
        .source = config->source,
        .subject = group->name,
        .destination = destination,
        .connection = config->connection ? config->connection : &group->connection,
        .credential = credential,
        .states = publisher->states,
        .disk_bytes = config->disk_bytes,
        .lanes = config->lanes,
        .texts = config->texts,
        .segment_length_s = (unsigned)ceil(config->segment_length),
        .loop = publisher->loop,
        .engine = publisher->engine,
        .alerts = publisher->alerts,
        .clock = publisher->clock,
        .log = publisher->log,
        .callbacks = config->callbacks,
        .context = config->context,
    };
    int result = destination_queue_create(out, &queue, err);
    return result < 0 ? error_wrap(err, "output group %s", group->name) : 0;
}

void publisher_count(json_t *counters, const char *name, uint64_t value)
{
    json_object_set_new(counters, name, json_integer((json_int_t)value));
}

void publisher_queue_count(const struct destination_queue *queue, json_t *counters)
{
    struct destination_counters count = destination_queue_counters(queue);
    publisher_count(counters, "segments_delivered", count.files_delivered);
    publisher_count(counters, "bytes_delivered", count.bytes_delivered);
    publisher_count(counters, "headers_delivered", count.headers_delivered);
    publisher_count(counters, "headers_asked_for", count.headers_asked_for);
    publisher_count(counters, "playlists_delivered", count.texts_delivered);
    publisher_count(counters, "playlists_replaced", count.texts_replaced);
    publisher_count(counters, "segments_deleted", count.deleted);
    publisher_count(counters, "deletes_given_up", count.deletes_given_up);
    publisher_count(counters, "dropped_too_old", count.dropped_too_old);
    publisher_count(counters, "dropped_no_room", count.dropped_no_room);
    publisher_count(counters, "dropped_refused", count.dropped_refused);
    publisher_count(counters, "dropped_given_up", count.dropped_given_up);
    publisher_count(counters, "dropped_damaged", count.dropped_damaged);
    publisher_count(counters, "retries", count.retries);
    publisher_count(counters, "failures", count.failures);
    publisher_count(counters, "connections_opened", count.new_connections);
}

json_t *publisher_queue_status(const struct destination_queue *queue, const struct publisher_config *publisher,
                               unsigned lanes, json_t *counters, json_t *outputs)
{
    unsigned queued = 0;
    for (unsigned i = 0; i < lanes; i++)
        queued += destination_queue_files(queue, i);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "group", publisher->group->name, "url",
                     publisher->group->destinations[publisher->pipeline].url, "state",
                     destination_state_name(destination_queue_state(queue)), "queued_segments", (json_int_t)queued,
                     "queued_bytes", (json_int_t)destination_queue_bytes(queue), "last_error",
                     destination_queue_last_error(queue), "counters", counters, "outputs", outputs);
}
