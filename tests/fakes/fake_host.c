/* SPDX-License-Identifier: Apache-2.0 */
/* A keying_host for unit tests of plugins: virtual time, scripted secrets, everything recorded. */
#include "fakes/fake_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FAKE_SPI_FIRST = 0x20000001 };

/* The table is const for plugins; the fake records in itself. */
static struct fake_host *fake_of(const struct keying_host *host)
{
	return (struct fake_host *)(uintptr_t)host;
}

static void fake_log(const struct keying_host *host, enum keying_log level, const char *text)
{
	struct fake_host *fake = fake_of(host);

	(void)level;
	if (fake->n_logs < FAKE_LINES_MAX)
		snprintf(fake->logs[fake->n_logs++], sizeof fake->logs[0], "%s", text);
}

static uint64_t fake_now(const struct keying_host *host)
{
	return fake_of(host)->now_ms;
}

static void fake_random(const struct keying_host *host, void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)fake_of(host)->random++;
}

static void fake_config_error(
	const struct keying_host *host, uint32_t at, const char *text, const char *hint)
{
	struct fake_host *fake = fake_of(host);

	if (fake->n_errors == FAKE_LINES_MAX)
		return;
	fake->errors[fake->n_errors].at = at;
	snprintf(fake->errors[fake->n_errors++].text, sizeof fake->errors[0].text, "%s|%s", text,
		hint ? hint : "");
}

static int fake_timer_start(const struct keying_host *host, uint32_t timer, uint64_t delay_ms)
{
	struct fake_host *fake = fake_of(host);
	size_t i = 0;

	while (i < fake->n_timers && fake->timers[i].timer != timer)
		i++;
	/* One that has ended lends its place. */
	for (size_t at = 0; i == fake->n_timers && at < fake->n_timers; at++)
		if (!fake->timers[at].due_ms)
			i = at;
	if (i == FAKE_LINES_MAX)
		return -ENOSPC;
	if (i == fake->n_timers)
		fake->n_timers++;
	fake->timers[i].timer = timer;
	fake->timers[i].due_ms = fake->now_ms + delay_ms;
	return 0;
}

static void fake_timer_stop(const struct keying_host *host, uint32_t timer)
{
	struct fake_host *fake = fake_of(host);

	for (size_t i = 0; i < fake->n_timers; i++)
		if (fake->timers[i].timer == timer)
			fake->timers[i].due_ms = 0;
}

static int fake_socket_open(
	const struct keying_host *host, const struct ip_endpoint *local, uint8_t ip_proto)
{
	(void)local;
	(void)ip_proto;
	return fake_of(host)->next_socket++;
}

static int fake_socket_send(const struct keying_host *host, int socket,
	const struct ip_endpoint *to, struct slice payload)
{
	struct fake_host *fake = fake_of(host);

	if (fake->n_sent == FAKE_SENT_MAX || payload.len > sizeof fake->sent[0].data)
		return -ENOSPC;
	fake->sent[fake->n_sent].socket = socket;
	fake->sent[fake->n_sent].to = *to;
	fake->sent[fake->n_sent].len = payload.len;
	memcpy(fake->sent[fake->n_sent++].data, payload.data, payload.len);
	return 0;
}

static int fake_socket_send_from(const struct keying_host *host, int socket,
	const struct ip_addr *local, const struct ip_endpoint *to, struct slice payload)
{
	(void)local;
	return fake_socket_send(host, socket, to, payload);
}

static int fake_route(
	const struct keying_host *host, const struct ip_endpoint *remote, struct ip_addr *local)
{
	(void)remote;
	if (!fake_of(host)->own.family)
		return -ENETUNREACH;
	*local = fake_of(host)->own;
	return 0;
}

static int fake_inner_address(const struct keying_host *host, uint32_t policy,
	const struct ip_addr *addr, uint8_t prefix_len)
{
	struct fake_host *fake = fake_of(host);

	if (fake->inner_error || fake->n_inner == FAKE_INNER_MAX)
		return fake->inner_error;
	fake->inner[fake->n_inner].policy = policy;
	fake->inner[fake->n_inner].addr = *addr;
	fake->inner[fake->n_inner++].prefix_len = prefix_len;
	return 0;
}

static void fake_socket_close(const struct keying_host *host, int socket)
{
	(void)host;
	(void)socket;
}

