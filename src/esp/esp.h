/* SPDX-License-Identifier: Apache-2.0 */
/* Seal and open one ESP packet, RFC 4303 2 and 3.3/3.4: IV, nonce, AAD, ICV. */
#ifndef DIETVPN_ESP_ESP_H
#define DIETVPN_ESP_ESP_H

#include "base/drop.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct sa;

/* pkt: plaintext with trailer -> IV (explicit transforms), ciphertext, ICV; under sa->sequence. */
enum drop esp_seal(struct sa *sa, struct buf *pkt);
/*
 * pkt: IV, ciphertext, ICV -> plaintext with trailer. DROP_ESP_SHORT, DROP_ICV. After DROP_ICV the
 * packet's octets are gone.
 */
enum drop esp_open(struct sa *sa, uint64_t sequence, struct buf *pkt);
/* IV and ICV octets, what seal adds. */
size_t esp_overhead(const struct sa *sa);

#endif
