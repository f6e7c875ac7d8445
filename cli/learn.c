/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a recording -> flows, sides and kinds with the values of their fields. */
#include "cli/learn.h"

#include "cli/fields.h"
#include "diet/iipc.h"
#include "ip/addr.h"
#include "schc/group.h"
#include "schc/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	COAP_PORT = 5683,
	COAP_SHORT_FIRST = 61616, /* RFC 6282 4.3.3 */
	COAP_SHORT_LAST = 61631,
	UDP_HEADER = 8,
	ICMP_ECHO = 8,
	ICMPV6_ECHO = 128,
	CODE_CLASS_SHIFT = 5,
	RESPONSE = 2, /* class of code */
	VERSION_SHIFT = 6,
};

static bool is_icmp(const struct ip_packet *ip)
{
	return ip->proto == IP_PROTO_ICMP || ip->proto == IP_PROTO_ICMPV6;
}

/* A packet whose headers rules can name: nothing between IP and transport, no fragment. */
static bool is_plain(const struct ip_packet *ip)
{
	return !ip->fragment && ip->has_ports &&
	       ip->hdr_len == (ip->version == 6 ? IPV6_HEADER : IPV4_HEADER);
}

static uint16_t service_port(const struct ip_packet *ip)
{
	if (is_icmp(ip))
		return 0;
	return ip->sport < ip->dport ? ip->sport : ip->dport;
}

static bool is_coap_port(unsigned port)
{
	return port == COAP_PORT || (port >= COAP_SHORT_FIRST && port <= COAP_SHORT_LAST);
}

static bool parse_coap(const struct ip_packet *ip, struct coap_view *view)
{
	size_t at = (size_t)ip->hdr_len + UDP_HEADER;

	return ip->proto == IP_PROTO_UDP && ip->len > at && ip->data[at] >> VERSION_SHIFT == 1 &&
	       (is_coap_port(ip->sport) || is_coap_port(ip->dport)) &&
	       coap_parse(view, ip->data + at, ip->len - at) && view->n <= LEARN_OPTIONS;
}

struct learn_flow *learn_flow_of(struct learn *learn, const struct ip_packet *ip, bool add)
{
	uint16_t port = service_port(ip);

	if (!is_plain(ip))
		return NULL;
	for (size_t i = 0; i < learn->n_flows; i++) {
		struct learn_flow *flow = &learn->flow[i];

		if (flow->version == ip->version && flow->proto == ip->proto && flow->port == port)
			return flow;
	}
	if (!add || learn->n_flows == LEARN_FLOWS)
		return NULL;
	learn->flow[learn->n_flows] = (struct learn_flow){.version = ip->version,
		.proto = ip->proto,
		.port = port,
		.coap = ip->proto == IP_PROTO_UDP && is_coap_port(port)};
	return &learn->flow[learn->n_flows++];
}

static struct learn_host *find_host(struct learn *learn, const struct ip_addr *addr)
{
	for (size_t i = 0; i < learn->n_hosts; i++)
		if (ip_addr_equal(&learn->host[i].addr, addr))
			return &learn->host[i];
	return NULL;
}

static void score(struct learn *learn, struct ip_addr addr, int change)
{
	struct learn_host *host = find_host(learn, &addr);

	if (!host && learn->n_hosts < LEARN_HOSTS) {
		host = &learn->host[learn->n_hosts++];
		*host = (struct learn_host){.addr = addr};
	}
	if (host)
		host->score += change;
}

/* Who has the service's port, or answers echoes, is asked. */
void learn_vote(struct learn *learn, const struct ip_packet *ip)
{
	bool asks;

	if (!is_plain(ip))
		return;
	if (is_icmp(ip))
		asks = ip->sport >> 8 == (ip->version == 6 ? ICMPV6_ECHO : ICMP_ECHO);
	else if (ip->sport == ip->dport)
		return;
	else
		asks = ip->dport < ip->sport;
	score(learn, ip_packet_src(ip), asks ? 1 : -1);
	score(learn, ip_packet_dst(ip), asks ? -1 : 1);
}

static long score_of(const struct learn *learn, struct ip_addr addr)
{
	if (learn->known_dev && ip_addr_equal(&addr, &learn->dev))
		return LONG_MAX;
	if (learn->known_app && ip_addr_equal(&addr, &learn->app))
		return LONG_MIN;
	for (size_t i = 0; i < learn->n_hosts; i++)
		if (ip_addr_equal(&learn->host[i].addr, &addr))
			return learn->host[i].score;
	return 0;
}

