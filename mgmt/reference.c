/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/reference.h"

#include "mgmt/box.h"
#include "mgmt/channel.h"
#include "mgmt/credentials.h"
#include "mgmt/network.h"

void reference_print(FILE *stream)
{
    fputs("# Configuration\n\n"
          "The configuration folder (`--config`, usually `/etc/biplane`) holds `box.cfg`, one `channels.d/<name>.cfg` "
          "for "
          "each channel,\nthe credentials file, and on a box made from an image network.cfg. All are in libconfig's "
          "syntax; examples stand in `docs/examples/`. "
          "`biplanectl check DIR` reads and\nchecks a folder, `biplanectl reload` applies what differs: a channel that "
          "runs and was changed is restarted, others are not\ntouched, and with any problem nothing is changed. This "
          "page "
          "is printed by `biplaned --print-reference`.\n\n",
          stream);
    settings_print_reference(&box_settings, stream);
    settings_print_reference(&channel_settings, stream);
    settings_print_reference(&network_settings, stream);
    settings_print_reference(&credentials_settings, stream);
}
