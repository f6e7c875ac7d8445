/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of devices and gateways over a restart, one row each (trust.md 5.1). */
#include "ikev2/known.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROW_VERSION = 1,
	ROW_REVOKED = 1,
	ROW_PINNED = 2,
	ROW_HEAD_LEN = 8, /* version, flags, lengths of PSK and identity, generation */
	ROW_MAX =
		ROW_HEAD_LEN + SIGN_FINGERPRINT_LEN + SECRET_MAX + ID_HEADER_LEN + SETTINGS_ID_MAX,
	ROW_NAME_MAX = 2 * PEER_NAME_MAX + 16,
	AGAIN_MS = 1000,
};

static const char *folder(const struct known_table *table, enum known_kind kind)
{
	return kind == KNOWN_GATEWAY ? table->gateways : "device/";
}

/* Both keys of the table in one. */
struct known_name {
	enum known_kind kind;
	const char *name;
};

static bool name_equal(const void *value, const void *key)
{
	const struct known *known = value;
	const struct known_name *name = key;

	return known->kind == name->kind && !strcmp(known->name, name->name);
}

/* Strangers choose the names that are looked for. */
static uint64_t name_hash(const struct known_table *table, const struct known_name *name)
{
	return hash_short(table->hash_key, name->name, strlen(name->name)) ^
	       map_mix((uint64_t)name->kind + 1);
}

void known_init(struct known_table *table, const struct keying_host *host, const char *tunnel)
{
	*table = (struct known_table){.host = host};
	snprintf(table->gateways, sizeof table->gateways, "gateway/%s/", tunnel);
	list_init(&table->all);
	map_init(&table->by_name, name_equal);
	host->random(host, table->hash_key, sizeof table->hash_key);
}

static void drop(struct known_table *table, struct known *known)
{
	const struct known_name name = {known->kind, known->name};

	map_remove(&table->by_name, name_hash(table, &name), &name);
	list_remove(&known->link);
	secret_wipe(known, sizeof *known);
	free(known);
}

void known_fini(struct known_table *table)
{
	if (!table->host)
		return;
	list_each_safe (node, &table->all)
		drop(table, container_of(node, struct known, link));
	map_fini(&table->by_name);
}

struct known *known_find(const struct known_table *table, enum known_kind kind, const char *name)
{
	const struct known_name key = {kind, name};

	return map_find(&table->by_name, name_hash(table, &key), &key);
}

struct known *known_need(struct known_table *table, enum known_kind kind, const char *name)
{
	const struct known_name key = {kind, name};
	struct known *known = known_find(table, kind, name);

	if (known || strlen(name) >= sizeof known->name)
		return known;
	known = calloc(1, sizeof *known);
	if (!known)
		return NULL;
	known->kind = kind;
	strcpy(known->name, name);
	if (map_add(&table->by_name, name_hash(table, &key), known)) {
		free(known);
		return NULL;
	}
	list_append(&table->all, &known->link);
	return known;
}

bool known_is_blank(const struct known_facts *f)
{
	return !f->generation && !f->revoked && !f->pinned && !f->psk_len;
}

void known_tidy(struct known_table *table, struct known *known)
{
	if (!known->token && known_is_blank(&known->facts))
		drop(table, known);
}

static size_t row_write(const struct known_facts *f, uint8_t row[ROW_MAX])
{
	uint8_t *at = row;

	*at++ = ROW_VERSION;
	*at++ = (uint8_t)((f->revoked ? ROW_REVOKED : 0) | (f->pinned ? ROW_PINNED : 0));
	*at++ = (uint8_t)f->psk_len;
	*at++ = (uint8_t)f->id.len;
	put_be32(at, f->generation);
	at += 4;
	memcpy(at, f->fingerprint, sizeof f->fingerprint);
	at += sizeof f->fingerprint;
	memcpy(at, f->psk, f->psk_len);
	at += f->psk_len;
	memcpy(at, f->id.body, f->id.len);
	return (size_t)(at - row) + f->id.len;
}

