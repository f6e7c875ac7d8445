/* SPDX-License-Identifier: Apache-2.0 */
/* News from below (data path, kernel, signals, timers) and who gets them. */
#include "daemon/daemon_events.h"

#include "base/log.h"
#include "codec/tree.h"
#include "daemon/configs.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/tunnel.h"
#include "esp/sa.h"
#include "io/netlink.h"
#include "ipsec/path.h"
#include "ipsec/spd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_TAG "daemon"

enum { LOOK_MS = 1000, SETTLE_MS = 1000 };

static void tell(struct daemon *daemon, const char *name, const struct tree_writer *of)
{
	if (daemon->control && !daemon->stopping)
		control_event(daemon->control, name, dataplane_now_ms(), of);
}

void daemon_event_text(struct daemon *daemon, const char *name, const char *const pairs[3][2])
{
	struct tree_writer of;
	size_t n = 0;

	if (!daemon->control || !control_watched(daemon->control))
		return;
	while (n < 3 && pairs[n][0] && pairs[n][1])
		n++;
	tree_writer_init(&of);
	tree_put_map(&of, n);
	for (size_t i = 0; i < n; i++) {
		tree_put_text(&of, pairs[i][0]);
		tree_put_text(&of, pairs[i][1]);
	}
	tell(daemon, name, &of);
	tree_writer_fini(&of);
}

void events_of_host(void *owner, const char *name, struct slice of)
{
	struct tree_writer w;

	tree_writer_init(&w);
	if (of.len)
		tree_put_raw(&w, of.data, of.len);
	else
		tree_put_map(&w, 0);
	tell(owner, name, &w);
	tree_writer_fini(&w);
}

int events_of_address(void *owner, uint32_t policy, const struct ip_prefix *address)
{
	struct daemon *daemon = owner;
	const struct policy *found = spd_find(daemon->ipsec.spd, policy);
	const struct tunnel *tunnel = found ? daemon->tunnels[found->tunnel] : NULL;

	for (size_t i = 0; tunnel && i < tunnel->n_peers; i++)
		if (tunnel->peers[i]->policy == policy)
			return tunnel_give(tunnel->peers[i], address);
	return -ENOENT;
}

static void on_acquire(void *owner, struct policy *policy, const struct ip_packet *ip)
{
	struct daemon *daemon = owner;

	host_acquire(daemon->host, policy, ip);
}

static void tell_moved(struct daemon *daemon, const struct sa *sa)
{
	const struct policy *policy = spd_find(daemon->ipsec.spd, sa->policy);
	const struct tunnel *tunnel = policy ? daemon->tunnels[policy->tunnel] : NULL;
	char text[IP_ENDPOINT_TEXT];
	const char *const pairs[3][2] = {{"tunnel", tunnel ? tunnel->config->tunnel : ""},
		{"peer", policy ? policy->name : ""}, {"endpoint", text}};

	if (!tunnel)
		return;
	ip_endpoint_print(&policy->path->remote, text, sizeof(text));
	log_info("peer=%s: moved to %s", policy->name, text);
	daemon_event_text(daemon, "peer.moved", pairs);
}

/* Only packets that have verified come here: no stranger can make the log grow. */
static void tell_resync(struct daemon *daemon, const struct sa *sa)
{
	const struct policy *policy = spd_find(daemon->ipsec.spd, sa->policy);
	const struct tunnel *tunnel = policy ? daemon->tunnels[policy->tunnel] : NULL;
	const char *const pairs[3][2] = {{"tunnel", tunnel ? tunnel->config->tunnel : ""},
		{"peer", policy ? policy->name : ""}};

	if (!tunnel)
		return;
	log_debug("peer=%s: followed its numbers over a gap; %u times so far", policy->name,
		sa->counters.resyncs);
	daemon_event_text(daemon, "sa.resync", pairs);
}

static void on_notice(void *owner, struct sa *sa, uint32_t notices)
{
	struct daemon *daemon = owner;

	if (notices & SA_NOTICE_MOVED)
		tell_moved(daemon, sa);
	if (notices & SA_NOTICE_RESYNC)
		tell_resync(daemon, sa);
	host_notice(daemon->host, sa, notices);
}

static void on_keying(void *owner, uint16_t port, const struct outer *outer, struct slice payload)
{
	struct daemon *daemon = owner;

	host_datagram(daemon->host, port, outer, payload);
}

static void on_audit(void *owner, enum drop drop, const struct outer *outer, const struct sa *sa)
{
	struct daemon *daemon = owner;
	const struct policy *policy = sa ? spd_find(daemon->ipsec.spd, sa->policy) : NULL;
	char name[48] = "drop.";
	char from[IP_ENDPOINT_TEXT];
	const char *const pairs[3][2] = {{"reason", drop_name(drop)},
		{"from", ip_endpoint_print(&outer->remote, from, sizeof(from))},
		{"peer", policy ? policy->name : NULL}};

	strncat(name, drop_name(drop), sizeof(name) - sizeof("drop."));
	log_debug("reason=%s from=%s%s%s", drop_name(drop), from, policy ? " peer=" : "",
		policy ? policy->name : "");
	daemon_event_text(daemon, name, pairs);
}

