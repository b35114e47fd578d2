/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to the data plane's socket: every one gets an answer that holds together. Tried as it comes, and with a
 * right head in front. */
#include <stdlib.h>
#include <string.h>

#include "board/message_socket.h"
#include "dataplane/attach_format.h"
#include "dataplane/attach_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct input_runtime *find(void *context, const char *name)
{
    return strcmp(name, "news") == 0 ? context : NULL;
}

static int print_status(void *context, char *text, size_t bytes)
{
    (void)context;
    memset(text, ' ', bytes);
    return (int)bytes;
}

static void ask(const void *message, size_t size)
{
    static char reply[MESSAGE_BYTES_MAX];
    struct attach_reply head;
    const struct input_runtime *input;
    int some_input;
    struct attach_server_config config = { .context = &some_input, .find = find, .status = print_status };
    size_t bytes = attach_server_answer(&config, message, size, reply, &input);
    memcpy(&head, reply, sizeof head);
    if (bytes < sizeof head || bytes > sizeof reply || head.magic != ATTACH_MAGIC || head.code > 0 ||
        head.text_bytes != bytes - sizeof head || (input && head.code))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attach_request request = { .magic = ATTACH_MAGIC, .version = ATTACH_VERSION };
    ask(data, size);
    memcpy(&request.type, data, size < 66 ? size : 66);
    ask(&request, sizeof request);
    return 0;
}
