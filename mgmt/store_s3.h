/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_s3.h - stores that are S3 buckets (cdn "s3") or MediaStore containers (cdn "mediastore").
 *
 * The credential's user is the access key, its password the secret key. Files in memory and small files of a disk are
 * one PUT each. A large file of a disk becomes an object in parts (mgmt/s3_file.h): nobody sees it before it is whole,
 * and when a try fails or is cancelled, the next one of the same name goes on where it ended, with a bookmark in a
 * later life too. A MediaStore container knows no parts: what is larger than it takes is refused.
 */
#pragma once
#include "mgmt/store.h"

struct s3_client;

extern const struct store_class store_s3_class;
extern const struct store_class store_mediastore_class;

/* For those who need more than put and delete; NULL: the store is of another family. */
struct s3_client *store_s3_client(struct store *store); /* borrow: as long as the store */
/* The whole key of a name (behind the last slash of the destination's URL). -EMSGSIZE: too long. */
int store_s3_key(const struct store *store, const char *name, char *out, size_t room);
