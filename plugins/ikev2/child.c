/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of ESP SAs: made, used, retired, taken down (RFC 7296 1.3, 2.8). */
#include "ikev2/ikev2.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPI_WIDTH_FULL = 32, LINGER_MS = 1000 };

struct child *child_create(struct ike_sa *sa)
{
	struct child *child = calloc(1, sizeof *child);

	if (!child)
		return NULL;
	child->ike = sa;
	list_append(&sa->children, &child->link);
	return child;
}

int child_install_one(struct child *child, struct sa_params *p, enum sa_dir dir)
{
	const struct keying_host *host = child->ike->keying->host;
	int r;

	p->dir = dir;
	p->spi = child->spi[dir];
	r = host->sa_install(host, p, &child->sa[dir]);
	child->installed[dir] = !r;
	if (!r && dir == SA_IN)
		child->reserved = false;
	if (r)
		say(child->ike->keying, KEYING_ERROR, child->ike->peer, "SPI 0x%x: %s", p->spi,
			strerror(-r));
	return r;
}

static void forget_later(struct child *child)
{
	if (child->later)
		secret_wipe(child->later, sizeof *child->later);
	free(child->later);
	child->later = NULL;
}

static void take_down(struct child *child, enum sa_dir dir)
{
	const struct keying_host *host = child->ike->keying->host;
	const struct ip_endpoint anywhere = {0};

	if (child->installed[dir])
		host->sa_remove(host, child->sa[dir]);
	else if (dir == SA_IN && child->reserved)
		host->spi_release(host, &anywhere, child->spi[SA_IN]);
	child->installed[dir] = false;
	if (dir == SA_IN)
		child->reserved = false;
}

/* Whoever still points to it. */
static void forget(const struct child *child)
{
	struct request *r = &child->ike->request;

	if (r->child == child)
		r->child = NULL;
	if (!r->create)
		return;
	if (r->create->old == child)
		r->create->old = NULL;
	if (r->create->rival == child)
		r->create->rival = NULL;
	if (r->create->fresh == child)
		r->create->fresh = NULL;
}

static void forget_replaced(const struct child *gone)
{
	list_each (node, &gone->ike->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->replaces == gone)
			child->replaces = NULL;
	}
}

void child_destroy(struct child *child)
{
	if (!child)
		return;
	forget(child);
	forget_replaced(child);
	take_down(child, SA_OUT);
	take_down(child, SA_IN);
	forget_later(child);
	list_remove(&child->link);
	free(child);
}

bool child_is_live(const struct child *child)
{
	return child->state == CHILD_UP && child->installed[SA_IN];
}

void child_retire(struct child *child)
{
	if (!child)
		return;
	forget(child);
	take_down(child, SA_OUT);
	forget_later(child);
	child->state = CHILD_RETIRED;
	child->want_delete = child->want_rekey = false;
	child_wait(child, LINGER_MS);
}

void child_replaced(struct child *old)
{
	list_each (node, &old->ike->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->replaces == old)
			child_use(child);
	}
}

bool child_is_superseded(const struct child *child)
{
	const struct ike_sa *newer = child->ike->peer->sa;

	if (child->ike->state != IKE_REPLACED || !newer)
		return false;
	list_each (node, &newer->children)
		if (container_of(node, struct child, link)->installed[SA_OUT])
			return true;
	return false;
}

void child_use(struct child *child)
{
	if (!child->later)
		return;
	child->due_ms = 0;
	/* A newer IKE SA carries the packets; this one may still come back to it. */
	if (child_is_superseded(child))
		return;
	child_install_one(child, child->later, SA_OUT);
	forget_later(child);
	child->replaces = NULL;
}

void child_use_all(struct ike_sa *sa)
{
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (!child->replaces)
			child_use(child);
	}
}

void child_used(struct child *child, enum sa_dir dir)
{
	if (dir == SA_IN)
		child_use(child);
	else
		on_used(child->ike);
}

struct child *child_by_sa(struct keying *k, sa_id id, enum sa_dir *dir)
{
	list_each (at, &k->all) {
		struct ike_sa *sa = container_of(at, struct ike_sa, link);

		list_each (node, &sa->children) {
			struct child *child = container_of(node, struct child, link);

			for (int i = SA_OUT; i <= SA_IN; i++)
				if (child->installed[i] && child->sa[i] == id) {
					*dir = (enum sa_dir)i;
					return child;
				}
		}
	}
	return NULL;
}

struct child *child_by_spi(struct ike_sa *sa, enum sa_dir dir, uint32_t spi)
{
	/* One that is being made has no SPI of the peer's yet: 0 is not its name. */
	if (!spi)
		return NULL;
	list_each (node, &sa->children) {
		struct child *child = container_of(node, struct child, link);

		if (child->spi[dir] == spi && child->state != CHILD_RETIRED)
			return child;
	}
	return NULL;
}

int child_reserve(struct child *child, const struct hcp *hcp)
{
	const struct keying_host *host = child->ike->keying->host;
	const struct ip_endpoint anywhere = {0};
	uint32_t widths = (uint32_t)1 << (SPI_WIDTH_FULL - 1);
	int r;

	if (hcp)
		widths |= (uint32_t)1 << (hcp->value[HCP_SPI_LSB] - 1);
	child->spi[SA_IN] = 0;
	r = host->spi_reserve(host, &anywhere, widths, &child->spi[SA_IN]);
	child->reserved = !r;
	return r;
}