static bool row_read(struct slice row, struct known_facts *f)
{
	const uint8_t *at = row.data;

	memset(f, 0, sizeof *f);
	if (row.len < ROW_HEAD_LEN + sizeof f->fingerprint || at[0] != ROW_VERSION ||
		at[2] > sizeof f->psk || at[3] > sizeof f->id.body ||
		row.len != ROW_HEAD_LEN + sizeof f->fingerprint + at[2] + at[3])
		return false;
	f->revoked = at[1] & ROW_REVOKED;
	f->pinned = at[1] & ROW_PINNED;
	f->psk_len = at[2];
	f->id.len = at[3];
	f->generation = get_be32(at + 4);
	at += ROW_HEAD_LEN;
	memcpy(f->fingerprint, at, sizeof f->fingerprint);
	at += sizeof f->fingerprint;
	memcpy(f->psk, at, f->psk_len);
	memcpy(f->id.body, at + f->psk_len, f->id.len);
	return true;
}

/* A row that cannot be read may have been a revocation: it is the last one. */
static void load_row(struct known_table *table, const char *row_name, struct known *known)
{
	uint8_t row[ROW_MAX];
	char text[300];
	size_t len = 0;
	int r = table->host->state_load(table->host, row_name, row, sizeof row, &len);

	if (r || !row_read((struct slice){row, len}, &known->facts)) {
		snprintf(text, sizeof text,
			"state of \"%s\" cannot be read (%s): it stays out until it is adopted "
			"or reset",
			row_name, r ? strerror(-r) : "another version");
		table->host->log(table->host, KEYING_ERROR, text);
		known->facts = (struct known_facts){.generation = UINT32_MAX, .revoked = true};
	}
	secret_wipe(row, sizeof row);
}

struct loader {
	struct known_table *table;
	enum known_kind kind;
	int error;
};

/* Only names here: the store is being read. */
static void on_row(void *context, const char *row_name)
{
	struct loader *loader = context;
	const char *name = row_name + strlen(folder(loader->table, loader->kind));

	if (strlen(name) < PEER_NAME_MAX && !known_need(loader->table, loader->kind, name))
		loader->error = -ENOMEM;
}

static void row_name(
	const struct known_table *table, const struct known *known, char out[ROW_NAME_MAX])
{
	snprintf(out, ROW_NAME_MAX, "%s%s", folder(table, known->kind), known->name);
}

int known_load(struct known_table *table)
{
	const struct keying_host *host = table->host;
	char name[ROW_NAME_MAX];

	if (table->loaded)
		return 0;
	if (table->error && host->now_ms(host) < table->again_ms)
		return table->error;
	table->again_ms = host->now_ms(host) + AGAIN_MS;
	table->error = KEYING_HOST_HAS(host, state_list) ? 0 : -ENOSYS;
	for (int kind = KNOWN_DEVICE; !table->error && kind <= KNOWN_GATEWAY; kind++) {
		struct loader loader = {table, (enum known_kind)kind, 0};

		table->error = host->state_list(host, folder(table, loader.kind), on_row, &loader);
		if (!table->error)
			table->error = loader.error;
	}
	if (table->error)
		return table->error;
	list_each (node, &table->all) {
		struct known *known = container_of(node, struct known, link);

		row_name(table, known, name);
		load_row(table, name, known);
	}
	table->loaded = true;
	return 0;
}

int known_write(struct known_table *table, struct known *known, enum known_change change,
	const struct known_facts *next)
{
	const struct keying_host *host = table->host;
	char name[ROW_NAME_MAX];
	uint8_t row[ROW_MAX];
	uint32_t token;
	int r;

	if (known->token)
		return -EBUSY;
	known->next = *next;
	token = ++table->next_token ? table->next_token : ++table->next_token;
	row_name(table, known, name);
	if (known_is_blank(&known->next)) {
		r = host->state_delete(host, name, token);
	} else {
		size_t len = row_write(&known->next, row);

		r = host->state_save(host, name, (struct slice){row, len}, token);
		secret_wipe(row, sizeof row);
	}
	if (r) {
		secret_wipe(&known->next, sizeof known->next);
		return r;
	}
	known->token = token;
	known->change = change;
	return 0;
}

struct known *known_written(struct known_table *table, uint32_t token, int error)
{
	list_each (node, &table->all) {
		struct known *known = container_of(node, struct known, link);

		if (!token || known->token != token)
			continue;
		known->token = 0;
		if (!error)
			known->facts = known->next;
		secret_wipe(&known->next, sizeof known->next);
		return known;
	}
	return NULL;
}
