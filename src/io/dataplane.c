/* SPDX-License-Identifier: Apache-2.0 */
/* Reads TUNs and sockets on the loop, calls outbound and inbound, acts on their verdicts; RFC 4301
 * 5. No packet waits for a later wake-up but those of dataplane_held.c. */
#include "io/dataplane.h"

#define LOG_TAG "dataplane"

#include "base/buf.h"
#include "base/log.h"
#include "esp/sa.h"
#include "io/dataplane_held.h"
#include "io/dataplane_icmp.h"
#include "io/dataplane_inner.h"
#include "io/dataplane_paths.h"
#include "ip/checksum.h"
#include "ipsec/ipsec.h"
#include "ipsec/path.h"
#include "ipsec/sad.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum {
	ROUNDS_PER_TURN = 8, /* batches of one TUN per wake-up: others have their turn then */
	/* One batch under way, one kept by a full socket, those held, an ICMP error. Nothing of it
	 * is touched before it is needed. */
	POOL = BATCH_MAX + BATCH_MAX + HELD_MAX + 4,
	ACQUIRE_MS = 1000,
	AUDIT_MS = 1000,
};

struct tunnel {
	struct dataplane *dp;
	const struct tun *tun;
	uv_poll_t poll;
	uint32_t mtu;
	uint16_t index;
	bool lost;
	unsigned kinds; /* what the device takes in super-packets; of coalesce.h */
	size_t n_own;
	struct ip_addr own[DATAPLANE_OWN_MAX];
};

struct dataplane {
	struct dataplane_params params;
	struct ipsec *ipsec;
	struct transport *transport;
	struct buf_pool *pool;
	struct tunnel **tunnels; /* by index, with holes */
	size_t n_tunnels;
	struct batch batch; /* outbound */
	struct held held;
	struct paths paths;
	struct icmp_rate icmp_rate;
	uint64_t audit_ms[DROP_COUNT]; /* the next event of this reason, not before */
	bool full;                     /* the socket is: no TUN is read */
	bool kicked;
	uv_timer_t timer;
	uint64_t armed_ms;  /* UINT64_MAX: not */
	struct inner inner; /* last: a whole super-packet lies in it */
};

