/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway knows of an enrolled device without storing it: its PSK (RFC 5869) and address. */
#include "enrol.h"

#include "base/wire.h"
#include "hash.h"
#include "secret.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char psk_label[] = "dietvpn psk v1";
static const char address_label[] = "dietvpn address v1";

enum {
	LABEL_MAX = sizeof(address_label), /* with its final 0x00 */
	INFO_MAX = LABEL_MAX + 4 + ENROL_ID_MAX,
};

static bool id_ok(struct slice id)
{
	return id.len > 0 && id.len <= ENROL_ID_MAX;
}

/* label | 0x00 | number | id; label_len counts the 0x00. */
static struct slice info_of(
	uint8_t info[INFO_MAX], struct slice label, uint32_t number, struct slice id)
{
	memcpy(info, label.data, label.len);
	put_be32(info + label.len, number);
	memcpy(info + label.len + 4, id.data, id.len);
	return (struct slice){info, label.len + 4 + id.len};
}

int enrol_master(struct slice text, uint8_t master[ENROL_MASTER_MAX], size_t *len)
{
	const char *base64 = (const char *)text.data;

	if (!secret_from_base64(base64, text.len, master, ENROL_MASTER_MAX, len) &&
		*len >= ENROL_MASTER_MIN)
		return 0;
	secret_wipe(master, ENROL_MASTER_MAX);
	return -EINVAL;
}

int enrol_psk(struct slice master, struct slice id, uint32_t generation, uint8_t psk[ENROL_PSK_LEN])
{
	const struct slice label = {(const uint8_t *)psk_label, sizeof(psk_label)};
	uint8_t info[INFO_MAX], prk[HASH_SHA256_LEN];

	if (!id_ok(id) || master.len < ENROL_MASTER_MIN)
		return -EINVAL;
	hash_hkdf_extract((struct slice){0}, master, prk);
	hash_hkdf_expand(prk, info_of(info, label, generation, id), psk, ENROL_PSK_LEN);
	secret_wipe(prk, sizeof(prk));
	return 0;
}

static void address_digest(struct slice id, uint32_t probe, uint8_t digest[HASH_SHA256_LEN])
{
	const struct slice label = {(const uint8_t *)address_label, sizeof(address_label)};
	uint8_t info[INFO_MAX];

	hash_sha256(info_of(info, label, probe, id), digest);
}

static unsigned addr_bits(const struct ip_addr *a)
{
	return a->family == 6 ? 128 : a->family == 4 ? 32 : 0;
}

/* The address without its last host_bits, which are at most 64 of them. */
static struct ip_addr network_of(const struct enrol_pool *pool)
{
	struct ip_addr out = {.family = pool->prefix.family};

	for (unsigned i = 0; i < pool->prefix_len; i++)
		out.bytes[i / 8] |= (uint8_t)(pool->prefix.bytes[i / 8] & 0x80u >> i % 8);
	return out;
}

/* Adds host, whose bits the network leaves clear, to the last octets. */
static void put_host(struct ip_addr *a, uint64_t host)
{
	unsigned end = addr_bits(a) / 8;

	for (unsigned i = 0; i < 8 && i < end; i++, host >>= 8)
		a->bytes[end - 1 - i] |= (uint8_t)host;
}

static bool same(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, addr_bits(a) / 8) == 0;
}

/* IANA's "Reserved IPv6 Interface Identifiers" (RFC 5453). */
static bool iid_reserved(uint64_t iid)
{
	return iid == 0 || (iid >= 0x02005efffe000000 && iid <= 0x02005efffeffffff) ||
	       (iid >= 0xfdffffffffffff80 && iid <= 0xfdffffffffffffff);
}

/* A digest holds four identifiers; that none of them will do happens to nobody. */
static int hashed_iid(
	const struct enrol_pool *pool, struct slice id, uint32_t probe, struct ip_addr *out)
{
	uint8_t digest[HASH_SHA256_LEN];

	address_digest(id, probe, digest);
	for (size_t at = 0; at < sizeof(digest); at += 8) {
		struct ip_addr a = network_of(pool);

		put_host(&a, get_be64(digest + at));
		if (iid_reserved(get_be64(digest + at)) || same(&a, &pool->gateway))
			continue;
		*out = a;
		return 0;
	}
	return -ENOSPC;
}

/* Where in the pool the gateway is; false: not in it. */
static bool gateway_host(const struct enrol_pool *pool, uint64_t host_mask, uint64_t *host)
{
	const struct ip_addr *gw = &pool->gateway;
	struct enrol_pool its = {.prefix = *gw, .prefix_len = pool->prefix_len};
	struct ip_addr ours = network_of(pool);

	if (gw->family != pool->prefix.family)
		return false;
	its.prefix = network_of(&its);
	*host = (gw->family == 6 ? get_be64(gw->bytes + 8) : get_be32(gw->bytes)) & host_mask;
	return same(&its.prefix, &ours);
}

/* Fewer than 64 host bits: usable hosts are first..last without the gateway's own. */
static int counted_host(
	const struct enrol_pool *pool, struct slice id, uint32_t probe, struct ip_addr *out)
{
	unsigned bits = addr_bits(&pool->prefix) - pool->prefix_len;
	uint64_t mask = ((uint64_t)1 << bits) - 1;
	uint64_t first = bits > 1 ? 1 : 0;
	uint64_t last = bits > 1 && pool->prefix.family == 4 ? mask - 1 : mask;
	uint64_t gateway = 0, usable = last - first + 1, host;
	uint8_t digest[HASH_SHA256_LEN];
	bool skip = gateway_host(pool, mask, &gateway) && gateway >= first && gateway <= last;

	usable -= skip;
	if (probe >= usable)
		return -ENOSPC;
	address_digest(id, 0, digest);
	host = first + (get_be64(digest) % usable + probe) % usable;
	host += skip && host >= gateway;
	*out = network_of(pool);
	put_host(out, host);
	return 0;
}

int enrol_address(
	const struct enrol_pool *pool, struct slice id, uint32_t probe, struct ip_addr *out)
{
	unsigned bits = addr_bits(&pool->prefix);

	if (!id_ok(id) || bits == 0 || pool->prefix_len > bits)
		return -EINVAL;
	return bits - pool->prefix_len >= 64 ? hashed_iid(pool, id, probe, out)
					     : counted_host(pool, id, probe, out);
}
