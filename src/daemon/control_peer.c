/* SPDX-License-Identifier: Apache-2.0 */
/* One peer, one tunnel's details, one SA as maps of the control protocol. */
#include "daemon/control_peer.h"

#include "crypto/aead.h"
#include "daemon/control_rules.h"
#include "daemon/daemon.h"
#include "daemon/overhead.h"
#include "daemon/put.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_net.h"
#include "esp/sa.h"
#include "io/dataplane.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"
#include "keying/host.h"

#include <stdio.h>
#include <string.h>

enum { ASLEEP_MS = 300000, KEY_ID_SHOWN = 4, FAILURES_TOLD = 3 };

struct sums {
	uint64_t packets, bytes, wire, plain;
};

static void add_sa(struct sums *sums, const struct sa *sa)
{
	sums->packets += sa->counters.packets;
	sums->bytes += sa->counters.inner_bytes;
	sums->wire += sa->counters.wire_bytes;
	sums->plain += overhead_plain(sa);
}

static void put_sums(struct put *map, const struct policy *policy)
{
	struct sums in = {0};
	struct sums out = {0};

	list_each (node, &policy->sas) {
		const struct sa *sa = container_of(node, struct sa, by_policy);

		add_sa(sa->dir == SA_IN ? &in : &out, sa);
	}
	put_uint(map, "in_bytes", in.bytes);
	put_uint(map, "out_bytes", out.bytes);
	put_uint(map, "in_packets", in.packets);
	put_uint(map, "out_packets", out.packets);
	put_uint(map, "wire_in", in.wire);
	put_uint(map, "wire_out", out.wire);
	put_uint(map, "plain_in", in.plain);
	put_uint(map, "plain_out", out.plain);
}

static bool is_asleep(const struct config_peer *config, const struct path *path, uint64_t now_ms)
{
	return config->sleepy && now_ms - path->heard_ms > ASLEEP_MS;
}

/* What two ends with different keys see: packets come, and not one has ever verified. */
static bool never_verified(const struct policy *policy)
{
	uint32_t failures = 0;

	list_each (node, &policy->sas) {
		const struct sa *sa = container_of(node, struct sa, by_policy);

		if (sa->dir == SA_IN && sa->counters.packets)
			return false;
		if (sa->dir == SA_IN)
			failures += sa->counters.icv_failures;
	}
	return failures >= FAILURES_TOLD;
}

static void put_state(struct put *map, const struct tunnel_peer *peer,
	const struct config_peer *config, const struct policy *policy)
{
	const struct host *host = peer->tunnel->daemon->host;
	const char *trouble = peer->trouble[0] ? peer->trouble : host_trouble(host, peer->policy);
	bool ready = (policy->out || policy->out_fallback) && policy->path->remote.addr.family;
	const char *state = ready ? "up" : *trouble ? "down" : "waiting";
	char text[256];

	if (config->template && !peer->template)
		state = "template";
	if (!peer->tunnel->attached) {
		state = "down";
		trouble = "the TUN device is gone; dietvpn up makes it anew";
	} else if (ready && is_asleep(config, policy->path, dataplane_now_ms())) {
		state = "asleep";
	}
	if (!*trouble && never_verified(policy))
		trouble = control_rules_unverified(config, text, sizeof(text));
	if (!*trouble)
		trouble = control_rules_trouble(config, policy, text, sizeof(text));
	put_text(map, "state", state);
	if (*trouble)
		put_text(map, "trouble", trouble);
}

static void put_details(struct put *map, const struct tunnel_peer *peer,
	const struct config_peer *config, const struct policy *policy);

void control_put_peer(const struct tunnel_peer *peer, bool details, struct tree_writer *w)
{
	const struct config_peer *config = tunnel_config_of(peer);
	const struct policy *policy = tunnel_policy(peer);
	char text[IP_ENDPOINT_TEXT];
	struct put map;
	int overhead = -1;

	put_init(&map);
	put_text(&map, "name", peer->name);
	if (config && policy) {
		put_state(&map, peer, config, policy);
		if (peer->template)
			put_text(&map, "template", config->name);
		if (policy->path->remote.addr.family)
			put_text(&map, "endpoint",
				ip_endpoint_print(&policy->path->remote, text, sizeof(text)));
		put_text(&map, "encap", policy->path->encap == SA_ENCAP_ESP ? "raw" : "udp");
		put_age(&map, "last_s", policy->path->heard_ms, dataplane_now_ms());
		put_sums(&map, policy);
		if (policy->out)
			overhead = overhead_smallest(policy->out);
		if (overhead >= 0)
			put_uint(&map, "overhead_bytes", (uint64_t)overhead);
		control_put_rules(&map, config, policy, details);
		if (details)
			put_details(&map, peer, config, policy);
	}
	put_map_end(&map, w);
}

