/* SPDX-License-Identifier: Apache-2.0 */
/* Two struct ipsec joined back to back, and packets to send between them. */
#include "fakes/pair.h"

#include "base/wire.h"
#include "ip/addr.h"
#include "ip/checksum.h"
#include "ip/ts.h"

#include <errno.h>
#include <string.h>

enum { UDP_HEADER = 8, TCP_HEADER = 20, ICMP_HEADER = 8, HOP_LIMIT = 64, DF = 0x40 };

uint64_t pair_draw(struct pair_random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return random->state;
}

uint32_t pair_below(struct pair_random *random, uint32_t n)
{
	return (uint32_t)((pair_draw(random) >> 16) % n);
}

static uint32_t random_spi(void *arg)
{
	return (uint32_t)(pair_draw(arg) >> 16);
}

int pair_init(struct pair *pair, uint64_t seed)
{
	*pair = (struct pair){.random = {seed * 2 + 1}, .now_ms = 1000000, .next_policy = 1};
	if (ipsec_init(&pair->a, random_spi, &pair->random, AEAD_POOL_DEFAULT) ||
		ipsec_init(&pair->b, random_spi, &pair->random, AEAD_POOL_DEFAULT))
		return -ENOMEM;
	for (size_t i = 0; i < BATCH_MAX; i++)
		if (!(pair->pkts[i] = buf_alloc(PAIR_ROOM)))
			return -ENOMEM;
	return 0;
}

void pair_fini(struct pair *pair)
{
	ipsec_fini(&pair->a);
	ipsec_fini(&pair->b);
	for (size_t i = 0; i < BATCH_MAX; i++)
		buf_free(pair->pkts[i]);
}

static struct ip_endpoint end_of(const struct pair_link *link, bool a)
{
	const char *const hosts[2][2] = {
		{"2001:db8:ffff::2", "2001:db8:ffff::1"}, {"192.0.2.2", "192.0.2.1"}};
	struct ip_endpoint e = {0};

	ip_addr_parse(hosts[link->v4_outside][a], &e.addr);
	e.port = link->encap == SA_ENCAP_UDP ? 4500 : 0;
	return e;
}

static int add_policies(struct pair *pair, struct pair_link *link)
{
	struct policy_params params = {.action = POLICY_PROTECT, .n_local = 1, .n_remote = 1};
	int error;

	if (link->policy) {
		link->policy_a = spd_find(pair->a.spd, link->policy);
		link->policy_b = spd_find(pair->b.spd, link->policy);
		return link->policy_a && link->policy_b ? 0 : -ENOENT;
	}
	link->policy = params.id = pair->next_policy++;
	params.tunnel = PAIR_TUNNEL_A;
	params.local[0] = link->ts_a;
	params.remote[0] = link->ts_b;
	error = spd_add(pair->a.spd, &params, NULL, &link->policy_a);
	if (error)
		return error;
	params.tunnel = PAIR_TUNNEL_B;
	params.local[0] = link->ts_b;
	params.remote[0] = link->ts_a;
	return spd_add(pair->b.spd, &params, NULL, &link->policy_b);
}

static struct sa_params params_of(
	struct pair *pair, const struct pair_link *link, const struct aead_suite *suite)
{
	struct sa_params params = {
		.encap = link->encap,
		.policy = link->policy,
		.esn = link->esn,
		.encr = suite->encr,
		.keymat_len = (size_t)suite->key_len + suite->salt_len,
		.n_ts_local = 1,
		.n_ts_remote = 1,
		.window = link->window,
		.fallback = link->fallback,
		.long_lived = link->long_lived,
		.soft_packets = link->soft_packets,
		.hard_packets = link->hard_packets,
		.soft_s = link->soft_s,
		.hard_s = link->hard_s,
	};

	for (size_t i = 0; i < params.keymat_len; i++)
		params.keymat[i] = (uint8_t)pair_below(&pair->random, 256);
	return params;
}

static void look_from(struct sa_params *params, const struct pair_link *link, bool a)
{
	params->local = end_of(link, a);
	params->remote = end_of(link, !a);
	params->ts_local[0] = a ? link->ts_a : link->ts_b;
	params->ts_remote[0] = a ? link->ts_b : link->ts_a;
}

