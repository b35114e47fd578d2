/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.h - what this is, for people and programs that ask. */
#pragma once

#define BIPLANE_VERSION "0.1"
