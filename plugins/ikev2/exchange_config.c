/* SPDX-License-Identifier: Apache-2.0 */
/* Inner addresses: asked for, given, kept; and the selectors that they leave (RFC 7296 2.19). */
#include "ikev2/ikev2.h"

#include "base/wire.h"
#include "common/inner_pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ROW_NAME_MAX = 64, PROBE_LEN = 4, GIVEN_TEXT = 2 * ADDR_TEXT };

static uint8_t family_of(size_t which)
{
	return which == INNER_IPV4 ? 4 : 6;
}

static bool has_family(const struct selectors *s, uint8_t family)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].addr_start.family == family)
			return true;
	return false;
}

static const char *print_given(const struct peer *peer, char text[GIVEN_TEXT])
{
	char addr[ADDR_TEXT];
	int n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < INNER_FAMILIES; i++)
		if (peer->inner[i].family)
			n += snprintf(text + n, GIVEN_TEXT - (size_t)n, "%s%s", n ? " and " : "",
				print_addr(&peer->inner[i], addr));
	return text;
}

void inner_local(const struct peer *peer, struct selectors *out)
{
	*out = peer->settings->core.local;
	if (!peer->settings->asks_address)
		return;
	for (size_t i = 0; i < INNER_FAMILIES; i++) {
		selectors_restrict(out, &peer->inner[i]);
		if (!peer->inner[i].family)
			selectors_drop_family(out, family_of(i));
	}
}

void inner_remote(const struct peer *peer, struct selectors *out)
{
	*out = peer->settings->core.remote_ts;
	for (size_t i = 0; !peer->settings->asks_address && i < INNER_FAMILIES; i++)
		selectors_restrict(out, &peer->inner[i]);
}

/* An address that we had is asked for again. */
void inner_ask(const struct ike_sa *sa, struct payload_writer *w)
{
	const struct peer *peer = sa->peer;
	struct cp cp = {.type = CFG_REQUEST};

	if (!peer->settings->asks_address)
		return;
	for (size_t i = 0; i < INNER_FAMILIES; i++) {
		cp.has[i] = has_family(&peer->settings->core.local, family_of(i));
		cp.address[i] = peer->inner[i];
	}
	payload_cp_add(w, &cp);
}

static void show_rest(const struct ike_sa *sa, const struct cp *cp)
{
	char addr[ADDR_TEXT];

	for (size_t i = 0; i < cp->n_dns; i++)
		say(sa->keying, KEYING_INFO, sa->peer,
			"it names the resolver %s, which is not used",
			print_addr(&cp->dns[i], addr));
	if (cp->subnets)
		say(sa->keying, KEYING_INFO, sa->peer,
			"it names %u networks behind it, which are not used: see Routes",
			(unsigned)cp->subnets);
}

/* 0 or negative errno. */
static int take_one(struct ike_sa *sa, size_t which, const struct ip_addr *addr)
{
	const struct keying_host *host = sa->keying->host;
	uint8_t bits = which == INNER_IPV4 ? 32 : 128;
	int r;

	if (!KEYING_HOST_HAS(host, inner_address))
		return -ENOTSUP;
	/* As one host: a prefix would make the peer's the routes of this machine. */
	r = host->inner_address(host, sa->peer->settings->core.policy, addr, bits);
	if (!r)
		sa->peer->inner[which] = *addr;
	return r;
}

const char *inner_take(struct ike_sa *sa, const struct payloads *p)
{
	const struct selectors *local = &sa->peer->settings->core.local;
	const struct notify *n = payloads_error(p);
	bool any = false;
	struct cp cp;

	/* Why there is no child, its own answer says. */
	if (!sa->peer->settings->asks_address || (n && n->type != INTERNAL_ADDRESS_FAILURE))
		return NULL;
	if (n)
		return "INTERNAL_ADDRESS_FAILURE: it has no inner address for us";
	if (!p->cp.data || p->cp.data[0] != CFG_REPLY)
		return "it gives no inner address: give us one there, or Address here";
	payload_cp_parse(p->cp, &cp);
	for (size_t i = 0; i < INNER_FAMILIES; i++) {
		bool wanted = has_family(local, family_of(i));

		if (wanted && cp.has[i] && cp.address[i].family) {
			any = true;
			if (take_one(sa, i, &cp.address[i]))
				return "the inner address that it gives cannot be ours";
		} else if (wanted) {
			sa->peer->inner[i] = (struct ip_addr){0};
			say(sa->keying, KEYING_WARN, sa->peer, "it gives us no IPv%u address",
				family_of(i));
		}
	}
	show_rest(sa, &cp);
	return any ? NULL : "it gives no inner address of the families that we asked for";
}

/* No other peer of the file may have an address of this one's prefix; we may. */
static bool is_taken(const void *context, const struct ip_addr *addr)
{
	const struct settings_list *all = &((const struct keying *)context)->settings;

	for (size_t i = 0; i < all->n_own; i++)
		if (addr_same(&all->own[i].addr, addr))
			return true;
	return false;
}

