/* SPDX-License-Identifier: Apache-2.0 */
/* Key exchange groups as a table: X25519 (RFC 7748, 8031) and NIST P-256 (RFC 5903). */
#include "dh.h"

#include "p256.h"
#include "secret.h"

#include <sodium.h>

#include <errno.h>
#include <string.h>

/* Lengths are checked by the callers below. */
struct dh_ops {
	int (*generate)(uint8_t *private_key);
	int (*derive)(const uint8_t *private_key, uint8_t *public_key);
	int (*compute)(const uint8_t *private_key, const uint8_t *peer_public, uint8_t *shared);
};

void dh_x25519_public(const uint8_t private_key[DH_X25519_LEN], uint8_t public_key[DH_X25519_LEN])
{
	crypto_scalarmult_base(public_key, private_key);
}

int dh_x25519_shared(const uint8_t private_key[DH_X25519_LEN],
	const uint8_t peer_public[DH_X25519_LEN], uint8_t shared[DH_X25519_LEN])
{
	/* The second look does not rely on which of the two checks the library makes. */
	if (crypto_scalarmult(shared, private_key, peer_public) == 0 &&
		!sodium_is_zero(shared, DH_X25519_LEN))
		return 0;
	sodium_memzero(shared, DH_X25519_LEN);
	return -EINVAL;
}

static int x25519_generate(uint8_t *private_key)
{
	secret_random(private_key, DH_X25519_LEN);
	return 0;
}

static int x25519_derive(const uint8_t *private_key, uint8_t *public_key)
{
	dh_x25519_public(private_key, public_key);
	return 0;
}

static const struct dh_ops x25519 = {x25519_generate, x25519_derive, dh_x25519_shared};
static const struct dh_ops p256 = {p256_random, p256_public, p256_shared};

static const struct dh_group table[] = {
	{DH_X25519, "x25519", DH_X25519_LEN, DH_X25519_LEN, DH_X25519_LEN, &x25519},
	{DH_P256, "p256", P256_LEN, P256_POINT_LEN, P256_LEN, &p256},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

const struct dh_group *dh_find(uint16_t id)
{
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}

const struct dh_group *dh_by_name(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

const struct dh_group *dh_at(size_t index)
{
	return index < ROWS ? &table[index] : NULL;
}

int dh_generate(const struct dh_group *group, uint8_t *private_key, uint8_t *public_key)
{
	int err = group->ops->generate(private_key);

	if (err == 0)
		err = group->ops->derive(private_key, public_key);
	if (err == 0)
		return 0;
	secret_wipe(private_key, group->private_len);
	secret_wipe(public_key, group->public_len);
	return -EIO;
}

int dh_public(const struct dh_group *group, const uint8_t *private_key, uint8_t *public_key)
{
	return group->ops->derive(private_key, public_key);
}

int dh_compute(const struct dh_group *group, const uint8_t *private_key, struct slice peer_public,
	uint8_t *shared)
{
	int err = -EINVAL;

	if (peer_public.len == group->public_len)
		err = group->ops->compute(private_key, peer_public.data, shared);
	if (err != 0)
		secret_wipe(shared, group->shared_len);
	return err;
}
