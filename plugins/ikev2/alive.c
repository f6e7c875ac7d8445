/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the peer is still there, and what follows where it is not (RFC 7296 2.4, 2.21.4). */
#include "ikev2/half_open.h"

#include <string.h>

enum {
	LOOK_MS = 5000,       /* while packets pass */
	UNANSWERED_MS = 9000, /* packets go and none come, from a peer that used to answer */
	SUSPECT_MS = 60000,   /* between two handshakes because of a suspicion */
};

static uint64_t passed(const struct ike_sa *sa, enum sa_dir dir)
{
	const struct keying_host *host = sa->keying->host;
	uint64_t sum = 0;

	list_each (node, &sa->children) {
		const struct child *child = container_of(node, struct child, link);
		uint64_t packets = 0;

		if (child->installed[dir] && KEYING_HOST_HAS(host, sa_packets))
			host->sa_packets(host, child->sa[dir], &packets);
		sum += packets;
	}
	return sum;
}

/* What has passed since the last look. An ESP packet is as good a sign of life as a message. */
static void look(struct ike_sa *sa, uint64_t now, bool moved[2])
{
	for (int dir = 0; dir < 2; dir++) {
		uint64_t sum = passed(sa, (enum sa_dir)dir);

		moved[dir] = sum != sa->passed[dir];
		sa->passed[dir] = sum;
	}
	if (moved[SA_IN]) {
		sa->heard_ms = now;
		sa->converses = true;
	}
	if (moved[SA_IN] || !moved[SA_OUT])
		sa->unanswered_ms = now;
}

/* Until packets go again nothing has to be looked at but by Liveness. */
static void watch(const struct ike_sa *sa)
{
	const struct keying_host *host = sa->keying->host;

	list_each (node, &sa->children) {
		const struct child *child = container_of(node, struct child, link);

		if (child->installed[SA_OUT] && KEYING_HOST_HAS(host, sa_watch))
			host->sa_watch(host, child->sa[SA_OUT]);
	}
}

void on_used(struct ike_sa *sa)
{
	struct keying *k = sa->keying;

	if (sa->state != IKE_UP || !sa->peer->settings->alive_s)
		return;
	sa->unanswered_ms = k->host->now_ms(k->host);
	ike_sa_due_in(sa, DUE_ALIVE, LOOK_MS);
}

/*
 * Silence is asked about after Liveness; sooner where a peer that used to answer no longer does.
 * Idle SAs wake us once per Liveness only. Who sleeps is left alone.
 */
void on_alive(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t every_ms = sa->peer->settings->alive_s * 1000;
	uint64_t now = k->host->now_ms(k->host);
	uint64_t silent_ms;
	uint64_t next_ms;
	bool moved[2];
	bool ask;

	if (sa->state != IKE_UP || !every_ms)
		return;
	look(sa, now, moved);
	silent_ms = now - sa->heard_ms;
	ask = silent_ms >= every_ms || (sa->converses && moved[SA_OUT] && !moved[SA_IN] &&
					       now - sa->unanswered_ms >= UNANSWERED_MS);
	next_ms = silent_ms < every_ms ? every_ms - silent_ms : every_ms;
	if (!moved[SA_IN] && !moved[SA_OUT])
		watch(sa);
	else if (next_ms > LOOK_MS)
		next_ms = LOOK_MS;
	ike_sa_due_in(sa, DUE_ALIVE, next_ms);
	if (!ask)
		return;
	sa->converses = false; /* one-way traffic from here on is asked about by Liveness only */
	sa->want_alive = true;
	exchange_next(sa);
}

/*
 * The peer seems to have lost this SA. That may be a lie of whoever sees our messages, so nothing
 * ends: another IKE SA is tried beside it, which takes its place when it stands.
 */
void ike_sa_suspect(struct ike_sa *sa)
{
	struct keying *k = sa->keying;
	uint64_t now = k->host->now_ms(k->host);

	if (sa->state != IKE_UP || sa->peer->sa != sa ||
		sa->peer->settings->core.role == ROLE_RESPONDER ||
		(sa->suspect_ms && now - sa->suspect_ms < SUSPECT_MS))
		return;
	sa->suspect_ms = now;
	say(k, KEYING_INFO, sa->peer, "it may have lost the IKE SA: a new one is tried");
	reauthenticate(sa);
}

/* Not protected, so a hint; but whoever waits only for its end need not wait for a better one. */
void on_unknown_there(struct ike_sa *sa)
{
	if (sa->state == IKE_CLOSING || sa->state == IKE_REPLACED)
		ike_sa_closed(sa);
	else
		ike_sa_suspect(sa);
}

/* RFC 7296 2.21.4: a request under an SPI that is not ours. Shorter than any request. */
void answer_stranger(struct keying *k, const struct message *m, const struct way *way)
{
	struct message head = {.exchange = m->exchange,
		.id = m->id,
		.flags = (uint8_t)(MESSAGE_FLAG_RESPONSE | (~m->flags & MESSAGE_FLAG_INITIATOR))};
	struct message_writer w;
	size_t len;

	if (!k->half || m->flags & MESSAGE_FLAG_RESPONSE || m->exchange == IKE_AUTH ||
		!half_may_refuse(k->half, &way->remote.addr))
		return;
	memcpy(head.spis, m->spis, sizeof head.spis);
	message_begin(&w, &head, false, k->scratch, SCRATCH_LEN);
	payload_add_notify(&w.payloads, INVALID_IKE_SPI, (struct slice){NULL, 0});
	len = message_end(&w, NULL, 0);
	if (len && len <= m->octets.len)
		send_octets(k, way, (struct slice){w.data, len});
}
