/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices find this gateway: what the operator says, or else an address that it has. */
#ifndef DIETVPN_CLI_ENDPOINT_H
#define DIETVPN_CLI_ENDPOINT_H

#include "cli/cli.h"

#include <stdint.h>

/*
 * --endpoint with port where it has none; without it the address that packets to elsewhere would
 * leave from, and a note that this is a guess. cap: at least URI_HOST_MAX + 8. A CLI exit status,
 * after a complaint.
 */
int endpoint_choose(const struct cli *cli, uint16_t port, char *out, size_t cap);

#endif