static void on_tunnel(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

uint64_t dataplane_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct tunnel *tunnel_find(const struct dataplane *dp, uint16_t index)
{
	return index < dp->n_tunnels ? dp->tunnels[index] : NULL;
}

static uint64_t next_deadline(const struct dataplane *dp)
{
	uint64_t next = sad_next_deadline(dp->ipsec->sad);
	uint64_t held = held_deadline(&dp->held);

	next = held < next ? held : next;
	return dp->paths.keepalive_ms < next ? dp->paths.keepalive_ms : next;
}

/* An armed timer may fire too early, and then looks again; it is never re-armed to a later time. */
static void arm(struct dataplane *dp, uint64_t now_ms)
{
	uint64_t next = dp->kicked ? now_ms : next_deadline(dp);

	if (next == UINT64_MAX) {
		if (dp->armed_ms != UINT64_MAX)
			uv_timer_stop(&dp->timer);
	} else if (next < dp->armed_ms) {
		uv_timer_start(&dp->timer, on_timer, next > now_ms ? next - now_ms : 0, 0);
	} else {
		return;
	}
	dp->armed_ms = next;
}

static void tell_notices(struct dataplane *dp)
{
	const struct dataplane_events *events = &dp->params.events;
	uint32_t notices;

	for (struct sa *sa; (sa = ipsec_take_notice(dp->ipsec, &notices)) != NULL;)
		events->notice(events->owner, sa, notices);
}

/* The auditable events of RFC 4301 5.2 and RFC 4303 3.4. */
static bool is_audited(enum drop drop)
{
	return drop == DROP_UNKNOWN_SPI || drop == DROP_REPLAY_OLD || drop == DROP_REPLAY_SEEN ||
	       drop == DROP_ICV || drop == DROP_POLICY_MISMATCH;
}

static void audit(struct dataplane *dp, const struct batch_item *item, uint64_t now_ms)
{
	const struct dataplane_events *events = &dp->params.events;

	if (!is_audited(item->drop) || now_ms < dp->audit_ms[item->drop])
		return;
	dp->audit_ms[item->drop] = now_ms + AUDIT_MS;
	events->audit(events->owner, item->drop, &item->outer, item->sa);
}

static void acquire(struct dataplane *dp, struct batch_item *item, uint64_t now_ms)
{
	const struct dataplane_events *events = &dp->params.events;
	struct policy *policy = item->policy;
	struct ip_packet ip;

	if (policy->acquired_ms != 0 && now_ms - policy->acquired_ms < ACQUIRE_MS)
		return;
	if (ip_packet_parse(&ip, item->pkt) != DROP_NONE)
		return;
	policy->acquired_ms = now_ms;
	events->acquire(events->owner, policy, &ip);
}

static void tell_too_big(struct dataplane *dp, struct batch_item *item, uint64_t now_ms)
{
	const struct tunnel *tunnel = tunnel_find(dp, item->tunnel);
	struct buf *error;
	struct icmp_from from;
	uint32_t mtu = item->mtu;

	if (tunnel == NULL || !icmp_rate_allows(&dp->icmp_rate, now_ms))
		return;
	error = buf_pool_get(dp->pool);
	if (error == NULL)
		return;
	if (tunnel->mtu != 0 && tunnel->mtu < mtu)
		mtu = tunnel->mtu;
	from = (struct icmp_from){tunnel->own, tunnel->n_own};
	if (icmp_too_big(error, item->pkt, &from, mtu))
		(void)tun_write(tunnel->tun, error);
	buf_pool_put(dp->pool, error);
}

/* Who looks at the packet later knows nothing of unfinished checksums. */
static void complete_checksum(struct batch_item *item)
{
	struct ip_packet ip;

	if (item->csum_start != 0 && ip_packet_parse(&ip, item->pkt) == DROP_NONE)
		checksum_complete(item->pkt->data, item->pkt->len, item->csum_start,
			item->csum_offset, ip.proto);
	item->csum_start = 0;
}

/* Acts on outbound's verdict about one packet, which is still as the TUN gave it. */
static void act(struct dataplane *dp, struct batch_item *item, uint64_t until_ms, uint64_t now_ms)
{
	enum drop drop = item->drop;

	complete_checksum(item);
	if (drop == DROP_TOO_BIG)
		tell_too_big(dp, item, now_ms);
	if (drop == DROP_NO_SA)
		acquire(dp, item, now_ms);
	/* A held packet counts when it goes, or when it is given up. */
	if ((drop == DROP_NO_SA || drop == DROP_SEQ_WAIT) && held_add(&dp->held, item, until_ms))
		dp->ipsec->drops[drop]--;
}

static void give_back(struct dataplane *dp, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i].pkt != NULL)
			buf_pool_put(dp->pool, batch->items[i].pkt);
}

static void pause_tunnels(struct dataplane *dp)
{
	dp->full = true;
	for (size_t i = 0; i < dp->n_tunnels; i++)
		if (dp->tunnels[i] != NULL)
			uv_poll_stop(&dp->tunnels[i]->poll);
}

static void resume_tunnels(struct dataplane *dp)
{
	for (size_t i = 0; i < dp->n_tunnels; i++)
		if (dp->tunnels[i] != NULL && !dp->tunnels[i]->lost)
			uv_poll_start(&dp->tunnels[i]->poll, UV_READABLE, on_tunnel);
}

/* One batch all the way out. until_ms: of each packet, where it was held before; else NULL. */
static void send_batch(struct dataplane *dp, const uint64_t *until_ms)
{
	struct batch *batch = &dp->batch;

	outbound(dp->ipsec, batch);
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i].drop == DROP_NONE)
			paths_used(&dp->paths, batch->items[i].policy->path);
	for (size_t i = 0; i < batch->n; i++)
		if (batch->items[i].drop != DROP_NONE)
			act(dp, &batch->items[i],
				until_ms != NULL ? until_ms[i] : batch->now_ms + HELD_MS,
				batch->now_ms);
	/* Outbound has counted its verdicts; transport_send may turn a pass into a drop. */
	for (size_t i = 0; i < batch->n; i++)
		dp->ipsec->drops[batch->items[i].drop]--;
	if (!transport_send(dp->transport, batch))
		pause_tunnels(dp);
	for (size_t i = 0; i < batch->n; i++)
		dp->ipsec->drops[batch->items[i].drop]++;
	give_back(dp, batch);
}