static int fake_spi_reserve(const struct keying_host *host, const struct ip_endpoint *local,
	uint32_t widths, uint32_t *spi)
{
	struct fake_host *fake = fake_of(host);

	(void)local;
	if (fake->spi_error)
		return fake->spi_error;
	if (!*spi)
		*spi = FAKE_SPI_FIRST + fake->next_spi++;
	for (size_t i = 0; i < fake->n_spis; i++)
		if (fake->spis[i].spi == *spi)
			return -EADDRINUSE;
	if (fake->n_spis == FAKE_SPIS_MAX)
		return -ENOSPC;
	fake->spis[fake->n_spis].spi = *spi;
	fake->spis[fake->n_spis].installed = false;
	fake->spis[fake->n_spis++].widths = widths;
	return 0;
}

static void drop_spi(struct fake_host *fake, uint32_t spi)
{
	for (size_t i = 0; i < fake->n_spis; i++)
		if (fake->spis[i].spi == spi)
			fake->spis[i] = fake->spis[--fake->n_spis];
}

static void fake_spi_release(
	const struct keying_host *host, const struct ip_endpoint *local, uint32_t spi)
{
	(void)local;
	drop_spi(fake_of(host), spi);
}

static bool reserved(struct fake_host *fake, uint32_t spi)
{
	for (size_t i = 0; i < fake->n_spis; i++)
		if (fake->spis[i].spi == spi && !fake->spis[i].installed) {
			fake->spis[i].installed = true;
			return true;
		}
	return false;
}

/* Without SPI bits there is nothing to reserve. */
static bool found_by_source(const struct sa_params *params)
{
	return params->encap == SA_ENCAP_ESP && params->pinned && params->remote.addr.family;
}

static int fake_sa_install(
	const struct keying_host *host, const struct sa_params *params, sa_id *id)
{
	struct fake_host *fake = fake_of(host);
	struct fake_sa *sa;

	if (params->long_lived && fake->install_error)
		return fake->install_error;
	if (fake->n_sas == FAKE_SAS_MAX || params->attrs.len > sizeof sa->attrs)
		return -ENOSPC;
	if (params->dir == SA_IN && !found_by_source(params) && !reserved(fake, params->spi))
		return -EADDRINUSE;
	sa = &fake->sas[fake->n_sas++];
	sa->params = *params;
	memcpy(sa->attrs, params->attrs.data, params->attrs.len);
	sa->params.attrs.data = sa->attrs;
	sa->id = (sa_id)fake->n_sas;
	*id = sa->id;
	return 0;
}

static int fake_sa_remove(const struct keying_host *host, sa_id id)
{
	struct fake_host *fake = fake_of(host);

	if (id == 0 || id > fake->n_sas || !fake->sas[id - 1].id)
		return -ENOENT;
	if (fake->sas[id - 1].params.dir == SA_IN)
		drop_spi(fake, fake->sas[id - 1].params.spi);
	fake->sas[id - 1].id = 0;
	return 0;
}

static int fake_secret(
	const struct keying_host *host, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	struct fake_host *fake = fake_of(host);

	for (size_t i = 0; i < fake->n_secrets; i++) {
		if (strcmp(fake->secrets[i].name, name))
			continue;
		if (fake->secrets[i].error)
			return fake->secrets[i].error;
		if (fake->secrets[i].len > cap)
			return -EMSGSIZE;
		memcpy(out, fake->secrets[i].content, fake->secrets[i].len);
		*len = fake->secrets[i].len;
		return 0;
	}
	return -ENOENT;
}

/* The last row of this name below n; -1: none, or it was deleted. */
static long find_row(const struct fake_host *fake, const char *name, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (!strcmp(fake->rows[i].name, name))
			return fake->rows[i].gone ? -1 : (long)i;
	return -1;
}

static int fake_state_load(
	const struct keying_host *host, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	struct fake_host *fake = fake_of(host);
	long i = find_row(fake, name, fake->n_rows);

	if (i < 0)
		return -ENOENT;
	if (fake->rows[i].len > cap)
		return -EMSGSIZE;
	memcpy(out, fake->rows[i].value, fake->rows[i].len);
	*len = fake->rows[i].len;
	return 0;
}

