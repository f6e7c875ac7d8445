/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, selectors and identities as the configuration writes them (RFC 7296 3.5, 3.13.1). */
#include "ikev2/rows.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

const char *addr_text(const struct ip_addr *addr, char out[WORD_LEN])
{
	if (!inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, out, WORD_LEN))
		out[0] = '\0';
	return out;
}

/* Leading bits that both have, where behind them the one is all zeros and the other all ones; -1:
 * the range is no prefix. */
static int prefix_of(const struct ip_addr *a, const struct ip_addr *b, int bits)
{
	int len = 0;

	while (len < bits && !((a->bytes[len / 8] ^ b->bytes[len / 8]) >> (7 - len % 8) & 1))
		len++;
	for (int i = len; i < bits; i++)
		if (a->bytes[i / 8] >> (7 - i % 8) & 1 || !(b->bytes[i / 8] >> (7 - i % 8) & 1))
			return -1;
	return len;
}

static size_t put_addresses(const struct ts *ts, char out[WORD_LEN])
{
	int bits = ts->addr_start.family == 4 ? 32 : 128;
	int len = prefix_of(&ts->addr_start, &ts->addr_end, bits);
	char start[WORD_LEN];
	char end[WORD_LEN];
	int n;

	addr_text(&ts->addr_start, start);
	if (len == bits)
		n = snprintf(out, WORD_LEN, "%s", start);
	else if (len >= 0)
		n = snprintf(out, WORD_LEN, "%s/%d", start, len);
	else
		n = snprintf(out, WORD_LEN, "%s-%s", start, addr_text(&ts->addr_end, end));
	return n < WORD_LEN ? (size_t)n : WORD_LEN - 1;
}

const char *ts_text(const struct ts *ts, char out[WORD_LEN])
{
	size_t n = put_addresses(ts, out);
	const char *proto = ts->ip_proto == 6 ? " tcp" : ts->ip_proto == 17 ? " udp" : NULL;

	if (proto)
		n += (size_t)snprintf(out + n, WORD_LEN - n, "%s", proto);
	else if (ts->ip_proto)
		n += (size_t)snprintf(out + n, WORD_LEN - n, " protocol %u", ts->ip_proto);
	if (n >= WORD_LEN || (!ts->port_start && ts->port_end == UINT16_MAX))
		return out;
	if (ts->port_start == ts->port_end)
		snprintf(out + n, WORD_LEN - n, " %u", ts->port_start);
	else
		snprintf(out + n, WORD_LEN - n, " %u-%u", ts->port_start, ts->port_end);
	return out;
}

const char *identity_text(struct slice body, char out[WORD_LEN])
{
	const uint8_t *data = body.data + ID_HEADER_LEN;
	size_t len = body.len - ID_HEADER_LEN;
	struct ip_addr addr = {.family = len == 4 ? 4 : 6};
	int n;

	switch (body.data[0]) {
	case ID_FQDN:
	case ID_RFC822_ADDR:
		snprintf(out, WORD_LEN, "%.*s", (int)len, (const char *)data);
		return out;
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		if (len != 4 && len != 16)
			break;
		memcpy(addr.bytes, data, len);
		return addr_text(&addr, out);
	default:
		break;
	}
	n = snprintf(out, WORD_LEN, body.data[0] == ID_KEY_ID ? "0x" : "type %u 0x", body.data[0]);
	for (size_t i = 0; i < len && n + 3 < WORD_LEN; i++)
		n += snprintf(out + n, WORD_LEN - (size_t)n, "%02x", data[i]);
	return out;
}
