/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes from which somebody has authenticated; a part of what a responder can do at once is for
 * them (trust.md 4.3). */
#include "ikev2/familiar.h"

#include "base/wire.h"

#include <string.h>

/* A row that is lost costs nothing but the privilege: nobody waits for it. */
enum { PREFIX_LEN = 8, SAVED_MAX = 500, SAVE_EVERY_MS = 600000, NO_TOKEN = 0 };

static const char row_name[] = "prefixes";

uint64_t familiar_prefix(const struct ip_addr *addr)
{
	uint8_t octets[PREFIX_LEN] = {addr->family};

	memcpy(octets + 1, addr->bytes, addr->family == 4 ? FAMILIAR_PREFIX_4 : FAMILIAR_PREFIX_6);
	return get_be64(octets);
}

static size_t slot_of(const struct familiar *f, uint64_t prefix)
{
	return hash_short(f->hash_key, &prefix, sizeof prefix) % FAMILIAR_SLOTS;
}

void familiar_init(struct familiar *f, const struct keying_host *host,
	const uint8_t hash_key[HASH_SHORT_KEY_LEN])
{
	uint8_t row[SAVED_MAX * PREFIX_LEN];
	size_t len = 0;

	f->host = host;
	f->hash_key = hash_key;
	f->save_ms = host->now_ms(host) + SAVE_EVERY_MS;
	if (host->state_load(host, row_name, row, sizeof row, &len))
		return;
	for (size_t i = 0; i + PREFIX_LEN <= len; i += PREFIX_LEN) {
		uint64_t prefix = get_be64(row + i);

		f->prefixes[slot_of(f, prefix)] = prefix;
	}
}

bool familiar_has(const struct familiar *f, const struct ip_addr *addr)
{
	uint64_t prefix = familiar_prefix(addr);

	return f->prefixes[slot_of(f, prefix)] == prefix;
}

void familiar_save(struct familiar *f)
{
	uint8_t row[SAVED_MAX * PREFIX_LEN];
	size_t len = 0;

	if (!f->changed)
		return;
	for (size_t i = 0; i < FAMILIAR_SLOTS && len < sizeof row; i++)
		if (f->prefixes[i]) {
			put_be64(row + len, f->prefixes[i]);
			len += PREFIX_LEN;
		}
	f->host->state_save(f->host, row_name, (struct slice){row, len}, NO_TOKEN);
	f->changed = false;
	f->save_ms = f->host->now_ms(f->host) + SAVE_EVERY_MS;
}

void familiar_add(struct familiar *f, const struct ip_addr *addr)
{
	uint64_t prefix = familiar_prefix(addr);
	uint64_t *slot = &f->prefixes[slot_of(f, prefix)];

	if (*slot != prefix)
		f->changed = true;
	*slot = prefix;
	if (f->host->now_ms(f->host) >= f->save_ms)
		familiar_save(f);
}
