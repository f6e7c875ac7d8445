/* SPDX-License-Identifier: Apache-2.0 */
/* The door's slots for SPIs and SAs: nothing that a plugin says is believed before it was looked
 * at (trust.md 4.2 and 4.7). */
#include "keying/instance.h"

#include "base/log.h"
#include "config/rules.h"
#include "config/rules_kept.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "esp/sa.h"
#include "esp/spi.h"
#include "io/dataplane.h"
#include "ip/ts.h"
#include "ipsec/ipsec.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"
#include "keying/rules_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAG "keying"

enum { ATTRS_MAX = 4096, BITS = 8 };

struct own_spi {
	uint32_t spi; /* first: key of instance.spis */
};

/* What the checks find out on the way. */
struct install {
	struct instance *in;
	const struct sa_params *params;
	struct peer_slot *slot;
	const struct policy *policy;
	struct diet_attrs attrs;
	uint8_t digest[HOST_DIGEST_LEN];
};

static size_t sas_max(const struct instance *in)
{
	return HOST_SAS_BASE + (in->n_slots + in->n_guests) * HOST_SAS_PER_PEER;
}

static int spi_take(const struct keying_host *host, const struct ip_endpoint *local,
	uint32_t widths, uint32_t *spi)
{
	struct instance *in = instance_of(host);
	struct spi_table *table = in->host->params.ipsec->spis;
	struct own_spi *own;
	int r;

	(void)local; /* all tunnels and addresses share one set of sockets, so one table of SPIs */
	if (!spi)
		return -EINVAL;
	if (in->n_spis >= sas_max(in))
		return -ENOSPC;
	own = malloc(sizeof *own);
	if (!own)
		return -ENOMEM;
	r = spi_reserve(table, widths, spi);
	if (r) {
		free(own);
		return r;
	}
	own->spi = *spi;
	r = map_add(&in->spis, key_hash(*spi), own);
	if (r) {
		spi_release(table, *spi);
		free(own);
		return r;
	}
	in->n_spis++;
	return 0;
}

/* The SA owns it from now on, or nobody. */
static bool forget_spi(struct instance *in, uint32_t spi)
{
	struct own_spi *own = key_remove(&in->spis, spi);

	if (!own)
		return false;
	in->n_spis--;
	free(own);
	return true;
}

/* Of its own only, and not one that an SA has taken over. */
static void spi_give(const struct keying_host *host, const struct ip_endpoint *local, uint32_t spi)
{
	struct instance *in = instance_of(host);

	(void)local;
	if (forget_spi(in, spi))
		spi_release(in->host->params.ipsec->spis, spi);
}

static int trouble(struct install *install, int error, const char *text)
{
	struct peer_slot *slot = install->slot;

	snprintf(slot->trouble, sizeof slot->trouble, "%s", text);
	if (log_limit(&install->in->refusals, dataplane_now_ms()) >= 0)
		log_warn("%s: SA refused: %s", slot->peer->name, text);
	return error;
}

/* A bucket of installs: full, it holds what all peers need at once. */
static bool may_install(struct instance *in)
{
	uint64_t now_ms = dataplane_now_ms();
	uint64_t elapsed = now_ms > in->tokens_ms ? now_ms - in->tokens_ms : 0;
	uint64_t more = elapsed * HOST_INSTALLS_PER_S / 1000;

	if (more) {
		in->tokens += more;
		in->tokens_ms = now_ms;
	}
	if (in->tokens > sas_max(in))
		in->tokens = sas_max(in);
	if (in->n_sas >= sas_max(in) || !in->tokens)
		return false;
	in->tokens--;
	return true;
}

