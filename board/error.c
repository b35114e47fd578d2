/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "board/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    err->code = code;
    return code;
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    size_t used = strlen(err->text);
    char words[128] = "";
    /* the GNU strerror_r may answer with a constant string instead of filling the buffer */
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror_r(-code, words, sizeof words));
    err->code = code;
    return code;
}

int error_wrap(struct error *err, const char *format, ...)
{
    if (!err)
        return -EINVAL;
    char prefix[ERROR_TEXT_BYTES / 2], prefixed[2 * ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    snprintf(prefixed, sizeof prefixed, "%s: %s", prefix, err->text);
    prefixed[ERROR_TEXT_BYTES - 1] = '\0';
    memcpy(err->text, prefixed, ERROR_TEXT_BYTES);
    return err->code;
}