static void finish(struct dataplane *dp, uint64_t now_ms)
{
	tell_notices(dp);
	arm(dp, now_ms);
}

/* Deleted under us. Its routes are gone; the guard keeps their packets from leaving in the clear.
 */
static void lose(struct tunnel *tunnel, int error)
{
	const struct dataplane_events *events = &tunnel->dp->params.events;

	log_error("%s is gone: %s", tunnel->tun->name, strerror(-error));
	tunnel->lost = true;
	uv_poll_stop(&tunnel->poll);
	if (events->tun_lost != NULL)
		events->tun_lost(events->owner, tunnel->index, error);
}

static bool something_left(const struct dataplane *dp)
{
	return segment_left(&dp->inner.segmenter);
}

/* What has begun to be cut is finished, or waits for the socket; nothing else is begun any more. */
static void work(struct tunnel *tunnel, uint64_t now_ms)
{
	struct dataplane *dp = tunnel->dp;
	struct inner *in = &dp->inner;
	int error = 0;

	for (int round = 0; !dp->full && (round < ROUNDS_PER_TURN || something_left(dp)); round++) {
		size_t n = round < ROUNDS_PER_TURN
				   ? inner_read(in, tunnel->tun, tunnel->index, &dp->batch, &error)
				   : inner_rest(in, tunnel->tun, &dp->batch);

		if (n == 0)
			break;
		dp->batch.now_ms = now_ms;
		send_batch(dp, NULL);
		if (n < BATCH_MAX)
			break;
	}
	paths_step(&dp->paths, now_ms);
	finish(dp, now_ms);
	if (error != 0)
		lose(tunnel, error);
}

static void on_tunnel(uv_poll_t *poll, int status, int events)
{
	struct tunnel *tunnel = poll->data;

	(void)events;
	if (status < 0)
		lose(tunnel, -EBADFD);
	else
		work(tunnel, dataplane_now_ms());
}

static void deliver(struct dataplane *dp, const struct batch *batch)
{
	struct coalescer *co = &dp->inner.coalescer;

	coalesce_begin(co);
	for (size_t i = 0; i < batch->n; i++) {
		const struct batch_item *item = &batch->items[i];
		const struct tunnel *tunnel = tunnel_find(dp, item->tunnel);

		if (item->drop == DROP_NONE)
			coalesce_add(co, batch, (uint8_t)i, tunnel != NULL ? tunnel->kinds : 0);
	}
	coalesce_end(co, batch);
	for (size_t i = 0; i < co->n_runs; i++) {
		const struct coalesce_run *run = &co->runs[i];
		struct tunnel *tunnel = tunnel_find(dp, batch->items[run->first].tunnel);
		unsigned lost = run->n;

		if (tunnel != NULL)
			lost = inner_write(&dp->inner, tunnel->tun, run, batch, &tunnel->kinds);
		dp->ipsec->drops[DROP_NONE] -= lost;
		dp->ipsec->drops[DROP_TUN_WRITE] += lost;
	}
}

static void on_esp(void *owner, struct batch *batch)
{
	struct dataplane *dp = owner;
	bool moved = false;

	inbound(dp->ipsec, batch);
	for (size_t i = 0; i < batch->n; i++) {
		struct batch_item *item = &batch->items[i];

		/* Another way to the peer has another MTU; asked for when it is first used. */
		if (item->moved && item->sa->path != NULL) {
			item->sa->path->mtu = 0;
			moved = true;
		}
		if (item->drop != DROP_NONE)
			audit(dp, item, batch->now_ms);
	}
	deliver(dp, batch);
	give_back(dp, batch);
	if (moved)
		paths_changed(&dp->paths);
	finish(dp, batch->now_ms);
}

static void on_keying(void *owner, uint16_t port, const struct outer *outer, struct slice payload)
{
	const struct dataplane_events *events = &((struct dataplane *)owner)->params.events;

	events->keying(events->owner, port, outer, payload);
}

/* The transport kept it when its batch went, and that counted it as passed. */
static bool was_sent_later(enum drop drop)
{
	return drop == DROP_SEND_QUEUE || drop == DROP_SEND_UNREACHABLE || drop == DROP_TOO_BIG;
}