/* One direction: the receiver first, as a keying protocol would. */
static int connect_one(struct pair *pair, struct pair_link *link, bool from_a)
{
	const struct aead_suite *suite = aead_suite_by_name(link->suite);
	struct ipsec *sender = from_a ? &pair->a : &pair->b;
	struct ipsec *receiver = from_a ? &pair->b : &pair->a;
	struct diet_attrs attrs[2] = {link->attrs, link->attrs}; /* a's, b's */
	struct sa_params params;
	int error;

	attrs[1].device = link->attrs.device == link->two_devs;
	if (!suite)
		return -EINVAL;
	params = params_of(pair, link, suite);
	/* Nothing of the SPI travels: there is no prefix to reserve. */
	params.spi = link->attrs.esp_spi_lsb ? 0 : 0x1000;
	error = params.spi ? 0
			   : spi_reserve(receiver->spis,
				     (uint32_t)1 << (link->attrs.esp_spi_lsb - 1), &params.spi);
	if (error)
		return error;
	params.dir = SA_IN;
	look_from(&params, link, !from_a);
	error = ipsec_sa_install(receiver, &params, &attrs[from_a], pair->now_ms,
		from_a ? &link->b_in : &link->a_in);
	if (error)
		return error;
	params.dir = SA_OUT;
	look_from(&params, link, from_a);
	return ipsec_sa_install(sender, &params, &attrs[!from_a], pair->now_ms,
		from_a ? &link->a_out : &link->b_out);
}

int pair_connect(struct pair *pair, struct pair_link *link)
{
	int error = add_policies(pair, link);

	if (!error)
		error = connect_one(pair, link, true);
	return error ? error : connect_one(pair, link, false);
}

void pair_put(struct pair *pair, size_t i, const uint8_t *packet, size_t len)
{
	buf_set(pair->pkts[i], packet, len);
}

void pair_out(struct pair *pair, bool from_a, size_t n)
{
	pair->batch = (struct batch){.now_ms = pair->now_ms, .n = n};
	for (size_t i = 0; i < n; i++) {
		pair->batch.items[i].pkt = pair->pkts[i];
		pair->batch.items[i].tunnel = from_a ? PAIR_TUNNEL_A : PAIR_TUNNEL_B;
	}
	outbound(from_a ? &pair->a : &pair->b, &pair->batch);
}

/* As the other end sees it; a hop limit that was not set is the default of the system. */
static void turn_around(struct outer *outer)
{
	struct ip_endpoint local = outer->local;

	outer->local = outer->remote;
	outer->remote = local;
	if (outer->hop_limit == 0)
		outer->hop_limit = HOP_LIMIT;
}

void pair_wire(struct pair *pair)
{
	struct batch *batch = &pair->batch;
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++) {
		if (batch->items[i].drop)
			continue;
		turn_around(&batch->items[i].outer);
		batch->items[n++] = batch->items[i];
	}
	batch->n = n;
}

void pair_in(struct pair *pair, bool to_b)
{
	pair->batch.now_ms = pair->now_ms;
	inbound(to_b ? &pair->b : &pair->a, &pair->batch);
}

enum drop pair_carry(struct pair *pair, bool from_a, const uint8_t *packet, size_t len)
{
	pair_put(pair, 0, packet, len);
	pair_out(pair, from_a, 1);
	if (pair->batch.items[0].drop)
		return pair->batch.items[0].drop;
	pair_wire(pair);
	pair_in(pair, from_a);
	return pair->batch.items[0].drop;
}

struct ts pair_ts(
	const char *start, const char *end, uint8_t proto, uint16_t port_start, uint16_t port_end)
{
	struct ts ts = {.ip_proto = proto, .port_start = port_start, .port_end = port_end};

	ip_addr_parse(start, &ts.addr_start);
	ip_addr_parse(end, &ts.addr_end);
	return ts;
}

/* An address of the range: its first octets up to where the ends differ, then something between. */
static void draw_addr(struct pair_random *random, const struct ts *ts, uint8_t *out)
{
	size_t len = ip_addr_len(&ts->addr_start);
	const uint8_t *start = ts->addr_start.bytes;
	const uint8_t *end = ts->addr_end.bytes;
	size_t i = 0;

	memcpy(out, start, len);
	while (i < len && start[i] == end[i])
		i++;
	if (i == len || pair_below(random, 8) == 0)
		return;
	if (pair_below(random, 8) == 0) {
		memcpy(out, end, len);
		return;
	}
	out[i] = (uint8_t)(start[i] + pair_below(random, (uint32_t)(end[i] - start[i])));
	if (out[i] > start[i])
		while (++i < len)
			out[i] = (uint8_t)pair_below(random, 256);
}

