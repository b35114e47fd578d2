/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_file.c - while it rests, parts that were read go on being tried; nothing new is read.
 *
 * Nothing in a bookmark is believed: the store says which parts it has, and parts whose ETag or length is another are
 * sent again. So a bookmark needs no checksum, and only its first version (the upload's id) must be on the disk before
 * anything else happens. One that is written after its owner has removed it leads to an upload that is over, or to
 * one that is there no more: the next life clears it away.
 */
#include "mgmt/s3_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/disk_reader.h"
#include "mgmt/s3_client.h"
#include "mgmt/s3_upload.h"
#include "mgmt/state_files.h"

enum { BOOKMARK_VERSION = 1, ABORT_TRIES_MAX = 3 };

struct buffer {
    unsigned number; /* of the part that is in it; 0: free */
    char *data;
};

struct s3_file {
    struct s3_file_config config;
    char *key, *content_type, *cache_control, *canned_acl, *bookmark;
    struct s3_upload *upload;
    bool clearing;            /* the upload is of a file that there was before this one: it is being aborted */
    struct state_file *state; /* the bookmark; NULL: there is none to be written */
    uint64_t noting;          /* serial of its first version, on its way to the disk; 0: nothing is waited for */
    bool bookmark_failing;
    size_t part_bytes;
    unsigned part_count, next; /* part to be read */
    struct buffer buffers[S3_FILE_BUFFERS];
    struct disk_read *read; /* of part `next`; NULL: nothing is being read */
    struct buffer *filling; /* by it: its memory is the reader's meanwhile */
    uint64_t bytes_done;
    int descriptor; /* -1: rests */
    transfer_done *done;
    void *context;
    uint64_t started_ns;
    struct loop_timer *starter; /* work begins from the loop */
    bool completed, abandoned;
    void (*gone)(void *context, struct s3_file *file);
    void *gone_context;
};

static int begin(struct s3_file *file, struct error *err);

/* Its memory stays with the reader until the disk has answered. */
static void stop_reading(struct s3_file *file)
{
    if (file->read)
        disk_read_cancel(file->read);
    file->read = NULL;
}

/* Tells the owner; last thing that a callback does, for the owner may destroy us. */
static void rest(struct s3_file *file, const struct transfer_result *result)
{
    if (file->descriptor < 0)
        return;
    struct transfer_result told = *result;
    told.duration_ns = clock_monotonic_ns(file->config.clock) - file->started_ns;
    told.answer = NULL;
    told.answer_bytes = 0;
    told.transfer = NULL;
    file->descriptor = -1;
    stop_reading(file);
    file->done(file->context, &told);
}

static size_t bytes_of(const struct s3_file *file, unsigned number)
{
    uint64_t begin_at = (uint64_t)(number - 1) * file->part_bytes;
    return file->config.bytes - begin_at < file->part_bytes ? (size_t)(file->config.bytes - begin_at)
                                                            : file->part_bytes;
}

static void fail(struct s3_file *file, enum transfer_outcome outcome, const char *what, const char *why)
{
    struct transfer_result result = { .outcome = outcome };
    snprintf(result.text, sizeof result.text, "%s: %.200s", what, why);
    rest(file, &result);
}

static struct buffer *find_buffer(struct s3_file *file)
{
    for (unsigned i = 0; i < S3_FILE_BUFFERS; i++)
        if (file->buffers[i].number == 0)
            return &file->buffers[i];
    return NULL;
}

static bool is_in_a_buffer(const struct s3_file *file, unsigned number)
{
    for (unsigned i = 0; i < S3_FILE_BUFFERS; i++)
        if (file->buffers[i].number == number)
            return true;
    return false;
}

static void advance(struct s3_file *file);

static void on_part_read(void *context, int result, char *data)
{
    struct s3_file *file = context;
    struct buffer *buffer = file->filling;
    struct error err = { 0 };
    file->read = NULL;
    buffer->data = data;
    if (result == -ETIMEDOUT)
        fail(file, TRANSFER_FAILED, "cannot be read", "the box's disk does not answer");
    else if (result < 0) /* of no use to try again: what is gone from a disk does not come back */
        fail(file, TRANSFER_REFUSED, "cannot be read", strerrordesc_np(-result));
    else if (s3_upload_part(file->upload, file->next, data, bytes_of(file, file->next), &err) < 0)
        fail(file, TRANSFER_FAILED, "cannot be sent", err.text);
    else {
        buffer->number = file->next++;
        advance(file);
    }
}

static int start_reading(struct s3_file *file, struct buffer *buffer, struct error *err)
{
    if (!buffer->data && !(buffer->data = malloc(file->part_bytes)))
        return error_set(err, -ENOMEM, "no memory");
    const struct disk_read_config config = {
        .descriptor = file->descriptor,
        .offset = (uint64_t)(file->next - 1) * file->part_bytes,
        .bytes = bytes_of(file, file->next),
        .data = buffer->data,
        .done = on_part_read,
        .context = file,
    };
    int result = disk_reader_start(file->config.reader, &config, &file->read, err);
    if (result == 0) {
        buffer->data = NULL;
        file->filling = buffer;
    }
    return result;
}

/* Has the next part read that is not there, if there is room for it, and the parts joined when all are there. */
static void advance(struct s3_file *file)
{
    struct buffer *buffer;
    struct error err = { 0 };
    if (file->clearing || file->read || file->noting)
        return;
    while (file->next <= file->part_count &&
           (s3_upload_has_part(file->upload, file->next) || is_in_a_buffer(file, file->next)))
        file->next++;
    if (file->next > file->part_count && s3_upload_waiting(file->upload) == 0)
        s3_upload_complete(file->upload, NULL); /* -EBUSY: it is being opened or joined already */
    else if (file->next <= file->part_count && file->descriptor >= 0 && (buffer = find_buffer(file)) &&
             start_reading(file, buffer, &err) < 0)
        fail(file, TRANSFER_FAILED, "cannot be read", err.text);
}

/* ---- the bookmark ---- */

/* Its serial; 0: nothing is written. */
static uint64_t save(struct s3_file *file, enum spool_durability durability)
{
    json_t *upload = file->state && !file->clearing ? s3_upload_save(file->upload) : NULL;
    if (!upload)
        return 0;
    json_t *mark =
        json_pack("{s:i, s:I, s:I, s:o}", "version", BOOKMARK_VERSION, "bytes", (json_int_t)file->config.bytes,
                  "part_bytes", (json_int_t)file->part_bytes, "upload", upload);
    return mark ? state_file_put(file->state, mark, durability) : 0;
}

static void on_saved(void *context, uint64_t serial, int result, const char *text)
{
    struct s3_file *file = context;
    if (result < 0 && !file->bookmark_failing)
        log_warning(file->config.log, "a restart would send all of %s again: %s", file->key, text);
    file->bookmark_failing = result < 0;
    if (!file->noting || serial < file->noting)
        return;
    file->noting = 0;
    if (file->upload && !file->abandoned)
        advance(file);
}

static void remove_bookmark(struct s3_file *file)
{
    file->noting = 0;
    if (file->state)
        state_file_put(file->state, NULL, SPOOL_FAST);
}

/* give; NULL: there is none that can be read. */
static json_t *read_bookmark(const struct state_files *states, const char *bookmark, uint64_t *bytes,
                             size_t *part_bytes)
{
    struct error err = { 0 };
    json_t *mark = states && bookmark && bookmark[0] ? state_files_read(states, bookmark, &err) : NULL;
    json_int_t all, part;
    int version;
    if (!mark || json_unpack(mark, "{s:i, s:I, s:I}", "version", &version, "bytes", &all, "part_bytes", &part) < 0 ||
        version != BOOKMARK_VERSION || all < 1 || part < 1) {
        json_decref(mark);
        return NULL;
    }
    *bytes = (uint64_t)all;
    *part_bytes = (size_t)part;
    return mark;
}

static const char *key_of(const json_t *mark)
{
    return json_string_value(json_object_get(json_object_get(mark, "upload"), "key"));
}

/* ---- what the upload tells ---- */

static void on_opened(void *context)
{
    struct s3_file *file = context;
    file->noting = save(file, SPOOL_DURABLE);
    advance(file);
}

/* What was begun is of no use (any more). Without memory: s3_file_continue tries it again. */
static void begin_anew(struct s3_file *file)
{
    remove_bookmark(file);
    s3_upload_destroy(file->upload);
    file->upload = NULL;
    begin(file, NULL);
}

static void on_part_done(void *context, unsigned number, const void *data)
{
    struct s3_file *file = context;
    for (unsigned i = 0; i < S3_FILE_BUFFERS; i++)
        if (file->buffers[i].data == data)
            file->buffers[i].number = 0;
    file->bytes_done += bytes_of(file, number);
    if (file->abandoned)
        return;
    save(file, SPOOL_FAST);
    advance(file);
}

static void on_completed(void *context)
{
    struct s3_file *file = context;
    file->completed = true; /* if it rests, this is told when the owner asks again */
    rest(file, &(struct transfer_result){ .outcome = TRANSFER_OK, .status = 200 });
}

static void on_aborted(void *context)
{
    struct s3_file *file = context;
    if (!file->abandoned) {
        begin_anew(file);
        return;
    }
    remove_bookmark(file);
    file->gone(file->gone_context, file);
}

static void on_troubled(void *context, const struct s3_result *result, unsigned tries)
{
    struct s3_file *file = context;
    bool in_vain = tries > ABORT_TRIES_MAX; /* to abort: a later life, or the bucket's rules for that, must do it */
    if (!file->abandoned) {
        struct transfer_result told = result->transfer;
        told.pause_ms = result->wait_ms;
        if (file->clearing && in_vain && told.status) /* it may send, but not abort */
            begin_anew(file);
        rest(file, &told);
    } else if (in_vain) {
        file->gone(file->gone_context, file);
    }
}

static void on_lost(void *context, const struct s3_result *result)
{
    struct s3_file *file = context;
    if (file->abandoned) {
        on_aborted(file);
        return;
    }
    begin_anew(file);
    rest(file, &result->transfer);
}

static void on_start(void *context)
{
    struct s3_file *file = context;
    if (file->abandoned)
        on_aborted(file);
    else if (file->completed)
        on_completed(file);
    else
        advance(file);
}

static void wake(struct s3_file *file)
{
    struct clock real = clock_real(); /* as the loop's timers are */
    loop_timer_set(file->starter, clock_monotonic_ns(&real));
}

/* ---- owner's side ---- */

/* saved: to go on with (borrow), or NULL. */
static int open_upload(struct s3_file *file, const char *key, const json_t *saved, struct error *err)
{
    const struct s3_upload_config config = {
        .client = file->config.client,
        .key = key,
        .content_type = file->content_type,
        .cache_control = file->cache_control,
        .canned_acl = file->canned_acl,
        .loop = file->config.loop,
        .clock = file->config.clock,
        .callbacks = { on_opened, on_part_done, on_completed, on_aborted, on_troubled, on_lost },
        .context = file,
    };
    return s3_upload_create(&file->upload, &config, saved, err);
}

static int begin(struct s3_file *file, struct error *err)
{
    uint64_t bytes = 0;
    size_t part_bytes = 0;
    json_t *mark = read_bookmark(file->config.states, file->bookmark, &bytes, &part_bytes);
    const char *key = key_of(mark);
    int result = -EINVAL;
    stop_reading(file);
    for (unsigned i = 0; i < S3_FILE_BUFFERS; i++)
        file->buffers[i].number = 0;
    file->next = 1;
    file->bytes_done = 0;
    file->clearing =
        key && (strcmp(key, file->key) != 0 || bytes != file->config.bytes || part_bytes != file->part_bytes);
    if (key)
        result = open_upload(file, key, json_object_get(mark, "upload"), NULL);
    if (result < 0) { /* there is no bookmark, or a damaged one */
        file->clearing = false;
        result = open_upload(file, file->key, NULL, err);
    }
    json_decref(mark);
    if (result == 0 && file->clearing)
        s3_upload_abort(file->upload);
    return result;
}

/* In whole megabytes, so that at most S3_PARTS_MAX are enough. */
static size_t choose_part_bytes(const struct s3_file_config *config)
{
    const uint64_t megabyte = 1 << 20;
    uint64_t least = config->bytes / S3_PARTS_MAX + 1;
    uint64_t bytes = (least + megabyte - 1) / megabyte * megabyte;
    if (config->part_bytes)
        return config->part_bytes;
    return bytes > S3_FILE_PART_BYTES ? (size_t)bytes : S3_FILE_PART_BYTES;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

int s3_file_create(struct s3_file **out, const struct s3_file_config *config, struct error *err)
{
    if (config->bytes == 0)
        return error_set(err, -EINVAL, "%.200s is empty: no object of parts", config->key);
    struct s3_file *file = calloc(1, sizeof *file);
    if (!file)
        return error_set(err, -ENOMEM, "upload of %.200s", config->key);
    file->config = *config;
    file->descriptor = -1;
    file->part_bytes = choose_part_bytes(config);
    file->part_count = (unsigned)((config->bytes + file->part_bytes - 1) / file->part_bytes);
    file->key = copy(config->key);
    file->content_type = copy(config->content_type);
    file->cache_control = copy(config->cache_control);
    file->canned_acl = copy(config->canned_acl);
    file->bookmark = copy(config->bookmark);
    file->starter = loop_timer_create(config->loop, on_start, file);
    int result = 0;
    if (!file->starter || !file->key || !file->content_type || !file->cache_control || !file->canned_acl ||
        !file->bookmark)
        result = error_set(err, -ENOMEM, "upload of %.200s", config->key);
    if (result == 0 && config->states && file->bookmark[0])
        result = state_file_open(&file->state, config->states, file->bookmark, on_saved, file, err);
    if (result == 0)
        result = begin(file, err);
    if (result < 0) {
        s3_file_destroy(file);
        return result;
    }
    *out = file;
    return 0;
}

int s3_file_find(struct s3_file **out, const struct s3_file_config *config, struct error *err)
{
    struct s3_file_config found = *config;
    json_t *mark = read_bookmark(config->states, config->bookmark, &found.bytes, &found.part_bytes);
    found.key = key_of(mark);
    int result = found.key ? s3_file_create(out, &found, err)
                           : error_set(err, -ENOENT, "nothing is noted in %.200s", config->bookmark);
    json_decref(mark);
    return result;
}

void s3_file_destroy(struct s3_file *file)
{
    if (!file)
        return;
    stop_reading(file);
    s3_upload_destroy(file->upload);
    loop_timer_destroy(file->starter);
    for (unsigned i = 0; i < S3_FILE_BUFFERS; i++)
        free(file->buffers[i].data);
    free(file->key);
    free(file->content_type);
    free(file->cache_control);
    free(file->canned_acl);
    state_file_close(file->state);
    free(file->bookmark);
    free(file);
}

int s3_file_continue(struct s3_file *file, int descriptor, transfer_done *done, void *context)
{
    if (file->descriptor >= 0)
        return -EBUSY;
    if (!file->upload) {
        int result = begin(file, NULL);
        if (result < 0)
            return result;
    }
    file->descriptor = descriptor;
    file->done = done;
    file->context = context;
    file->started_ns = clock_monotonic_ns(file->config.clock);
    file->next = 1;
    s3_upload_hurry(file->upload);
    wake(file);
    return 0;
}

void s3_file_pause(struct s3_file *file)
{
    file->descriptor = -1;
    stop_reading(file);
    loop_timer_clear(file->starter);
}

void s3_file_abandon(struct s3_file *file, void (*gone)(void *context, struct s3_file *file), void *context)
{
    s3_file_pause(file);
    file->abandoned = true;
    file->gone = gone;
    file->gone_context = context;
    if (file->upload && !file->completed)
        s3_upload_abort(file->upload);
    else
        wake(file);
}

bool s3_file_is(const struct s3_file *file, const char *key, uint64_t bytes)
{
    return strcmp(file->key, key) == 0 && file->config.bytes == bytes;
}

bool s3_file_is_of(const struct s3_file *file, const char *key, const char *bookmark)
{
    return (key && strcmp(file->key, key) == 0) || (bookmark && strcmp(file->bookmark, bookmark) == 0);
}

bool s3_file_is_at_work(const struct s3_file *file)
{
    return file->descriptor >= 0;
}

uint64_t s3_file_bytes_done(const struct s3_file *file)
{
    return file->bytes_done;
}