static void on_tun_lost(void *owner, uint16_t index, int error)
{
	struct daemon *daemon = owner;
	struct tunnel *tunnel = daemon->tunnels[index];

	if (!tunnel)
		return;
	log_error("%s: device %s is gone (%s); its guard routes hold packets back until dietvpn "
		  "up %s makes it anew",
		tunnel->config->tunnel, tunnel->tun.name, strerror(-error), tunnel->config->tunnel);
	dataplane_tun_remove(daemon->dataplane, index);
	tunnel->attached = false;
}

struct dataplane_events events_of_dataplane(struct daemon *daemon)
{
	return (struct dataplane_events){.acquire = on_acquire,
		.notice = on_notice,
		.keying = on_keying,
		.audit = on_audit,
		.tun_lost = on_tun_lost,
		.owner = daemon};
}

static void reload(struct daemon *daemon)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct daemon_changes *changes = calloc(1, sizeof(*changes));

	if (errors && changes) {
		if (daemon_reload(daemon, changes, errors)) {
			configs_print_errors(stderr, errors);
			log_error("reload: %zu error%s, see above", errors->n,
				errors->n == 1 ? "" : "s");
		} else {
			log_info("reload: %zu changes", changes->n + changes->lost);
		}
	}
	free(errors);
	free(changes);
}

static void on_signal(uv_signal_t *handle, int signal)
{
	struct daemon *daemon = handle->data;

	if (signal == SIGHUP)
		reload(daemon);
	else
		uv_stop(&daemon->loop);
}

static void on_watchdog(uv_timer_t *timer)
{
	const struct daemon *daemon = timer->data;

	notify_send(&daemon->notify, "WATCHDOG=1");
}

static void on_retry(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i])
			tunnel_resolve(daemon->tunnels[i], false);
}

void daemon_retry_later(struct daemon *daemon)
{
	if (!daemon->stopping && !uv_is_active((uv_handle_t *)&daemon->retry))
		uv_timer_start(&daemon->retry, on_retry, RESOLVE_RETRY_MS, 0);
}

/* Paths change below us without a call: looked at when we are awake anyway, never for its own
 * sake. */
static void on_look(uv_prepare_t *prepare)
{
	struct daemon *daemon = prepare->data;
	uint64_t now_ms = uv_now(&daemon->loop);

	if (now_ms - daemon->looked_ms < LOOK_MS)
		return;
	daemon->looked_ms = now_ms;
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i])
			tunnel_refresh_mtu(daemon->tunnels[i]);
}

static void on_settled(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (daemon->tunnels[i]) {
			tunnel_mend(daemon->tunnels[i]);
			tunnel_resolve(daemon->tunnels[i], true);
		}
	if (daemon->dataplane)
		dataplane_kick(daemon->dataplane);
}

/* Routes change in bursts; our own changes come back here too and find nothing to do. */
static void on_monitor(uv_poll_t *poll, int status, int events)
{
	struct daemon *daemon = poll->data;

	(void)status;
	(void)events;
	netlink_monitor_drain(daemon->monitor_fd);
	if (!uv_is_active((uv_handle_t *)&daemon->settle))
		uv_timer_start(&daemon->settle, on_settled, SETTLE_MS, 0);
}

static int start_signals(struct daemon *daemon)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	int error = 0;

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&daemon->loop, &daemon->signals[i]);
		daemon->signals[i].data = daemon;
		if (!error)
			error = uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
	}
	return error;
}

int events_start(struct daemon *daemon)
{
	uint64_t ms = daemon->notify.watchdog_ms;
	int error = start_signals(daemon);
	uv_timer_t *const timers[] = {&daemon->watchdog, &daemon->retry, &daemon->settle};

	for (size_t i = 0; i < 3; i++) {
		uv_timer_init(&daemon->loop, timers[i]);
		timers[i]->data = daemon;
	}
	if (ms)
		uv_timer_start(&daemon->watchdog, on_watchdog, ms, ms);
	uv_prepare_init(&daemon->loop, &daemon->look);
	daemon->look.data = daemon;
	uv_prepare_start(&daemon->look, on_look);
	daemon->watching = true;
	if (!error)
		error = netlink_monitor_open(&daemon->monitor_fd);
	if (error)
		return error;
	uv_poll_init(&daemon->loop, &daemon->monitor, daemon->monitor_fd);
	daemon->monitor.data = daemon;
	return uv_poll_start(&daemon->monitor, UV_READABLE, on_monitor);
}

static void on_monitor_closed(uv_handle_t *handle)
{
	struct daemon *daemon = handle->data;

	close(daemon->monitor_fd);
	daemon->monitor_fd = -1;
}

void events_stop(struct daemon *daemon)
{
	if (!daemon->watching)
		return;
	daemon->watching = false;
	for (size_t i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&daemon->signals[i], NULL);
	uv_close((uv_handle_t *)&daemon->watchdog, NULL);
	uv_close((uv_handle_t *)&daemon->retry, NULL);
	uv_close((uv_handle_t *)&daemon->settle, NULL);
	uv_close((uv_handle_t *)&daemon->look, NULL);
	if (daemon->monitor_fd >= 0)
		uv_close((uv_handle_t *)&daemon->monitor, on_monitor_closed);
}
