/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and endpoints as text (RFC 4291 2.2, RFC 5952), as ranges and as sockaddr. */
#include "ip/addr.h"

#include "base/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct ip_addr ip_addr_from(uint8_t family, const uint8_t *bytes)
{
	struct ip_addr a = {.family = family};

	memcpy(a.bytes, bytes, ip_addr_len(&a));
	return a;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_compare(a, b) == 0;
}

int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_addr_len(a));
}

bool ip_addr_is_any(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, ip_addr_len(a)) == 0;
}

bool ip_addr_is_link_local(const struct ip_addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == 4)
		return b[0] == 169 && b[1] == 254;
	if (a->family != 6)
		return false;
	return (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || (b[0] == 0xff && b[1] == 0x02);
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
	if (a->family == 4)
		return (a->bytes[0] & 0xf0) == 0xe0;
	return a->family == 6 && a->bytes[0] == 0xff;
}

bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b)
{
	return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

int ip_addr_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr a = {.family = strchr(text, ':') ? 6 : 4};

	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.bytes) != 1)
		return -EINVAL;
	*out = a;
	return 0;
}

/* A decimal number from 0 to max with nothing before or behind it. */
static int parse_number(const char *text, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (!*text)
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(*p - '0');
		if (n > max || p - text > 5)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

/* text[0..len) as an address. */
static int parse_part(const char *text, size_t len, struct ip_addr *out)
{
	char part[IP_ADDR_TEXT];

	if (len >= sizeof part)
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = 0;
	return ip_addr_parse(part, out);
}

int ip_prefix_parse(const char *text, struct ip_prefix *out)
{
	const char *slash = strchr(text, '/');
	struct ip_prefix p = {0};
	unsigned bits;
	unsigned len;

	if (parse_part(text, slash ? (size_t)(slash - text) : strlen(text), &p.addr))
		return -EINVAL;
	bits = (unsigned)ip_addr_len(&p.addr) * 8;
	len = bits;
	if (slash && parse_number(slash + 1, bits, &len))
		return -EINVAL;
	p.len = (uint8_t)len;
	*out = p;
	return 0;
}

static int parse_bracketed(const char *text, struct ip_endpoint *out)
{
	const char *end = strchr(text, ']');
	unsigned port = 0;

	if (!end || parse_part(text + 1, (size_t)(end - text - 1), &out->addr))
		return -EINVAL;
	if (out->addr.family != 6 || (end[1] && end[1] != ':'))
		return -EINVAL;
	if (end[1] && parse_number(end + 2, UINT16_MAX, &port))
		return -EINVAL;
	out->port = (uint16_t)port;
	return 0;
}

static int parse_plain(const char *text, struct ip_endpoint *out)
{
	const char *colon = strchr(text, ':');
	unsigned port = 0;

	if (!colon || strchr(colon + 1, ':'))
		return ip_addr_parse(text, &out->addr);
	if (parse_part(text, (size_t)(colon - text), &out->addr))
		return -EINVAL;
	if (parse_number(colon + 1, UINT16_MAX, &port))
		return -EINVAL;
	out->port = (uint16_t)port;
	return 0;
}

int ip_endpoint_parse(const char *text, struct ip_endpoint *out)
{
	struct ip_endpoint e = {0};
	int err = *text == '[' ? parse_bracketed(text, &e) : parse_plain(text, &e);

	if (!err)
		*out = e;
	return err;
}

/* Six words of zeros and then others: dotted in some C libraries, which RFC 5952 section 5 is not.
 */
static bool is_ipv4_compatible(const struct ip_addr *a)
{
	static const uint8_t zero[12];

	return a->family == 6 && !memcmp(a->bytes, zero, 12) && (a->bytes[12] || a->bytes[13]);
}

const char *ip_addr_print(const struct ip_addr *a, char *out, size_t cap)
{
	char text[INET6_ADDRSTRLEN] = "any";

	if (is_ipv4_compatible(a))
		snprintf(text, sizeof text, "::%x:%x", (unsigned)get_be16(a->bytes + 12),
			(unsigned)get_be16(a->bytes + 14));
	else if (a->family)
		inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->bytes, text, sizeof text);
	snprintf(out, cap, "%s", text);
	return out;
}