static int check_shape(const struct sa_params *p)
{
	if (p->dir != SA_OUT && p->dir != SA_IN)
		return -EINVAL;
	if (p->mode != SA_TUNNEL || (p->encap != SA_ENCAP_UDP && p->encap != SA_ENCAP_ESP))
		return -EINVAL;
	if (p->group || p->spi <= SPI_RESERVED_MAX || p->esn > 1 || p->keymat_len > KEYMAT_MAX)
		return -EINVAL;
	if (p->long_lived > 1 || p->fallback > 1 || p->pinned > 1)
		return -EINVAL;
	if (p->window && (p->window < REPLAY_WINDOW_MIN || p->window > REPLAY_WINDOW_MAX))
		return -EINVAL;
	if (!p->n_ts_local || p->n_ts_local > TS_MAX || !p->n_ts_remote || p->n_ts_remote > TS_MAX)
		return -EINVAL;
	return p->attrs.len && p->attrs.len <= ATTRS_MAX && p->attrs.data ? 0 : -EINVAL;
}

/* The suite exists and the file allows it: a plugin cannot negotiate below the operator's list. */
static int check_suite(struct install *install)
{
	const struct sa_params *p = install->params;
	const struct config_peer *peer = install->slot->peer;
	const struct aead_suite *suite = aead_suite_find(p->encr, p->keymat_len);

	if (!suite)
		return trouble(install, -EINVAL, "no such cipher, or a key of the wrong length");
	for (size_t i = 0; i < peer->n_ciphers; i++) {
		const struct config_cipher *cipher = &peer->ciphers[i];

		if (cipher->encr == p->encr &&
			(!cipher->key_bits || cipher->key_bits == suite->key_len * BITS))
			return 0;
	}
	return trouble(install, -EINVAL, "this cipher is not in the peer's Cipher list");
}

static bool within(const struct ts *ts, const struct ts *allowed, size_t n)
{
	struct ts common;

	for (size_t i = 0; i < n; i++)
		if (ts_narrow(ts, &allowed[i], &common) && ts_equal(ts, &common))
			return true;
	return false;
}

static int check_selectors(struct install *install)
{
	const struct sa_params *p = install->params;
	const struct policy *policy = install->policy;
	bool ok = true;

	for (size_t i = 0; i < p->n_ts_local; i++)
		ok = ok && ts_valid(&p->ts_local[i]) &&
		     within(&p->ts_local[i], policy->local, policy->n_local);
	for (size_t i = 0; i < p->n_ts_remote; i++)
		ok = ok && ts_valid(&p->ts_remote[i]) &&
		     within(&p->ts_remote[i], policy->remote, policy->n_remote);
	return ok ? 0 : trouble(install, -EINVAL, "its selectors reach beyond the policy");
}

/* What the plugin names by its digest is what the file has; else two ends would guess. */
static int take_rules(struct install *install)
{
	const struct config_peer *peer = install->slot->peer;
	const struct diet_attrs *own = &peer->attrs;
	struct diet_attrs *attrs = &install->attrs;

	if (!attrs->rules_named)
		return 0;
	if (!peer->rules || !own->rules || own->rules_digest != attrs->rules_digest ||
		own->device != attrs->device)
		return trouble(install, -EINVAL, "it names other rules than Compress does");
	attrs->rules = own->rules;
	attrs->shared = own->shared;
	return 0;
}

static int check_attrs(struct install *install)
{
	struct tree_error error;
	const char *why;
	int r;

	if (rules_attrs_read(install->params->attrs, &install->attrs, &error))
		return trouble(install, -EINVAL, error.text);
	why = diet_attrs_check(&install->attrs);
	if (why)
		return trouble(install, -EINVAL, why);
	r = take_rules(install);
	if (r)
		return r;
	if (install->params->fallback && (install->attrs.iipc || install->attrs.rules))
		return trouble(
			install, -EINVAL, "a fallback SA must not compress the inner header");
	return 0;
}

/* What will find it: its reserved SPI, or the peer's address where nothing of the SPI travels. */
static int check_lookup(struct install *install)
{
	const struct sa_params *p = install->params;

	if (install->attrs.esp_spi_lsb)
		return key_find(&install->in->spis, p->spi)
			       ? 0
			       : trouble(install, -EADDRINUSE,
					 "its SPI was not reserved, or is in use");
	if (p->encap == SA_ENCAP_ESP && p->remote.addr.family)
		return 0;
	return trouble(install, -EINVAL,
		"without SPI bits only raw ESP from a known address can be told apart");
}