static uint16_t draw_port(struct pair_random *random, const struct ts *ts)
{
	return (uint16_t)(ts->port_start +
			  pair_below(random, (uint32_t)(ts->port_end - ts->port_start) + 1));
}

static size_t transport_len(uint8_t proto)
{
	return proto == IP_PROTO_UDP   ? UDP_HEADER
	       : proto == IP_PROTO_TCP ? TCP_HEADER
				       : ICMP_HEADER;
}

static size_t checksum_at(uint8_t proto)
{
	return proto == IP_PROTO_UDP ? 6 : proto == IP_PROTO_TCP ? 16 : 2;
}

static void fill_transport(struct pair_random *random, uint8_t proto, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)pair_below(random, 256);
	if (proto == IP_PROTO_UDP)
		put_be16(out + 4, (uint16_t)len);
	if (proto == IP_PROTO_TCP)
		out[12] = 0x50;
	if (proto == IP_PROTO_ICMPV6)
		put_be16(out, 128 << 8);
	if (proto == IP_PROTO_ICMP)
		put_be16(out, 8 << 8);
	put_be16(out + checksum_at(proto), 0);
}

static void put_ports(struct pair_random *random, const struct ts *src, const struct ts *dst,
	uint8_t proto, uint8_t *out)
{
	if (proto != IP_PROTO_UDP && proto != IP_PROTO_TCP)
		return;
	put_be16(out, draw_port(random, src));
	put_be16(out + 2, draw_port(random, dst));
}

static void finish_transport(
	uint8_t version, uint8_t proto, const uint8_t *src, const uint8_t *dst, struct slice data)
{
	uint8_t *out = (uint8_t *)(uintptr_t)data.data;
	uint64_t sum = proto == IP_PROTO_ICMP
			       ? 0
			       : checksum_pseudo(version, src, dst, proto, (uint32_t)data.len);
	uint16_t checksum = checksum_finish(checksum_add(sum, data.data, data.len));

	if (proto == IP_PROTO_UDP && checksum == 0)
		checksum = 0xffff;
	put_be16(out + checksum_at(proto), checksum);
}

static size_t put_ip(struct pair_random *random, const struct ts *src, const struct ts *dst,
	uint8_t proto, size_t payload, uint8_t *out)
{
	if (src->addr_start.family == 6) {
		put_be32(out, 6u << 28 | (uint32_t)(pair_draw(random) & 0x0fffffff));
		put_be16(out + 4, (uint16_t)payload);
		out[6] = proto;
		out[7] = (uint8_t)(32 + pair_below(random, 200));
		draw_addr(random, src, out + 8);
		draw_addr(random, dst, out + 24);
		return IPV6_HEADER;
	}
	memset(out, 0, IPV4_HEADER);
	out[0] = 0x45;
	out[1] = (uint8_t)pair_below(random, 256);
	put_be16(out + 2, (uint16_t)(IPV4_HEADER + payload));
	put_be16(out + 4, (uint16_t)pair_below(random, 65536));
	out[6] = pair_below(random, 2) ? DF : 0;
	out[8] = (uint8_t)(32 + pair_below(random, 200));
	out[9] = proto;
	draw_addr(random, src, out + 12);
	draw_addr(random, dst, out + 16);
	put_be16(out + 10, checksum_ipv4_header(out, IPV4_HEADER));
	return IPV4_HEADER;
}

size_t pair_packet(struct pair_random *random, const struct ts *src, const struct ts *dst,
	size_t payload, uint8_t out[PAIR_ROOM])
{
	bool six = src->addr_start.family == 6;
	const uint8_t some[] = {IP_PROTO_UDP, IP_PROTO_TCP, six ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP};
	uint8_t proto = src->ip_proto ? src->ip_proto : some[pair_below(random, 3)];
	size_t len = transport_len(proto) + payload;
	size_t at = put_ip(random, src, dst, proto, len, out);

	fill_transport(random, proto, out + at, len);
	put_ports(random, src, dst, proto, out + at);
	finish_transport(six ? 6 : 4, proto, six ? out + 8 : out + 12, six ? out + 24 : out + 16,
		(struct slice){out + at, len});
	return at + len;
}