/* Dev sends it: DI_UP. */
static enum schc_di direction_of(const struct learn *learn, const struct ip_packet *ip)
{
	struct ip_addr src = ip_packet_src(ip);
	struct ip_addr dst = ip_packet_dst(ip);
	long a = score_of(learn, src);
	long b = score_of(learn, dst);

	if (a == b)
		return ip_addr_compare(&src, &dst) < 0 ? SCHC_DI_UP : SCHC_DI_DOWN;
	return a > b ? SCHC_DI_UP : SCHC_DI_DOWN;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static const uint8_t fields_v6[] = {SCHC_IPV6_VER, SCHC_IPV6_DSCP, SCHC_IPV6_ECN, SCHC_IPV6_FL,
	SCHC_IPV6_LEN, SCHC_IPV6_NXT, SCHC_IPV6_HOP_LMT, SCHC_IPV6_DEVPREFIX, SCHC_IPV6_DEVIID,
	SCHC_IPV6_APPPREFIX, SCHC_IPV6_APPIID};
static const uint8_t fields_v4[] = {SCHC_IPV4_VER, SCHC_IPV4_IHL, SCHC_IPV4_DSCP, SCHC_IPV4_ECN,
	SCHC_IPV4_TLEN, SCHC_IPV4_ID, SCHC_IPV4_FLAGS, SCHC_IPV4_FRAGOFF, SCHC_IPV4_TTL,
	SCHC_IPV4_PROTO, SCHC_IPV4_CKSUM, SCHC_IPV4_DEV, SCHC_IPV4_APP};

static void add_fields(struct learn_kind *kind, const uint8_t *fids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kind->field[kind->n_fields++].fid = fids[i];
}

/* The layer's fields by place, ports by whose they are. */
static void add_layer(struct learn_kind *kind, enum schc_layer layer)
{
	static const uint8_t ports[SCHC_LAYERS] = {[SCHC_UDP] = SCHC_UDP_DEVPORT,
		[SCHC_UDPLITE] = SCHC_UDPLITE_DEVPORT,
		[SCHC_TCP] = SCHC_TCP_DEVPORT,
		[SCHC_SCTP] = SCHC_SCTP_DEVPORT};
	unsigned first = schc_layer_first(layer);

	for (unsigned i = 0; i < schc_layer_fields(layer); i++)
		kind->field[kind->n_fields++].fid =
			(uint8_t)(ports[layer] && i < 2 ? ports[layer] + i : first + i);
}

static enum schc_layer layer_of(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_UDP:
		return SCHC_UDP;
	case IP_PROTO_UDPLITE:
		return SCHC_UDPLITE;
	case IP_PROTO_TCP:
		return SCHC_TCP;
	case IP_PROTO_SCTP:
		return SCHC_SCTP;
	case IP_PROTO_ICMPV6:
		return SCHC_ICMPV6;
	case IP_PROTO_ICMP:
		return SCHC_ICMP;
	default:
		return SCHC_LAYERS;
	}
}

static struct learn_kind *new_kind(struct learn *learn, const struct learn_kind *like)
{
	struct learn_kind *kind = calloc(1, sizeof *kind);

	if (!kind)
		return NULL;
	*kind = *like;
	if (kind->version == 6)
		add_fields(kind, fields_v6, sizeof fields_v6);
	else
		add_fields(kind, fields_v4, sizeof fields_v4);
	if (layer_of(kind->proto) != SCHC_LAYERS)
		add_layer(kind, layer_of(kind->proto));
	if (kind->coap)
		add_layer(kind, SCHC_COAP);
	learn->kind[learn->n_kinds++] = kind;
	return kind;
}

static bool same_options(const struct learn_kind *a, const struct learn_kind *b)
{
	for (unsigned i = 0; i < a->n_options; i++)
		if (a->option[i].number != b->option[i].number)
			return false;
	return a->n_options == b->n_options;
}

static bool same_kind(const struct learn_kind *a, const struct learn_kind *b)
{
	return a->flow == b->flow && a->version == b->version && a->proto == b->proto &&
	       a->di == b->di && a->coap == b->coap && a->request == b->request &&
	       same_options(a, b);
}

/* NULL: no room for another, or no memory (*err). */
static struct learn_kind *find_kind(struct learn *learn, const struct learn_kind *like, int *err)
{
	struct learn_kind *kind;

	for (size_t i = 0; i < learn->n_kinds; i++)
		if (same_kind(learn->kind[i], like))
			return learn->kind[i];
	if (learn->n_kinds == LEARN_KINDS)
		return NULL;
	kind = new_kind(learn, like);
	*err = kind ? 0 : -ENOMEM;
	return kind;
}