static uint64_t digest_hash(const uint8_t *digest)
{
	uint64_t h;

	memcpy(&h, digest, sizeof h);
	return h;
}

static bool digest_equal(const void *value, const void *key)
{
	return !memcmp(((const struct host_sa *)value)->digest, key, HOST_DIGEST_LEN);
}

/* Two SAs with one key count from the same number: in whatever direction, of whatever peer. */
static int check_key(struct install *install)
{
	const struct sa_params *p = install->params;

	hash_digest((struct slice){p->keymat, p->keymat_len}, install->digest);
	if (map_find(&install->in->host->digests, digest_hash(install->digest), install->digest))
		return trouble(install, -EADDRINUSE,
			"its key is in use by another SA: every direction of every peer needs a "
			"key of its own");
	return 0;
}

static int check(struct install *install)
{
	struct instance *in = install->in;
	const struct sa_params *p = install->params;
	int r = check_shape(p);

	if (r)
		return r;
	install->slot = key_find(&in->host->slots, p->policy);
	install->policy = spd_find(in->host->params.ipsec->spd, p->policy);
	if (!install->slot || install->slot->instance != in || !install->policy ||
		install->policy->action != POLICY_PROTECT)
		return -EINVAL;
	if (!may_install(in))
		return trouble(install, -ENOSPC, "too many SAs, or too many in one second");
	r = check_suite(install);
	if (!r)
		r = check_selectors(install);
	if (!r)
		r = check_attrs(install);
	if (!r && p->dir == SA_IN)
		r = check_lookup(install);
	return r ? r : check_key(install);
}

static void discard(struct host_sa *sa)
{
	map_remove(&sa->instance->host->digests, digest_hash(sa->digest), sa->digest);
	host_timer_close(sa->timer);
	free(sa);
}

static int prepare(struct install *install, struct host_sa **out)
{
	struct host *host = install->in->host;
	struct host_sa *sa = calloc(1, sizeof *sa);
	int r = -ENOMEM;

	if (!sa)
		return r;
	sa->instance = install->in;
	sa->policy = install->params->policy;
	sa->dir = (uint8_t)install->params->dir;
	sa->long_lived = install->params->long_lived;
	memcpy(sa->digest, install->digest, HOST_DIGEST_LEN);
	if (!sa->long_lived || (sa->timer = host_timer_new(host, sa)))
		r = map_add(&host->digests, digest_hash(sa->digest), sa);
	if (r) {
		host_timer_close(sa->timer);
		free(sa);
		return r;
	}
	*out = sa;
	return 0;
}

/* What the key exchange compares, a key without one has to say. Its numbers count on as before. */
static int add_sa(struct install *install, struct sa **esp)
{
	struct ipsec *ipsec = install->in->host->params.ipsec;
	struct sa_params params = *install->params;
	bool out = params.dir == SA_OUT;
	int r;

	if (params.long_lived && install->attrs.rules)
		rules_key_bind(params.keymat, params.keymat_len,
			install->slot->peer->rules->set.digest, out == install->attrs.device);
	r = ipsec_sa_install(ipsec, &params, &install->attrs, dataplane_now_ms(), esp);
	secret_wipe(params.keymat, sizeof params.keymat);
	return r;
}

static int enter(struct install *install, struct host_sa *sa, uint64_t value)
{
	struct instance *in = install->in;
	struct ipsec *ipsec = in->host->params.ipsec;
	struct sa *esp;
	int r = add_sa(install, &esp);

	if (r == -EADDRINUSE)
		return trouble(install, r,
			"its SPI is in use, or it comes from an address whose raw ESP is "
			"another SA's");
	if (r)
		return trouble(install, r, strerror(-r));
	if (esp->dir == SA_IN && !sad_has_source(esp))
		forget_spi(in, esp->spi);
	sa->id = esp->id;
	r = map_add(&in->host->sas, key_hash(sa->id), sa);
	if (r) {
		ipsec_sa_remove(ipsec, esp);
		return r;
	}
	list_append(&in->sas, &sa->link);
	in->n_sas++;
	if (sa->long_lived)
		counter_begin(sa, esp, value);
	return 0;
}

