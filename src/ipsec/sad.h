/* SPDX-License-Identifier: Apache-2.0 */
/* Security association database, RFC 4301 4.4.2: inbound by prefix code, outbound by policy,
 * deadlines. */
#ifndef DIETVPN_IPSEC_SAD_H
#define DIETVPN_IPSEC_SAD_H

#include "dietvpn/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;
struct sa;
struct sad;
struct spd;
struct spi_table;

/* spis is borrowed: SPIs of inbound SAs are bound and released there. NULL: no memory. */
struct sad *sad_create(struct spi_table *spis);
void sad_destroy(struct sad *sad); /* destroys all SAs */

/*
 * Takes the SA over and gives it an id. Inbound: its SPI must have been reserved (spi_reserve), or,
 * where no bit of it travels, all raw ESP from "remote" is its own (diet-esp.md 5.2): -EINVAL
 * without an address or for another encapsulation, -EADDRINUSE beside any other inbound SA of raw
 * ESP from there. The newest outbound SA of a policy is the one used. 0, -EADDRINUSE, -EINVAL,
 * -ENOENT, -ENOSPC, -ENOMEM (then the caller still owns it).
 */
int sad_add(struct sad *sad, struct policy *policy, const struct ip_addr *remote, struct sa *sa);
void sad_remove(struct sad *sad, struct spd *spd, struct sa *sa); /* and destroys it */
struct sa *sad_find(const struct sad *sad, sa_id id);
struct sa *sad_find_inbound(const struct sad *sad, const uint8_t *wire, size_t len);
/* The SA that owns all raw ESP from this address; NULL: none. Asked before the SPI. */
struct sa *sad_find_source(const struct sad *sad, const struct ip_addr *remote);
/* Inbound, and nothing but the source address finds it. */
bool sad_has_source(const struct sa *sa);
struct sa *sad_next(const struct sad *sad, size_t *at); /* walks all; *at begins as 0 */
size_t sad_count(const struct sad *sad);

/* Earliest deadline on the host's clock, UINT64_MAX: none. */
uint64_t sad_next_deadline(const struct sad *sad);
/* The next SA whose deadline is due: its soft or hard notice is set and the deadline moves on.
 * NULL: none. */
struct sa *sad_take_due(struct sad *sad, uint64_t now_ms);

#endif