static int fake_state_save(
	const struct keying_host *host, const char *name, struct slice value, uint32_t token)
{
	struct fake_host *fake = fake_of(host);

	if (fake->state_error)
		return fake->state_error;
	if (fake->n_rows == FAKE_ROWS_MAX || value.len > sizeof fake->rows[0].value)
		return -ENOSPC;
	snprintf(fake->rows[fake->n_rows].name, sizeof fake->rows[0].name, "%s", name);
	if (value.len)
		memcpy(fake->rows[fake->n_rows].value, value.data, value.len);
	fake->rows[fake->n_rows].len = value.len;
	fake->rows[fake->n_rows].gone = false;
	fake->rows[fake->n_rows++].token = token;
	return 0;
}

static int fake_state_delete(const struct keying_host *host, const char *name, uint32_t token)
{
	struct fake_host *fake = fake_of(host);
	int r = fake_state_save(host, name, (struct slice){NULL, 0}, token);

	if (!r)
		fake->rows[fake->n_rows - 1].gone = true;
	return r;
}

static int fake_state_list(const struct keying_host *host, const char *prefix,
	void (*each)(void *context, const char *name), void *context)
{
	struct fake_host *fake = fake_of(host);

	if (fake->state_error)
		return fake->state_error;
	for (size_t i = 0; i < fake->n_rows; i++)
		if (!strncmp(fake->rows[i].name, prefix, strlen(prefix)) &&
			find_row(fake, fake->rows[i].name, fake->n_rows) == (long)i)
			each(context, fake->rows[i].name);
	return 0;
}

bool fake_host_saved(struct fake_host *fake, uint32_t *token)
{
	if (fake->n_saved == fake->n_rows)
		return false;
	*token = fake->rows[fake->n_saved++].token;
	return true;
}

void fake_host_crash(struct fake_host *fake)
{
	fake->n_rows = fake->n_saved;
}

static int fake_peer_add(const struct keying_host *host, uint32_t template_policy, const char *name,
	const struct ts *remote, size_t n_remote, uint32_t *made)
{
	struct fake_host *fake = fake_of(host);

	if (fake_host_peer(fake, name))
		return -EEXIST;
	if (!n_remote || memcmp(&remote->addr_start, &remote->addr_end, sizeof remote->addr_end))
		return -ERANGE;
	if (fake->n_peers == FAKE_PEERS_MAX)
		return -ENOSPC;
	snprintf(fake->peers[fake->n_peers].name, sizeof fake->peers[0].name, "%s", name);
	fake->peers[fake->n_peers].template = template_policy;
	fake->peers[fake->n_peers].addr = remote->addr_start;
	*made = fake->peers[fake->n_peers].policy = FAKE_POLICY_FIRST + (uint32_t)fake->n_peers;
	fake->n_peers++;
	return 0;
}

static int fake_peer_remove(const struct keying_host *host, uint32_t policy)
{
	struct fake_host *fake = fake_of(host);

	for (size_t i = 0; i < fake->n_peers; i++)
		if (policy && fake->peers[i].policy == policy) {
			fake->peers[i].policy = 0;
			return 0;
		}
	return -ENOENT;
}

uint32_t fake_host_peer(const struct fake_host *fake, const char *name)
{
	for (size_t i = 0; i < fake->n_peers; i++)
		if (fake->peers[i].policy && !strcmp(fake->peers[i].name, name))
			return fake->peers[i].policy;
	return 0;
}

static void fake_managed(
	const struct keying_host *host, uint32_t request, int error, struct slice answer)
{
	struct fake_host *fake = fake_of(host);

	if (fake->n_answers == FAKE_LINES_MAX || answer.len > sizeof fake->answers[0].data)
		return;
	fake->answers[fake->n_answers].request = request;
	fake->answers[fake->n_answers].error = error;
	memcpy(fake->answers[fake->n_answers].data, answer.data, answer.len);
	fake->answers[fake->n_answers++].len = answer.len;
}

static void fake_event(const struct keying_host *host, const char *name, struct slice cbor)
{
	struct fake_host *fake = fake_of(host);

	if (fake->n_events < FAKE_LINES_MAX && cbor.len > 0)
		snprintf(fake->events[fake->n_events++], sizeof fake->events[0], "%s", name);
}