static uint64_t bits_of(const uint8_t *data, uint32_t at, unsigned width)
{
	uint8_t octets[8];
	uint64_t value = 0;

	fields_take(data, at, width, octets);
	for (unsigned i = 0; i < (width + 7) / 8; i++)
		value = value << 8 | octets[i];
	return value;
}

static void note_value(struct learn_field *field, uint64_t value)
{
	unsigned i = 0;

	if (!field->n)
		field->first = value;
	else if (value == field->last + 1)
		field->steps++;
	field->n++;
	field->last = value;
	field->differ |= value ^ field->first;
	while (i < field->n_values && field->value[i] != value)
		i++;
	if (i == LEARN_VALUES) {
		field->others++;
		return;
	}
	if (i == field->n_values)
		field->n_values++;
	field->value[i] = value;
	field->count[i]++;
}

static void note_text(struct learn_option *option, const uint8_t *data, uint16_t len)
{
	unsigned i = 0;

	option->min_len = !option->n || len < option->min_len ? len : option->min_len;
	option->max_len = len > option->max_len ? len : option->max_len;
	option->n++;
	while (i < option->n_values &&
		(option->value[i].len != len || memcmp(option->value[i].data, data, len) != 0))
		i++;
	/* In a rule "/a" is one element of a path, not its value. */
	if (i == LEARN_VALUES || len > LEARN_TEXT || group_count(option->number, data, len)) {
		option->others++;
		return;
	}
	if (i == option->n_values) {
		option->n_values++;
		option->value[i].len = (uint8_t)len;
		memcpy(option->value[i].data, data, len);
	}
	option->value[i].count++;
}

static void note_packet(
	struct learn_kind *kind, const struct ip_packet *ip, const struct coap_view *coap)
{
	unsigned restorable = iipc_restorable(ip);
	const uint8_t *message = ip->data + ip->hdr_len + UDP_HEADER;

	kind->n++;
	for (unsigned i = 0; i < kind->n_fields; i++) {
		struct learn_field *field = &kind->field[i];
		const struct schc_field *of = schc_field(field->fid);
		uint32_t base = of->layer == SCHC_COAP ? (uint32_t)ip->hdr_len + UDP_HEADER
				: of->layer == SCHC_IPV6 || of->layer == SCHC_IPV4 ? 0
										   : ip->hdr_len;

		if (base + schc_layer_len(of->layer) > ip->len)
			continue; /* too short for the header: the field is then never constant */
		note_value(field,
			bits_of(ip->data,
				base * 8 + schc_field_bit(field->fid, kind->di == SCHC_DI_DOWN),
				of->width));
		if (schc_fix_of(field->fid) & restorable)
			field->restorable++;
	}
	for (unsigned i = 0; i < kind->n_options; i++)
		note_text(&kind->option[i], message + coap->option[i].at, coap->option[i].len);
}

/* The packet among its own: same flow, way, kind of message and options. */
static void narrow(struct learn *learn, const struct learn_flow *flow, const struct ip_packet *ip,
	struct coap_view *coap)
{
	struct learn_kind *like = &learn->like;

	like->flow = (uint32_t)(flow - learn->flow);
	like->service = flow->port;
	like->coap = flow->coap && parse_coap(ip, coap);
	like->request =
		like->coap && ip->data[ip->hdr_len + UDP_HEADER + 1] >> CODE_CLASS_SHIFT < RESPONSE;
	like->n_options = like->coap ? coap->n : 0;
	for (unsigned i = 0; i < like->n_options; i++)
		like->option[i].number = coap->option[i].number;
}

int learn_gather(struct learn *learn, const struct learn_flow *flow, const struct ip_packet *ip)
{
	struct coap_view coap = {0};
	struct learn_kind *kind;
	int err = 0;

	learn->trained++;
	memset(&learn->like, 0, sizeof learn->like);
	learn->like.flow = LEARN_FLOWS;
	learn->like.version = ip->version;
	learn->like.proto = ip->proto;
	learn->like.di = direction_of(learn, ip);
	for (int own = 0; own < 2 && !err; own++) {
		if (own)
			narrow(learn, flow, ip, &coap);
		kind = find_kind(learn, &learn->like, &err);
		if (kind)
			note_packet(kind, ip, &coap);
	}
	return err;
}

void learn_fini(struct learn *learn)
{
	for (size_t i = 0; i < learn->n_kinds; i++)
		free(learn->kind[i]);
	learn->n_kinds = 0;
}
