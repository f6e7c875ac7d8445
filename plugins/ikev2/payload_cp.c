/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration payload: cut and written (RFC 7296 3.15). */
#include "ikev2/payload_cp.h"

#include "base/wire.h"

#include <string.h>

enum {
	HEADER_LEN = 4,
	ATTRIBUTE_LEN = 4,
	TYPE_MASK = 0x7fff, /* the first bit is reserved */
	IP4_LEN = 4,
	IP6_LEN = 16,
	IP6_PREFIX_LEN = 17, /* address and prefix length */
	IP6_HOST = 128,
};

static struct ip_addr address_of(uint8_t family, const uint8_t *octets)
{
	struct ip_addr addr = {.family = family};

	memcpy(addr.bytes, octets, family == 4 ? IP4_LEN : IP6_LEN);
	return addr;
}

/* Empty: any. A value of another length is none that we understand. */
static void read_address(struct cp *out, enum family_index which, struct slice value)
{
	size_t whole = which == INNER_IPV4 ? IP4_LEN : IP6_PREFIX_LEN;

	if (out->has[which] || (value.len && value.len != whole))
		return;
	out->has[which] = true;
	if (value.len)
		out->address[which] = address_of(which == INNER_IPV4 ? 4 : 6, value.data);
}

static void read_dns(struct cp *out, uint8_t family, struct slice value)
{
	if (value.len == (size_t)(family == 4 ? IP4_LEN : IP6_LEN) && out->n_dns < CP_DNS_MAX)
		out->dns[out->n_dns++] = address_of(family, value.data);
}

static void read_attribute(struct cp *out, uint16_t type, struct slice value)
{
	switch (type) {
	case INTERNAL_IP4_ADDRESS:
		read_address(out, INNER_IPV4, value);
		break;
	case INTERNAL_IP6_ADDRESS:
		read_address(out, INNER_IPV6, value);
		break;
	case INTERNAL_IP4_DNS:
		read_dns(out, 4, value);
		break;
	case INTERNAL_IP6_DNS:
		read_dns(out, 6, value);
		break;
	case INTERNAL_IP4_SUBNET:
	case INTERNAL_IP6_SUBNET:
		if (value.len && out->subnets < UINT8_MAX)
			out->subnets++;
		break;
	default:
		break;
	}
}

void payload_cp_parse(struct slice body, struct cp *out)
{
	size_t at = HEADER_LEN;

	*out = (struct cp){.type = body.data[0]};
	while (at < body.len) {
		uint16_t type = get_be16(body.data + at) & TYPE_MASK;
		uint16_t len = get_be16(body.data + at + 2);

		at += ATTRIBUTE_LEN;
		read_attribute(out, type, (struct slice){body.data + at, len});
		at += len;
	}
}

static void put_address(
	struct payload_writer *w, enum family_index which, const struct ip_addr *addr)
{
	bool ip4 = which == INNER_IPV4;
	size_t len = ip4 ? IP4_LEN : IP6_PREFIX_LEN;

	payload_put16(w, ip4 ? INTERNAL_IP4_ADDRESS : INTERNAL_IP6_ADDRESS);
	payload_put16(w, addr->family ? (uint16_t)len : 0);
	if (!addr->family)
		return;
	payload_put(w, addr->bytes, ip4 ? IP4_LEN : IP6_LEN);
	if (!ip4)
		payload_put8(w, IP6_HOST);
}

void payload_cp_add(struct payload_writer *w, const struct cp *cp)
{
	size_t at = payload_begin(w, PAYLOAD_CP);

	payload_put32(w, (uint32_t)cp->type << 24);
	for (int i = 0; i < INNER_FAMILIES; i++)
		if (cp->has[i])
			put_address(w, (enum family_index)i, &cp->address[i]);
	payload_end(w, at);
}