static void fake_trace(const struct keying_host *host, uint32_t policy, struct slice cbor)
{
	struct fake_host *fake = fake_of(host);
	size_t at = fake->n_traces++ % FAKE_TRACES_MAX;

	fake->traces[at].len = 0;
	if (cbor.len > sizeof fake->traces[at].cbor)
		return;
	memcpy(fake->traces[at].cbor, cbor.data, cbor.len);
	fake->traces[at].len = cbor.len;
	fake->traces[at].policy = policy;
}

void fake_host_init(struct fake_host *fake)
{
	memset(fake, 0, sizeof *fake);
	fake->table = (struct keying_host){
		.abi = KEYING_ABI,
		.size = sizeof fake->table,
		.log = fake_log,
		.now_ms = fake_now,
		.random = fake_random,
		.config_error = fake_config_error,
		.timer_start = fake_timer_start,
		.timer_stop = fake_timer_stop,
		.socket_open = fake_socket_open,
		.socket_send = fake_socket_send,
		.socket_close = fake_socket_close,
		.spi_reserve = fake_spi_reserve,
		.spi_release = fake_spi_release,
		.sa_install = fake_sa_install,
		.sa_remove = fake_sa_remove,
		.secret = fake_secret,
		.state_load = fake_state_load,
		.state_save = fake_state_save,
		.event = fake_event,
		.socket_send_from = fake_socket_send_from,
		.route = fake_route,
		.peer_add = fake_peer_add,
		.peer_remove = fake_peer_remove,
		.state_delete = fake_state_delete,
		.state_list = fake_state_list,
		.managed = fake_managed,
		.trace = fake_trace,
		.inner_address = fake_inner_address,
	};
}

void fake_host_secret(struct fake_host *fake, const char *name, const char *content, int error)
{
	size_t i = 0;

	while (i < fake->n_secrets && strcmp(fake->secrets[i].name, name))
		i++;
	if (i == FAKE_SECRETS_MAX)
		return;
	if (i == fake->n_secrets)
		fake->n_secrets++;
	snprintf(fake->secrets[i].name, sizeof fake->secrets[i].name, "%s", name);
	fake->secrets[i].len = content ? strlen(content) : 0;
	if (content)
		memcpy(fake->secrets[i].content, content, fake->secrets[i].len);
	fake->secrets[i].error = error;
}

size_t fake_host_rows(const struct fake_host *fake, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < fake->n_rows; i++)
		n += !strncmp(fake->rows[i].name, prefix, strlen(prefix));
	return n;
}

size_t fake_host_living(const struct fake_host *fake)
{
	size_t n = 0;

	for (size_t i = 0; i < fake->n_sas; i++)
		n += fake->sas[i].id != 0;
	return n;
}

struct fake_sa *fake_host_find(struct fake_host *fake, enum sa_dir dir, uint32_t spi)
{
	for (size_t i = 0; i < fake->n_sas; i++) {
		struct fake_sa *sa = &fake->sas[i];

		if (sa->id && sa->params.dir == dir && sa->params.spi == spi)
			return sa;
	}
	return NULL;
}

bool fake_host_advance(struct fake_host *fake, uint64_t ms, uint32_t *timer)
{
	uint64_t end = fake->now_ms + ms;
	size_t first = fake->n_timers;

	for (size_t i = 0; i < fake->n_timers; i++)
		if (fake->timers[i].due_ms && fake->timers[i].due_ms <= end &&
			(first == fake->n_timers ||
				fake->timers[i].due_ms < fake->timers[first].due_ms))
			first = i;
	if (first == fake->n_timers) {
		fake->now_ms = end;
		return false;
	}
	fake->now_ms = fake->timers[first].due_ms;
	fake->timers[first].due_ms = 0;
	*timer = fake->timers[first].timer;
	return true;
}

bool fake_host_complained(const struct fake_host *fake, const char *text)
{
	for (size_t i = 0; i < fake->n_errors; i++)
		if (strstr(fake->errors[i].text, text))
			return true;
	return false;
}

bool fake_host_logged(const struct fake_host *fake, const char *text)
{
	for (size_t i = 0; i < fake->n_logs; i++)
		if (strstr(fake->logs[i], text))
			return true;
	return false;
}

bool fake_host_told(const struct fake_host *fake, const char *event)
{
	for (size_t i = 0; i < fake->n_events; i++)
		if (!strcmp(fake->events[i], event))
			return true;
	return false;
}