static int sa_install(const struct keying_host *host, const struct sa_params *params, sa_id *id)
{
	struct install install = {.in = instance_of(host), .params = params};
	uint64_t value = 0;
	struct host_sa *sa;
	int r = params && id ? check(&install) : -EINVAL;

	if (!r)
		r = prepare(&install, &sa);
	if (r)
		return r;
	if (sa->long_lived)
		r = counter_load(install.slot, sa, &value);
	if (!r)
		r = enter(&install, sa, value);
	if (r) {
		discard(sa);
		return r;
	}
	if (!install.slot->n_pending)
		install.slot->trouble[0] = '\0';
	*id = sa->id;
	host_kick(install.in->host);
	return 0;
}

struct sa *host_sa_esp(const struct host_sa *sa)
{
	return sad_find(sa->instance->host->params.ipsec->sad, sa->id);
}

void host_sa_drop(struct host_sa *sa, bool tell)
{
	struct instance *in = sa->instance;
	struct sa *esp = host_sa_esp(sa);
	struct host_call call = {.kind = CALL_SA_EVENT, .sa_event = {sa->id, SA_REMOVED}};

	if (esp && sa->long_lived)
		counter_end(sa, esp);
	if (esp)
		ipsec_sa_remove(in->host->params.ipsec, esp);
	key_remove(&in->host->sas, sa->id);
	list_remove(&sa->link);
	in->n_sas--;
	discard(sa);
	in->host->wipe = true;
	host_kick(in->host);
	if (tell)
		instance_tell(in, &call);
}

static int sa_remove(const struct keying_host *host, sa_id id)
{
	struct instance *in = instance_of(host);
	struct host_sa *sa = key_find(&in->host->sas, id);

	if (!sa || sa->instance != in)
		return -ENOENT;
	host_sa_drop(sa, false);
	return 0;
}

static int sa_packets(const struct keying_host *host, sa_id id, uint64_t *packets)
{
	const struct instance *in = instance_of(host);
	const struct host_sa *sa = key_find(&in->host->sas, id);
	const struct sa *esp = sa && sa->instance == in ? host_sa_esp(sa) : NULL;

	if (!esp)
		return -ENOENT;
	*packets = esp->counters.packets;
	return 0;
}

static int watch(const struct keying_host *host, sa_id id)
{
	const struct instance *in = instance_of(host);
	const struct host_sa *sa = key_find(&in->host->sas, id);
	struct sa *esp = sa && sa->instance == in ? host_sa_esp(sa) : NULL;

	if (!esp)
		return -ENOENT;
	if (sa->long_lived)
		return -EINVAL;
	sa_watch(esp);
	return 0;
}

void host_sa_stop(struct instance *in)
{
	struct own_spi *own;
	size_t at = 0;

	list_each_safe (node, &in->sas)
		host_sa_drop(container_of(node, struct host_sa, link), false);
	while ((own = map_next(&in->spis, &at))) {
		spi_release(in->host->params.ipsec->spis, own->spi);
		free(own);
	}
	map_fini(&in->spis);
	map_init(&in->spis, key_equal);
	in->n_spis = 0;
}

void host_sa_init(struct host *host)
{
	map_init(&host->sas, key_equal);
	map_init(&host->digests, digest_equal);
}

void host_sa_fill(struct keying_host *table)
{
	table->spi_reserve = spi_take;
	table->spi_release = spi_give;
	table->sa_install = sa_install;
	table->sa_remove = sa_remove;
	table->sa_packets = sa_packets;
	table->sa_watch = watch;
}
