/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address resolution and membership queries from the network: any bytes, answered with a frame of ours or not at all.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/membership.h"
#include "dataplane/neighbour.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hardware[6] = { 2, 0, 0, 0, 0, 1 };
    struct neighbour own;
    struct cidr addresses[2];
    uint8_t reply[NEIGHBOUR_FRAME_BYTES];
    interface_address_parse("10.1.2.3/24", &addresses[0], NULL);
    interface_address_parse("fd00::3/64", &addresses[1], NULL);
    neighbour_set(&own, hardware, addresses, 2);
    uint8_t *frame = malloc(size ? size : 1);
    memcpy(frame, data, size);
    size_t bytes = neighbour_answer(&own, frame, size, reply);
    if (bytes > sizeof reply || (bytes && memcmp(reply + 6, hardware, 6) != 0))
        abort();
    membership_is_query(frame, size);
    free(frame);
    return 0;
}