/* What does not follow from pool and identity is kept under a name that does. */
static void row_name(const struct enrol_pool *pool, struct slice id, char out[ROW_NAME_MAX])
{
	uint8_t text[sizeof pool->prefix.bytes + 1 + ENROL_ID_MAX];
	size_t len = id.len < ENROL_ID_MAX ? id.len : ENROL_ID_MAX;
	uint8_t digest[HASH_DIGEST_LEN];
	int n = snprintf(out, ROW_NAME_MAX, "inner%u/", pool->prefix.family);

	memcpy(text, pool->prefix.bytes, sizeof pool->prefix.bytes);
	text[sizeof pool->prefix.bytes] = pool->prefix_len;
	memcpy(text + sizeof pool->prefix.bytes + 1, id.data, len);
	hash_digest((struct slice){text, sizeof pool->prefix.bytes + 1 + len}, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		n += snprintf(out + n, ROW_NAME_MAX - (size_t)n, "%02x", digest[i]);
}

uint32_t inner_recall(const struct keying *k, const struct enrol_pool *pool, struct slice id)
{
	char name[ROW_NAME_MAX];
	uint8_t value[PROBE_LEN];
	size_t len = 0;

	row_name(pool, id, name);
	if (k->host->state_load(k->host, name, value, sizeof value, &len) || len != PROBE_LEN)
		return 0;
	return get_be32(value);
}

void inner_remember(
	const struct keying *k, const struct enrol_pool *pool, struct slice id, uint32_t probe)
{
	char name[ROW_NAME_MAX];
	uint8_t value[PROBE_LEN];

	row_name(pool, id, name);
	put_be32(value, probe);
	if (k->host->state_save(k->host, name, (struct slice){value, sizeof value}, 0))
		say(k, KEYING_WARN, NULL,
			"an inner address is not on record: after a restart it may be another");
}

/* 0, or -ENOSPC: the pool is used up. */
static int assign(struct keying *k, struct peer *peer, size_t which)
{
	const struct identity *identity = &peer->settings->peer_id;
	const struct slice id = {identity->body + ID_HEADER_LEN, identity->len - ID_HEADER_LEN};
	const struct enrol_pool *pool = &peer->settings->pool[which];
	uint32_t before = inner_recall(k, pool, id);
	struct inner_pool_search search = {.taken = is_taken, .context = k, .probe = before};
	int r = inner_pool_find(pool, id, &search, &peer->inner[which]);

	if (!r && search.probe != before)
		inner_remember(k, pool, id, search.probe);
	return r;
}

static bool has_pool(const struct settings *s)
{
	return s->pool[INNER_IPV4].prefix.family || s->pool[INNER_IPV6].prefix.family;
}

/* The peer's addresses: of the pool, whether it asks or not; else its only one, where it asks. */
static void find_addresses(struct keying *k, struct peer *peer, const struct cp *asked)
{
	const struct settings *s = peer->settings;

	for (size_t i = 0; i < INNER_FAMILIES; i++) {
		if (s->pool[i].prefix.family && peer->inner[i].family)
			continue; /* since we started it has been its own */
		peer->inner[i] = (struct ip_addr){0};
		if (s->pool[i].prefix.family && assign(k, peer, i))
			say(k, KEYING_WARN, peer, "its pool of IPv%u addresses is used up",
				family_of(i));
		else if (!s->pool[i].prefix.family && asked->has[i])
			peer->inner[i] = s->fixed[i];
	}
}

static void refuse(struct ike_sa *sa, const struct payloads *p, uint16_t error, const char *text)
{
	say(sa->keying, KEYING_WARN, sa->peer, "%s", text);
	trouble(sa->keying, sa->peer, text);
	tell(sa->keying, "refused", sa->peer, text);
	trace_child(
		sa, p, &(struct child_outcome){.refused_here = true, .error = error, .why = text});
}

uint16_t inner_answer(struct ike_sa *sa, const struct payloads *p, struct payload_writer *w)
{
	struct peer *peer = sa->peer;
	bool requested = p->cp.data && p->cp.data[0] == CFG_REQUEST;
	struct cp reply = {.type = CFG_REPLY};
	struct cp asked = {0};
	bool any = false;
	char text[GIVEN_TEXT];

	if (peer->settings->asks_address)
		return 0;
	if (requested)
		payload_cp_parse(p->cp, &asked);
	find_addresses(sa->keying, peer, &asked);
	if (!requested)
		return 0;
	for (size_t i = 0; i < INNER_FAMILIES; i++) {
		reply.has[i] = asked.has[i] && peer->inner[i].family;
		reply.address[i] = peer->inner[i];
		any = any || reply.has[i];
	}
	if (!any && (asked.has[INNER_IPV4] || asked.has[INNER_IPV6])) {
		refuse(sa, p, INTERNAL_ADDRESS_FAILURE,
			"INTERNAL_ADDRESS_FAILURE: it asks for an inner address, and there is "
			"none for it: Address of one host, or Pool = yes");
		return INTERNAL_ADDRESS_FAILURE;
	}
	payload_cp_add(w, &reply);
	if (any)
		say(sa->keying, KEYING_INFO, peer, "it asks for its inner address: %s",
			print_given(peer, text));
	return 0;
}

bool inner_must_ask(struct ike_sa *sa, const struct payloads *p, const struct selectors *theirs)
{
	struct selectors allowed;
	char given[GIVEN_TEXT];
	char text[300];

	if (!has_pool(sa->peer->settings) || (p->cp.data && p->cp.data[0] == CFG_REQUEST))
		return false;
	inner_remote(sa->peer, &allowed);
	if (selectors_within(theirs, &allowed))
		return false;
	snprintf(text, sizeof text,
		"FAILED_CP_REQUIRED: it uses inner addresses that are not its own and does not ask "
		"for %s: Address = auto there, or that address",
		print_given(sa->peer, given));
	refuse(sa, p, FAILED_CP_REQUIRED, text);
	return true;
}
