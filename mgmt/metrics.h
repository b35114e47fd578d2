/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.h - counters as Prometheus reads them: every number of a JSON tree, named by its path.
 *
 *     {"channels": [{"name": "news", "pipelines": [{"pipeline": 0, "segments": 7}]}]}
 * is
 *     biplane_channels_pipelines_segments{channels="news",pipelines="0"} 7
 */
#pragma once
#include <jansson.h>

char *metrics_text(const json_t *counters); /* give (free); NULL: no memory */
