/* SPDX-License-Identifier: Apache-2.0 */
/* adopt on a gateway: devices with a label or a key of their own, by the daemon's enroll verbs. */
#ifndef DIETVPN_CLI_ADOPT_H
#define DIETVPN_CLI_ADOPT_H

#include "cli/cli.h"

#include <stdint.h>

/* Each returns a CLI exit status, after a complaint. */

/* The device --as has this pre-shared key, which crosses the control socket, root's alone. */
int adopt_device_psk(const struct cli *cli, const uint8_t *psk, size_t len);
/* The device --as has the key with this --fingerprint. */
int adopt_fingerprint(const struct cli *cli);
/*
 * The first device that shows its key within --seconds. Waits for it, shows the fingerprint and, on
 * a terminal, asks; "no" forgets it again.
 */
int adopt_first(const struct cli *cli);
/* --reset: forgets a device's, or a gateway's, pinned key. */
int adopt_reset(const struct cli *cli);

#endif