static void on_drop(void *owner, enum drop drop)
{
	struct dataplane *dp = owner;

	if (was_sent_later(drop))
		dp->ipsec->drops[DROP_NONE]--;
	dp->ipsec->drops[drop]++;
}

static void on_keepalive(void *owner)
{
	on_drop(owner, DROP_KEEPALIVE);
}

static void on_path_mtu(void *owner, const struct ip_endpoint *remote, uint32_t mtu)
{
	struct dataplane *dp = owner;

	paths_reported(&dp->paths, remote, mtu, dataplane_now_ms());
}

static void on_writable(void *owner)
{
	struct dataplane *dp = owner;
	struct tunnel *tunnel = tunnel_find(dp, dp->inner.from);

	dp->full = false;
	if (tunnel != NULL && something_left(dp))
		work(tunnel, dataplane_now_ms());
	if (!dp->full)
		resume_tunnels(dp);
}

static uint64_t on_clock(void *owner)
{
	(void)owner;
	return dataplane_now_ms();
}

/* Packets that waited go before any that the TUN still has: they are older. */
static void retry(struct dataplane *dp, uint64_t now_ms)
{
	uint64_t until_ms[HELD_MAX];

	dp->kicked = false;
	paths_changed(&dp->paths);
	if (dp->held.n == 0)
		return;
	held_take_all(&dp->held, &dp->batch, until_ms);
	dp->batch.now_ms = now_ms;
	send_batch(dp, until_ms);
}

static void on_timer(uv_timer_t *timer)
{
	struct dataplane *dp = timer->data;
	uint64_t now_ms = dataplane_now_ms();

	dp->armed_ms = UINT64_MAX;
	if (dp->kicked)
		retry(dp, now_ms);
	held_expire(&dp->held, dp->pool, dp->ipsec->drops, now_ms);
	ipsec_note_due(dp->ipsec, now_ms);
	paths_keepalive_due(&dp->paths, now_ms);
	finish(dp, now_ms);
}

void dataplane_kick(struct dataplane *dp)
{
	dp->kicked = true;
	arm(dp, 0);
}

void dataplane_keepalive(struct dataplane *dp, struct policy *policy, bool on)
{
	uint64_t now_ms = dataplane_now_ms();

	if (paths_keepalive(&dp->paths, policy->id, on, now_ms) != 0)
		log_error("%s: no memory for keepalives", policy->name);
	arm(dp, now_ms);
}

struct transport *dataplane_transport(struct dataplane *dp)
{
	return dp->transport;
}

static int open_transport(struct dataplane *dp)
{
	const struct transport_params params = {
		.port_ike = dp->params.port_ike,
		.port_nat = dp->params.port_nat,
		.raw = dp->params.raw,
		.pool = dp->pool,
	};
	const struct transport_callbacks callbacks = {
		.on_esp = on_esp,
		.on_keying = on_keying,
		.on_keepalive = on_keepalive,
		.on_path_mtu = on_path_mtu,
		.on_writable = on_writable,
		.on_drop = on_drop,
		.now_ms = on_clock,
		.owner = dp,
	};

	return transport_create(dp->params.loop, &params, &callbacks, &dp->transport);
}

int dataplane_create(const struct dataplane_params *params, struct dataplane **out)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	int err = -ENOMEM;

	if (dp == NULL)
		return err;
	dp->params = *params;
	dp->ipsec = params->ipsec;
	dp->armed_ms = UINT64_MAX;
	dp->pool = buf_pool_create(POOL, DATAPLANE_MTU_MAX);
	dp->inner.ipsec = dp->ipsec;
	dp->inner.pool = dp->pool;
	if (dp->pool == NULL)
		goto free_dp;
	err = open_transport(dp);
	if (err != 0)
		goto free_pool;
	paths_init(&dp->paths, dp->ipsec->spd, dp->transport);
	uv_timer_init(params->loop, &dp->timer);
	dp->timer.data = dp;
	*out = dp;
	return 0;

free_pool:
	buf_pool_destroy(dp->pool);
free_dp:
	free(dp);
	return err;
}

static void on_tunnel_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dataplane_destroy(struct dataplane *dp)
{
	if (dp == NULL)
		return;
	for (size_t i = 0; i < dp->n_tunnels; i++)
		dataplane_tun_remove(dp, (uint16_t)i);
	free(dp->tunnels);
	transport_destroy(dp->transport);
	buf_pool_destroy(dp->pool);
	paths_fini(&dp->paths);
	uv_close((uv_handle_t *)&dp->timer, on_timer_closed);
}

