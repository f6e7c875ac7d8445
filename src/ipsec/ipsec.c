/* SPDX-License-Identifier: Apache-2.0 */
/* Both databases together, RFC 4301 4.4: SAs installed and removed, notices, the MTU inside. */
#include "ipsec/ipsec.h"

#include "base/buf.h"
#include "diet/context.h"
#include "diet/ctec.h"
#include "diet/iipc.h"
#include "esp/esp.h"
#include "esp/sa.h"
#include "ip/addr.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PLAIN_OVERHEAD = 8 + 8 + AEAD_ICV_MAX, /* SPI, SN, IV, ICV */
	PLAIN_ALIGN = 4,
	PLAIN_TRAILER = 2,
};

int ipsec_init(struct ipsec *ipsec, spi_random *random, void *arg, size_t aead_contexts)
{
	*ipsec = (struct ipsec){0};
	list_init(&ipsec->notices);
	ipsec->spd = spd_create();
	ipsec->spis = spi_table_create(random, arg);
	ipsec->aead = aead_pool_create(aead_contexts);
	ipsec->sad = ipsec->spis ? sad_create(ipsec->spis) : NULL;
	ipsec->spare = malloc(BUF_MAX);
	if (ipsec->spd && ipsec->aead && ipsec->sad && ipsec->spare)
		return 0;
	ipsec_fini(ipsec);
	return -ENOMEM;
}

/* SAs first: they use the pool, the SPIs and the policies' paths. */
void ipsec_fini(struct ipsec *ipsec)
{
	sad_destroy(ipsec->sad);
	spi_table_destroy(ipsec->spis);
	spd_destroy(ipsec->spd);
	aead_pool_destroy(ipsec->aead);
	free(ipsec->spare);
	*ipsec = (struct ipsec){0};
	list_init(&ipsec->notices);
}

/* The peer's address is all that finds such an SA: whoever moved it would cut the peer off. */
static bool has_source(const struct policy *policy)
{
	list_each (node, &policy->sas)
		if (sad_has_source(container_of(node, struct sa, by_policy)))
			return true;
	return false;
}

/* What keying knows of the peer's place is newer than what packets told before. */
static void set_path(const struct policy *policy, const struct sa_params *params)
{
	struct path *path = policy->path;

	path->encap = (uint8_t)params->encap;
	path->pinned = params->pinned || has_source(policy);
	if (params->local.addr.family)
		path->local = params->local;
	if (!params->remote.addr.family || ip_endpoint_equal(&path->remote, &params->remote))
		return;
	path->remote = params->remote;
	path->previous = (struct ip_endpoint){0};
	path->unproven = 0;
	path->mtu = 0; /* of another path */
}

int ipsec_sa_install(struct ipsec *ipsec, const struct sa_params *params,
	const struct diet_attrs *attrs, uint64_t now_ms, struct sa **out)
{
	struct policy *policy = spd_find(ipsec->spd, params->policy);
	const struct ip_addr *remote = &params->remote.addr;
	struct sa *sa;
	int error;

	if (!policy)
		return -ENOENT;
	if (params->spi <= SPI_RESERVED_MAX || params->mode != SA_TUNNEL)
		return -EINVAL;
	error = sa_create(params, attrs, ipsec->aead, now_ms, &sa);
	if (error)
		return error;
	if (!remote->family)
		remote = &policy->path->remote.addr;
	error = sad_add(ipsec->sad, policy, remote, sa);
	if (error) {
		sa_destroy(sa);
		return error;
	}
	set_path(policy, params);
	*out = sa;
	return 0;
}

void ipsec_sa_remove(struct ipsec *ipsec, struct sa *sa)
{
	sad_remove(ipsec->sad, ipsec->spd, sa);
}

void ipsec_note(struct ipsec *ipsec, struct sa *sa)
{
	if (sa->notices && list_empty(&sa->notice_link))
		list_append(&ipsec->notices, &sa->notice_link);
}

struct sa *ipsec_take_notice(struct ipsec *ipsec, uint32_t *notices)
{
	struct sa *sa;

	if (list_empty(&ipsec->notices))
		return NULL;
	sa = container_of(ipsec->notices.next, struct sa, notice_link);
	list_remove(&sa->notice_link);
	*notices = sa->notices;
	sa->notices = 0;
	return sa;
}

void ipsec_note_due(struct ipsec *ipsec, uint64_t now_ms)
{
	for (struct sa *sa; (sa = sad_take_due(ipsec->sad, now_ms));)
		ipsec_note(ipsec, sa);
}

int ipsec_set_local(struct ipsec *ipsec, uint32_t id, const struct ts *local, uint8_t n)
{
	const struct policy *policy = spd_find(ipsec->spd, id);

	if (!policy)
		return -ENOENT;
	list_each (node, &policy->sas) {
		int error = sa_keep_selectors(container_of(node, struct sa, by_policy));

		if (error)
			return error;
	}
	return spd_set_local(ipsec->spd, id, local, n);
}

/* The trailer's padding depends on the length, so the last few lengths are tried. */
uint32_t ipsec_payload_room(const struct sa *sa, uint32_t path_mtu)
{
	size_t overhead = path_outer_len(sa->path) + sa->diet.header_len + esp_overhead(sa);
	size_t room = path_mtu > overhead ? path_mtu - overhead : 0;
	size_t len = room;

	while (len > 0 && len + ctec_trailer_len(&sa->diet, len) > room)
		len--;
	return (uint32_t)len;
}

static uint32_t plain_room(const struct path *path, uint32_t path_mtu)
{
	size_t overhead = path_outer_len(path) + PLAIN_OVERHEAD;
	size_t room = path_mtu > overhead ? path_mtu - overhead : 0;

	room -= room % PLAIN_ALIGN;
	return room > PLAIN_TRAILER ? (uint32_t)room - PLAIN_TRAILER : 0;
}

uint32_t ipsec_inner_mtu(const struct policy *policy, uint32_t path_mtu)
{
	uint32_t mtu = plain_room(policy->path, path_mtu);

	list_each (node, &policy->sas) {
		const struct sa *sa = container_of(node, struct sa, by_policy);
		uint32_t room;

		if (sa->dir != SA_OUT)
			continue;
		room = ipsec_payload_room(sa, path_mtu);
		if (sa->diet.rule_id && room > 0)
			room--;
		if (room < mtu)
			mtu = room;
	}
	return mtu > IPV6_MIN_MTU ? mtu : IPV6_MIN_MTU;
}

static size_t sealed_len(const struct sa *sa, uint32_t inner)
{
	size_t len = iipc_usual_len(&sa->diet, inner);

	return len + ctec_trailer_len(&sa->diet, len);
}

uint32_t ipsec_even_mtu(const struct policy *policy, uint32_t mtu)
{
	const struct sa *sa = policy->out;
	size_t even;

	if (!sa || mtu <= IPV6_MIN_MTU)
		return mtu;
	even = aead_even_len(sa->key.suite, sealed_len(sa, mtu));
	while (mtu > IPV6_MIN_MTU && sealed_len(sa, mtu) > even)
		mtu--;
	return mtu;
}
