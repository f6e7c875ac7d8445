/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a packet whose number came as a few low bits, and looks a bounded way ahead where packets
 * were lost (diet-esp.md section 5.1).
 */
#ifndef DIETVPN_IPSEC_RESYNC_H
#define DIETVPN_IPSEC_RESYNC_H

#include "base/drop.h"

#include <stdint.h>

struct batch_item;
struct ipsec;
struct sa;

/*
 * item->pkt: IV, ciphertext, ICV -> plaintext with trailer, as esp_open. *sequence: in the number
 * that its low bits mean, out the one that verified. Further numbers are tried only for packets
 * from where the peer is, at the cost of the SA's tries (sa_take_try); while packets fail one after
 * the other, ever further ones, so that an SA outlives any silence. The window is checked, not
 * moved. DROP_REPLAY_*, DROP_ESP_SHORT, DROP_ICV, DROP_CRYPTO.
 */
enum drop resync_open(struct ipsec *ipsec, struct sa *sa, struct batch_item *item, uint64_t now_ms,
	uint64_t *sequence);

#endif