static const char *pick(const char *const *names, size_t n, size_t i)
{
	return i < n ? names[i] : "unknown";
}

#define PICK(i, ...) \
	pick((const char *const[]){__VA_ARGS__}, \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), (i))

static void put_attributes(struct put *map, const struct diet_attrs *a)
{
	struct put attrs;

	put_init(&attrs);
	put_text(&attrs, "iipc_profile", a->iipc ? "diet-esp" : "not_compressed");
	put_text(&attrs, "dscp_cda", PICK(a->dscp_cda, "not_compressed", "lower", "sa"));
	put_text(&attrs, "ecn_cda", PICK(a->ecn_cda, "not_compressed", "lower"));
	put_text(&attrs, "flow_label_cda",
		PICK(a->flow_label_cda, "not_compressed", "lower", "generated", "zero"));
	put_uint(&attrs, "alignment", UINT64_C(8) << a->alignment);
	put_uint(&attrs, "esp_spi_lsb", a->esp_spi_lsb);
	put_uint(&attrs, "esp_sn_lsb", a->esp_sn_lsb);
	put_text(&attrs, "esp_trailer", PICK(a->esp_trailer, "mandatory", "optional"));
	put_text(&attrs, "hop_limit_cda", PICK(a->hop_limit_cda, "lower", "not_compressed"));
	put_bool(&attrs, "rule_id", a->rule_id);
	put_bool(&attrs, "verify_checksum", a->verify_checksum);
	put_uint(&attrs, "window", a->window);
	put_map_end(&attrs, put_key(map, "attributes"));
}

static void put_ciphers(struct put *map, const struct config_peer *config)
{
	struct put list;

	put_init(&list);
	for (size_t i = 0; i < config->n_ciphers; i++) {
		const struct aead_suite *suite;

		for (size_t k = 0; (suite = aead_suite_at(k)); k++)
			if (suite->encr == config->ciphers[i].encr &&
				suite->key_len * 8 == config->ciphers[i].key_bits)
				tree_put_text(put_next(&list), suite->name);
	}
	put_array_end(&list, put_key(map, "ciphers"));
}

static void put_cipher(struct put *map, const struct sa *sa)
{
	if (!sa)
		return;
	put_text(map, "cipher", sa->key.suite->name);
	put_text(map, "provider", aead_provider(&sa->key));
	put_uint(map, "icv", sa->key.suite->icv_len);
}

/* A guest's are its own, not all of its template's. */
static void put_addresses(struct put *map, const struct tunnel_peer *peer,
	const struct config_peer *config, const struct policy *policy)
{
	struct ip_prefix own[TS_MAX];
	size_t n = 0;

	for (size_t i = 0; peer->template && i < policy->n_remote; i++) {
		const struct ip_addr *addr = &policy->remote[i].addr_start;

		if (!n || !ip_addr_equal(&own[n - 1].addr, addr))
			own[n++] = (struct ip_prefix){*addr, (uint8_t)(8 * ip_addr_len(addr))};
	}
	if (peer->template)
		put_prefixes(map, "addresses", own, n);
	else
		put_prefixes(map, "addresses", config->addresses, config->n_addresses);
}

static void put_details(struct put *map, const struct tunnel_peer *peer,
	const struct config_peer *config, const struct policy *policy)
{
	const struct path *path = policy->path;

	put_uint(map, "policy", peer->policy);
	put_text(map, "id", config->id);
	put_text(map, "role", PICK(config->role, "both", "initiator", "responder"));
	put_text(map, "keying", config->keying);
	put_bool(map, "keepalive", peer->keepalive);
	put_bool(map, "sleepy", config->sleepy);
	put_text(map, "start", config->start == START_BOOT ? "boot" : "on-traffic");
	if (config->endpoint_host[0])
		put_text(map, "configured", config->endpoint_host);
	put_selectors(map, "local", policy->local, policy->n_local);
	put_selectors(map, "remote", policy->remote, policy->n_remote);
	put_cipher(map, policy->out ? policy->out : policy->out_fallback);
	put_ciphers(map, config);
	put_text(map, "compress", config->compress);
	put_attributes(map, &config->attrs);
	if (path->mtu)
		put_uint(map, "path_mtu", path->mtu);
	put_uint(map, "inner_mtu", ipsec_inner_mtu(policy, path->mtu ? path->mtu : 1500));
	if (path->moved)
		put_age(map, "moved_s", path->moved_ms, dataplane_now_ms());
	put_addresses(map, peer, config, policy);
	put_prefixes(map, "routes", config->routes, config->n_routes);
}

