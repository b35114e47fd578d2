/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/origin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"
#include "tools/origincheck/address.h"

static const struct origin_class *const classes[] = { &origin_http, &origin_s3, &origin_folder };

static const struct origin_class *class_of(const char *address)
{
    for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++)
        for (unsigned k = 0; k < 3 && classes[i]->schemes[k]; k++)
            if (!strncmp(address, classes[i]->schemes[k], strlen(classes[i]->schemes[k])))
                if (*classes[i]->schemes[k] || !address_has_scheme(address))
                    return classes[i];
    return NULL;
}

int origin_open(struct origin **out, const struct origin_config *config, struct error *err)
{
    char shown[ADDRESS_BYTES];
    const struct origin_class *class = config->mediastore ? &origin_s3 : class_of(config->address);
    if (!class)
        return error_set(err, -EINVAL, "%.200s: want http://, https://, s3://, file:// or a path",
                         address_shown(shown, config->address));
    return class->open(out, config, err);
}

void origin_close(struct origin *origin)
{
    if (origin)
        origin->class->close(origin);
}

void origin_get(struct origin *origin, const struct origin_request *request, struct origin_answer *answer)
{
    *answer = (struct origin_answer){ .outcome = ORIGIN_FAILED };
    origin->class->get(origin, request, answer);
}

void origin_list(struct origin *origin, const char *prefix, origin_on_listed *on_listed, void *context,
                 struct origin_answer *answer)
{
    *answer = (struct origin_answer){ .outcome = ORIGIN_FAILED };
    origin->class->list(origin, prefix, on_listed, context, answer);
}

void origin_answer_free(struct origin_answer *answer)
{
    free(answer->data);
    answer->data = NULL;
}

void origin_failed(struct origin_answer *answer, enum origin_outcome outcome, const char *address, const char *format,
                   ...)
{
    char shown[ADDRESS_BYTES], reason[OBSERVATION_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    address_shown(shown, address);
    size_t length = strlen(shown), keep = 96; /* its end tells more than its beginning */
    snprintf(answer->text, sizeof answer->text, "%.96s: %.90s", length > keep ? shown + length - keep : shown, reason);
    answer->outcome = outcome;
}