static void set_transport_offload(struct dataplane *dp)
{
	unsigned wanted = 0;

	for (size_t i = 0; i < dp->n_tunnels; i++)
		if (dp->tunnels[i] != NULL && dp->tunnels[i]->tun->offload != 0)
			wanted = TRANSPORT_GSO | TRANSPORT_GRO;
	transport_set_offload(dp->transport, wanted);
}

static int make_room(struct dataplane *dp, uint16_t index)
{
	size_t n = (size_t)index + 1;
	struct tunnel **more;

	if (n <= dp->n_tunnels)
		return dp->tunnels[index] != NULL ? -EEXIST : 0;
	more = realloc(dp->tunnels, n * sizeof(struct tunnel *));
	if (more == NULL)
		return -ENOMEM;
	memset(more + dp->n_tunnels, 0, (n - dp->n_tunnels) * sizeof(struct tunnel *));
	dp->tunnels = more;
	dp->n_tunnels = n;
	return 0;
}

int dataplane_tun_add(struct dataplane *dp, uint16_t index, const struct tun *tun,
	const struct ip_addr *own, size_t n_own)
{
	struct tunnel *tunnel;
	int err = make_room(dp, index);

	if (err != 0)
		return err;
	tunnel = calloc(1, sizeof(*tunnel));
	if (tunnel == NULL)
		return -ENOMEM;
	err = uv_poll_init(dp->params.loop, &tunnel->poll, tun->fd);
	if (err != 0) {
		free(tunnel);
		return err;
	}
	tunnel->poll.data = tunnel;
	tunnel->dp = dp;
	tunnel->tun = tun;
	tunnel->index = index;
	tunnel->kinds = inner_kinds(tun);
	dp->tunnels[index] = tunnel;
	dataplane_set_own(dp, index, own, n_own);
	set_transport_offload(dp);
	if (!dp->full)
		uv_poll_start(&tunnel->poll, UV_READABLE, on_tunnel);
	return 0;
}

void dataplane_set_own(
	struct dataplane *dp, uint16_t index, const struct ip_addr *own, size_t n_own)
{
	struct tunnel *tunnel = tunnel_find(dp, index);

	if (tunnel == NULL)
		return;
	tunnel->n_own = n_own < DATAPLANE_OWN_MAX ? n_own : DATAPLANE_OWN_MAX;
	for (size_t i = 0; i < tunnel->n_own; i++)
		tunnel->own[i] = own[i];
}

void dataplane_tun_remove(struct dataplane *dp, uint16_t index)
{
	struct tunnel *tunnel = tunnel_find(dp, index);

	if (tunnel == NULL)
		return;
	held_forget(&dp->held, dp->pool, dp->ipsec->drops, index);
	inner_forget(&dp->inner, index);
	dp->tunnels[index] = NULL;
	set_transport_offload(dp);
	uv_close((uv_handle_t *)&tunnel->poll, on_tunnel_closed);
}

void dataplane_describe_offload(const struct dataplane *dp, uint16_t index, char *out, size_t cap)
{
	const struct tunnel *tunnel = tunnel_find(dp, index);
	unsigned tun = tunnel != NULL ? tunnel->tun->offload : 0;
	unsigned kinds = tunnel != NULL ? tunnel->kinds : 0;
	unsigned udp = transport_offload(dp->transport);

	if (tun == 0) {
		snprintf(out, cap, "off");
		return;
	}
	snprintf(out, cap, "tun: csum%s%s%s; udp:%s%s%s", tun & TUN_TSO ? " tso" : "",
		tun & TUN_USO ? " uso" : "",
		kinds != inner_kinds(tunnel->tun) ? " (not written)" : "",
		udp & TRANSPORT_GSO ? " gso" : "", udp & TRANSPORT_GRO ? " gro" : "",
		udp == 0 ? " none" : "");
}

void dataplane_set_mtu(struct dataplane *dp, uint16_t index, uint32_t mtu)
{
	struct tunnel *tunnel = tunnel_find(dp, index);

	if (tunnel != NULL)
		tunnel->mtu = mtu;
}