const char *ip_prefix_print(const struct ip_prefix *p, char *out, size_t cap)
{
	char text[IP_ADDR_TEXT];

	snprintf(out, cap, "%s/%u", ip_addr_print(&p->addr, text, sizeof text), p->len);
	return out;
}

const char *ip_endpoint_print(const struct ip_endpoint *e, char *out, size_t cap)
{
	char text[IP_ADDR_TEXT];

	ip_addr_print(&e->addr, text, sizeof text);
	if (!e->port)
		snprintf(out, cap, "%s", text);
	else if (e->addr.family == 6)
		snprintf(out, cap, "[%s]:%u", text, e->port);
	else
		snprintf(out, cap, "%s:%u", text, e->port);
	return out;
}

/* The octet mask of a prefix: ones where octet i belongs to the first len bits. */
static uint8_t mask_octet(unsigned len, size_t i)
{
	if (len >= (i + 1) * 8)
		return 0xff;
	if (len <= i * 8)
		return 0;
	return (uint8_t)(0xff00u >> (len - i * 8) & 0xff);
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	if (a->family != p->addr.family)
		return false;
	for (size_t i = 0; i < ip_addr_len(a); i++)
		if ((a->bytes[i] ^ p->addr.bytes[i]) & mask_octet(p->len, i))
			return false;
	return true;
}

void ip_prefix_range(const struct ip_prefix *p, struct ip_addr *start, struct ip_addr *end)
{
	struct ip_addr last = p->addr;

	*start = ip_prefix_network(p);
	for (size_t i = 0; i < ip_addr_len(&last); i++)
		last.bytes[i] = (uint8_t)(last.bytes[i] | (0xff ^ mask_octet(p->len, i)));
	*end = last;
}

struct ip_addr ip_prefix_network(const struct ip_prefix *p)
{
	struct ip_addr network = p->addr;

	for (size_t i = 0; i < ip_addr_len(&network); i++)
		network.bytes[i] &= mask_octet(p->len, i);
	return network;
}

int ip_range_prefix(const struct ip_addr *start, const struct ip_addr *end, struct ip_prefix *out)
{
	struct ip_prefix p = {.addr = *start};
	unsigned bits = (unsigned)ip_addr_len(start) * 8;
	struct ip_addr first;
	struct ip_addr last;

	if (!bits || start->family != end->family)
		return -EINVAL;
	while (p.len < bits &&
		!((start->bytes[p.len / 8] ^ end->bytes[p.len / 8]) & 0x80 >> p.len % 8))
		p.len++;
	ip_prefix_range(&p, &first, &last);
	if (!ip_addr_equal(&first, start) || !ip_addr_equal(&last, end))
		return -EINVAL;
	*out = p;
	return 0;
}

unsigned ip_endpoint_to_sockaddr(const struct ip_endpoint *e, void *out)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(e->port)};

	memset(out, 0, sizeof(struct sockaddr_storage));
	if (e->addr.family == 6) {
		memcpy(&in6.sin6_addr, e->addr.bytes, 16);
		memcpy(out, &in6, sizeof in6);
		return sizeof in6;
	}
	if (e->addr.family == 4) {
		memcpy(&in4.sin_addr, e->addr.bytes, 4);
		memcpy(out, &in4, sizeof in4);
		return sizeof in4;
	}
	return 0;
}

int ip_endpoint_from_sockaddr(const struct sockaddr *sa, struct ip_endpoint *out)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof in6);
		out->addr = ip_addr_from(6, (const uint8_t *)&in6.sin6_addr);
		out->port = ntohs(in6.sin6_port);
		return 0;
	}
	if (sa->sa_family == AF_INET) {
		memcpy(&in4, sa, sizeof in4);
		out->addr = ip_addr_from(4, (const uint8_t *)&in4.sin_addr);
		out->port = ntohs(in4.sin_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}
