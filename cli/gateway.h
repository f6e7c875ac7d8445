/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway hands to its devices: its files, its daemon and its master key put together. */
#ifndef DIETVPN_CLI_GATEWAY_H
#define DIETVPN_CLI_GATEWAY_H

#include "cli/cli.h"
#include "cli/uri.h"

struct gateway;

/*
 * The tunnel with a Master: --tunnel, or the only one. Reads its master key, so it takes root or
 * the daemon's user. A CLI exit status, after a complaint.
 */
int gateway_open(const struct cli *cli, struct gateway **out);
void gateway_close(struct gateway *gateway); /* wipes; NULL is fine */
/*
 * All that the device of this identity needs. Generation and address are the daemon's; where none
 * runs and none has ever kept state, they are those of a first enrolment. A device of a prefix with
 * fewer than 64 host bits asks for its address. No secret crosses the
 * control socket: the key is derived here. The caller wipes *out. A CLI exit status, after a
 * complaint.
 */
int gateway_enrol(struct gateway *gateway, const char *id, struct enrolment *out);

#endif
