/* SPDX-License-Identifier: GPL-2.0-or-later */
/* error.h - a negative errno for the program and a sentence for the person on the serial console.
 *
 * Every fallible function off the hot path takes a `struct error *` last and returns 0 or a negative errno. The code is
 * chosen so that a caller can act on it; the sentence names the thing and the reason. Prefixes are added on the way up.
 * An error is a plain value on the caller's stack: nothing to free, one thread at a time. A NULL error is allowed
 * everywhere: only the sentence is lost.
 *
 *     struct error err = {0};
 *     if (port_open(&port, &cfg, &err) < 0)
 *         return error_wrap(&err, "node %u", node);   // "node 1: port 0000:81:00.0: no such device"
 */
#pragma once
#include <stddef.h>

enum { ERROR_TEXT_BYTES = 512 };

struct error {
    int code;                    /* 0 or a negative errno */
    char text[ERROR_TEXT_BYTES]; /* sentence, always terminated; cut when too long */
};

/* Sets code and sentence; returns code, so that `return error_set(...)` reads well. code must be negative. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set with ": " and the errno's own words behind the sentence. */
int error_set_errno(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the sentence; returns the code that err holds (-EINVAL if err is NULL). */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