void control_put_tunnel_details(struct put *map, const struct tunnel *tunnel)
{
	const struct config *config = tunnel->config;
	const struct ip_prefix *prefix;
	char offload[DATAPLANE_OFFLOAD_TEXT];
	char text[IP_PREFIX_TEXT];
	struct tree_writer *w;
	struct put routes;

	snprintf(text, sizeof(text), "%.40s.conf", config->tunnel);
	put_text(map, "config", text);
	dataplane_describe_offload(
		tunnel->daemon->dataplane, tunnel->index, offload, sizeof(offload));
	put_text(map, "offload", offload);
	put_bool(map, "clamp_mss", config->interface.clamp_mss);
	put_init(&routes);
	for (size_t p = 0; p < config->n_peers; p++)
		for (size_t i = 0; (prefix = net_prefix(&config->peers[p], i)) && routes.n < 256;
			i++)
			tree_put_text(
				put_next(&routes), ip_prefix_print(prefix, text, sizeof(text)));
	put_array_end(&routes, put_key(map, "routes"));
	w = put_key(map, "listen");
	tree_put_array(w, 2);
	tree_put_uint(w, config->interface.listen_ike);
	tree_put_uint(w, config->interface.listen_nat);
}

static void hex(char *out, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static void put_spi(struct put *map, const struct sa *sa)
{
	unsigned bits = sa->diet.spi_bits;
	uint32_t low = bits >= 32 ? sa->spi : sa->spi & ((UINT32_C(1) << bits) - 1);
	char text[16];

	snprintf(text, sizeof(text), "%08x", sa->spi);
	put_text(map, "spi", text);
	snprintf(text, sizeof(text), "%0*x", (int)(bits + 3) / 4, low);
	put_text(map, "wire", bits ? text : "");
	put_uint(map, "bits", bits);
	put_uint(map, "sn_bits", sa->diet.sn_bits);
}

static void put_numbers(struct put *map, const struct sa *sa)
{
	char text[2 * KEY_ID_SHOWN + 1];

	put_uint(map, "seq", sa->dir == SA_IN ? sa->replay.highest : sa->sequence);
	put_uint(map, "window", sa->window);
	put_bool(map, "esn", sa->esn);
	put_bool(map, "fallback", sa->fallback);
	put_bool(map, "long_lived", sa->long_lived);
	put_bool(map, "dead", sa->dead);
	if (!sa->long_lived)
		return;
	if (sa->dir != SA_IN && sa->ceiling != UINT64_MAX)
		put_uint(map, "ceiling", sa->ceiling);
	hex(text, sa->key_id, KEY_ID_SHOWN);
	put_text(map, "key_id", text);
}

static void put_counters(struct put *map, const struct sa *sa)
{
	put_uint(map, "packets", sa->counters.packets);
	put_uint(map, "bytes", sa->counters.inner_bytes);
	put_uint(map, "wire_bytes", sa->counters.wire_bytes);
	put_uint(map, "replays", sa->counters.replays);
	put_uint(map, "icv_failures", sa->counters.icv_failures);
	put_uint(map, "other_drops", sa->counters.other_drops);
	put_uint(map, "resyncs", sa->counters.resyncs);
}

void control_put_sa(const struct daemon *daemon, const struct sa *sa, const struct policy *policy,
	struct tree_writer *w)
{
	const struct tunnel *tunnel = daemon->tunnels[policy->tunnel];
	uint64_t now_ms = dataplane_now_ms();
	struct put map;

	put_init(&map);
	put_uint(&map, "id", sa->id);
	put_spi(&map, sa);
	put_text(&map, "dir", PICK(sa->dir, "out", "in", "both"));
	put_text(&map, "peer", policy->name);
	put_text(&map, "tunnel", tunnel ? tunnel->config->tunnel : "");
	put_text(&map, "encap", sa->encap == SA_ENCAP_ESP ? "raw" : "udp");
	put_numbers(&map, sa);
	if (sa->hard_ms != UINT64_MAX)
		put_uint(&map, "life_s", sa->hard_ms > now_ms ? (sa->hard_ms - now_ms) / 1000 : 0);
	put_age(&map, "age_s", sa->born_ms, now_ms);
	put_age(&map, "last_s", sa->last_ms, now_ms);
	put_counters(&map, sa);
	put_text(&map, "cipher", sa->key.suite->name);
	put_map_end(&map, w);
}
