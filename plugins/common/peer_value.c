/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values of a plugin's own keys of [Peer] (conf/schema/keying.cddl: value). */
#include "common/peer_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 200 };

void peer_refuse(struct peer_reader *r, uint32_t at, const char *text, const char *hint)
{
	r->bad = true;
	r->host->config_error(r->host, at, text, hint);
}

void peer_refuse_value(struct peer_reader *r, const struct peer_value *value, const char *key,
	const char *what, const char *hint)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "%s = %.60s: %s", key, value->text, what);
	peer_refuse(r, value->at, text, hint);
}

bool peer_value_get(const struct peer_reader *r, const char *key, struct peer_value *out)
{
	tree_node pair = tree_get(r->keys, key);
	uint64_t at = 0;

	if (tree_kind(r->keys) != TREE_MAP || !pair || tree_kind(pair) != TREE_ARRAY)
		return false;
	if (!tree_text_copy(tree_at(pair, 0), out->text, sizeof out->text))
		return false;
	if (!tree_uint(tree_at(pair, 1), UINT32_MAX, &at))
		return false;
	out->at = (uint32_t)at;
	return true;
}

void peer_value_yes(struct peer_reader *r, const char *key, bool *out)
{
	struct peer_value value;

	if (!peer_value_get(r, key, &value))
		return;
	if (!strcmp(value.text, "yes"))
		*out = true;
	else if (!strcmp(value.text, "no"))
		*out = false;
	else
		peer_refuse_value(r, &value, key, "neither yes nor no", "");
}

bool peer_value_number(const char *text, uint64_t *out, const char **rest)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (hex ? !strchr("0123456789abcdefABCDEF", text[2]) || !text[2]
		: text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, hex ? 16 : 10);
	*rest = end;
	return !errno;
}

uint64_t peer_value_duration(const char *text)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	uint64_t number;
	const char *rest;

	if (!peer_value_number(text, &number, &rest) || number > UINT32_MAX)
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(rest, units[i].unit))
			return number * units[i].seconds;
	return 0;
}

const char *peer_value_word(const char *at, char *word, size_t cap)
{
	size_t n = 0;

	while (*at == ' ' || *at == '\t')
		at++;
	if (!*at)
		return NULL;
	for (; *at && *at != ','; at++)
		if (*at != ' ' && *at != '\t' && n + 1 < cap)
			word[n++] = *at;
	word[n] = '\0';
	return *at == ',' ? at + 1 : at;
}

int peer_secret_read(
	const struct keying_host *host, const char *peer, const char *key, struct peer_secret *out)
{
	char name[PEER_NAME_MAX + 16];

	snprintf(name, sizeof name, "%s/%s", peer, key);
	return host->secret(host, name, out->data, out->cap, &out->len);
}
