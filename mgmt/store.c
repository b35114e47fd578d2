/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/store.h"

#include "mgmt/store_akamai.h"
#include "mgmt/store_folder.h"
#include "mgmt/store_http.h"
#include "mgmt/store_s3.h"
#include "mgmt/store_webdav.h"

static const struct store_class *const classes[] = {
    [CDN_BASIC_PUT] = &store_http_class,        [CDN_FOLDER] = &store_folder_class, [CDN_S3] = &store_s3_class,
    [CDN_MEDIASTORE] = &store_mediastore_class, [CDN_WEBDAV] = &store_webdav_class, [CDN_AKAMAI] = &store_akamai_class,
};

const struct store_class *store_class_of(unsigned cdn)
{
    return classes[cdn];
}

int store_create(struct store **out, const struct store_config *config, struct error *err)
{
    const struct store_class *class = store_class_of(config->connection->cdn);
    int result = class->create(out, config, err);
    if (result == 0)
        (*out)->class = class;
    return result;
}

void store_destroy(struct store *store)
{
    if (store)
        store->class->destroy(store);
}

unsigned store_free(const struct store *store)
{
    return store->class->free(store);
}

int store_start(struct store *store, const struct store_request *request, struct store_task **out, struct error *err)
{
    return store->class->start(store, request, out, err);
}

void store_cancel(struct store *store, struct store_task *task)
{
    store->class->cancel(store, task);
}

bool store_forget(struct store *store, const char *name, const char *bookmark)
{
    if (store->class->forget)
        store->class->forget(store, name, bookmark);
    return store->class->forget != NULL;
}
