/* SPDX-License-Identifier: Apache-2.0 */
/* NAT detection: hashes of addresses and ports in IKE_SA_INIT (RFC 7296 2.23). */
#include "ikev2/ikev2.h"

#include "base/wire.h"

#include <string.h>

static int hash_of(const uint8_t *spis, const struct ip_endpoint *e, uint8_t out[HASH_SHA1_LEN])
{
	uint8_t text[2 * IKE_SPI_LEN + 16 + 2];
	size_t addr = e->addr.family == 4 ? 4 : 16;
	size_t n = (size_t)2 * IKE_SPI_LEN;

	memcpy(text, spis, n);
	memcpy(text + n, e->addr.bytes, addr);
	put_be16(text + n + addr, e->port);
	return hash_sha1((struct slice){text, n + addr + 2}, out);
}

/* A hash of nothing, where our address is not known or encapsulation is wanted, says "translated".
 */
void nat_add(struct keying *k, struct payload_writer *w, const uint8_t spis[2 * IKE_SPI_LEN],
	const struct way *way, bool forge)
{
	uint8_t hash[HASH_SHA1_LEN];

	if (forge || !way->local.addr.family || hash_of(spis, &way->local, hash))
		k->host->random(k->host, hash, sizeof hash);
	payload_add_notify(w, NAT_DETECTION_SOURCE_IP, (struct slice){hash, sizeof hash});
	if (hash_of(spis, &way->remote, hash))
		k->host->random(k->host, hash, sizeof hash);
	payload_add_notify(w, NAT_DETECTION_DESTINATION_IP, (struct slice){hash, sizeof hash});
}

/* There may be several of the source: any of them may be the one (RFC 7296 2.23). */
static bool differs(const struct payloads *p, uint16_t type, const uint8_t hash[HASH_SHA1_LEN])
{
	bool any = false;

	for (size_t i = 0; i < p->n_notify; i++) {
		const struct notify *n = &p->notify[i];

		if (n->type != type)
			continue;
		if (n->data.len == HASH_SHA1_LEN && !memcmp(n->data.data, hash, HASH_SHA1_LEN))
			return false;
		any = true;
	}
	return any;
}

bool nat_seen(const struct keying *k, const struct payloads *p, const uint8_t spis[2 * IKE_SPI_LEN],
	const struct way *way)
{
	uint8_t hash[HASH_SHA1_LEN];

	(void)k;
	if (hash_of(spis, &way->remote, hash) || differs(p, NAT_DETECTION_SOURCE_IP, hash))
		return true;
	if (!way->local.addr.family)
		return false;
	return hash_of(spis, &way->local, hash) || differs(p, NAT_DETECTION_DESTINATION_IP, hash);
}
