/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_folder.h - a folder of this machine, or one that is mounted here: "file:///srv/live/news".
 *
 * A file is written under a hidden temporary name beside its place, synced, and renamed: who looks there sees whole
 * files only. A thread of the store's own does it, so that a disk or a network file system that hangs holds up this
 * destination only: what makes no progress within the connection's timeout fails, and nothing new is begun until the
 * thread has come back.
 */
#pragma once
#include "mgmt/store.h"

extern const struct store_class store_folder_class;
