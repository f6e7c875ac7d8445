/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selector payloads: cut, written, narrowed (RFC 7296 2.9 and 3.13). */
#include "ikev2/payload_ts.h"

#include "base/wire.h"

#include <string.h>

enum { TS_HEADER_LEN = 4, SELECTOR_HEADER_LEN = 8 };

static size_t address_len(uint8_t type)
{
	return type == TS_IPV4_ADDR_RANGE ? 4 : 16;
}

static bool is_known(uint8_t type)
{
	return type == TS_IPV4_ADDR_RANGE || type == TS_IPV6_ADDR_RANGE;
}

static bool selector_valid(const uint8_t *at, size_t len)
{
	size_t addr = address_len(at[0]);

	if (!is_known(at[0]))
		return true;
	if (len != SELECTOR_HEADER_LEN + 2 * addr)
		return false;
	return memcmp(at + SELECTOR_HEADER_LEN, at + SELECTOR_HEADER_LEN + addr, addr) <= 0;
}

bool payload_ts_valid(struct slice body)
{
	const uint8_t *at;
	size_t left;

	if (body.len < TS_HEADER_LEN || !body.data[0])
		return false;
	at = body.data + TS_HEADER_LEN;
	left = body.len - TS_HEADER_LEN;
	for (unsigned i = 0; i < body.data[0]; i++) {
		size_t len;

		if (left < SELECTOR_HEADER_LEN)
			return false;
		len = get_be16(at + 2);
		if (len < SELECTOR_HEADER_LEN || len > left || !selector_valid(at, len))
			return false;
		at += len;
		left -= len;
	}
	return !left;
}

/* OPAQUE (start 65535, end 0) stands for fragments, which the data path does not select. */
static bool parse_selector(const uint8_t *at, struct ts *out)
{
	size_t addr = address_len(at[0]);

	if (!is_known(at[0]))
		return false;
	*out = (struct ts){
		.ip_proto = at[1], .port_start = get_be16(at + 4), .port_end = get_be16(at + 6)};
	out->addr_start.family = out->addr_end.family = addr == 4 ? 4 : 6;
	memcpy(out->addr_start.bytes, at + SELECTOR_HEADER_LEN, addr);
	memcpy(out->addr_end.bytes, at + SELECTOR_HEADER_LEN + addr, addr);
	return out->port_start <= out->port_end;
}

void payload_ts_parse(struct slice body, struct selectors *out, bool *all)
{
	const uint8_t *at = body.data + TS_HEADER_LEN;

	out->n = 0;
	*all = true;
	for (unsigned i = 0; i < body.data[0]; i++) {
		if (out->n == TS_MAX || !parse_selector(at, &out->list[out->n]))
			*all = false;
		else
			out->n++;
		at += get_be16(at + 2);
	}
}

void payload_ts_add(
	struct payload_writer *w, enum payload_type type, const struct selectors *selectors)
{
	size_t at = payload_begin(w, type);

	payload_put32(w, (uint32_t)selectors->n << 24);
	for (unsigned i = 0; i < selectors->n; i++) {
		const struct ts *ts = &selectors->list[i];
		size_t addr = ts->addr_start.family == 4 ? 4 : 16;

		payload_put8(w, addr == 4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		payload_put8(w, ts->ip_proto);
		payload_put16(w, (uint16_t)(SELECTOR_HEADER_LEN + 2 * addr));
		payload_put16(w, ts->port_start);
		payload_put16(w, ts->port_end);
		payload_put(w, ts->addr_start.bytes, addr);
		payload_put(w, ts->addr_end.bytes, addr);
	}
	payload_end(w, at);
}

static const struct ip_addr *higher(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) < 0 ? b : a;
}

static const struct ip_addr *lower(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) > 0 ? b : a;
}

static bool intersect(const struct ts *a, const struct ts *b, struct ts *out)
{
	if (a->addr_start.family != b->addr_start.family ||
		(a->ip_proto && b->ip_proto && a->ip_proto != b->ip_proto))
		return false;
	out->ip_proto = a->ip_proto ? a->ip_proto : b->ip_proto;
	out->port_start = a->port_start > b->port_start ? a->port_start : b->port_start;
	out->port_end = a->port_end < b->port_end ? a->port_end : b->port_end;
	out->addr_start = *higher(&a->addr_start, &b->addr_start);
	out->addr_end = *lower(&a->addr_end, &b->addr_end);
	return out->port_start <= out->port_end &&
	       memcmp(out->addr_start.bytes, out->addr_end.bytes, sizeof out->addr_end.bytes) <= 0;
}

static bool equal(const struct ts *a, const struct ts *b)
{
	return a->ip_proto == b->ip_proto && a->port_start == b->port_start &&
	       a->port_end == b->port_end && a->addr_start.family == b->addr_start.family &&
	       !memcmp(a->addr_start.bytes, b->addr_start.bytes, sizeof a->addr_start.bytes) &&
	       !memcmp(a->addr_end.bytes, b->addr_end.bytes, sizeof a->addr_end.bytes);
}

static bool covers(const struct selectors *list, const struct ts *ts)
{
	struct ts common;

	for (unsigned i = 0; i < list->n; i++)
		if (intersect(&list->list[i], ts, &common) && equal(&common, ts))
			return true;
	return false;
}

/* A wider one swallows those that it covers: RFC 7296 2.9 has the packet's own one stand first. */
static void add(struct selectors *out, const struct ts *ts)
{
	const struct selectors one = {{*ts}, 1};
	uint8_t kept = 0;

	if (covers(out, ts))
		return;
	for (unsigned i = 0; i < out->n; i++)
		if (!covers(&one, &out->list[i]))
			out->list[kept++] = out->list[i];
	out->n = kept;
	if (out->n < TS_MAX)
		out->list[out->n++] = *ts;
}

bool selectors_narrow(
	const struct selectors *offered, const struct selectors *allowed, struct selectors *out)
{
	struct ts common;

	out->n = 0;
	for (unsigned i = 0; i < offered->n; i++)
		for (unsigned k = 0; k < allowed->n; k++)
			if (intersect(&offered->list[i], &allowed->list[k], &common))
				add(out, &common);
	return out->n;
}

bool selectors_within(const struct selectors *in, const struct selectors *outer)
{
	for (unsigned i = 0; i < in->n; i++)
		if (!covers(outer, &in->list[i]))
			return false;
	return in->n;
}
