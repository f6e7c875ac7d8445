/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module that does through the door what the "verb" of a question says, one line of text each:
 * peers of templates, rows of the store, answers now, later or never. It answers {"n": number}, or
 * an error with text.
 */
#include "dietvpn/keying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096, LATER_MS = 1 };

struct keying {
	const struct keying_host *host;
	uint32_t waits; /* request that a save or a timer will answer */
	uint32_t removed, acquired, reloads;
	char text[TEXT_MAX];
};

static const struct keying_key keys[] = {
	{"Taste", "a taste", KEYING_KEY_RELOADABLE}, {NULL, NULL, 0}};

static int check(const struct keying_host *host, struct slice config)
{
	(void)host;
	(void)config;
	return 0;
}

static int create(const struct keying_host *host, struct slice config, struct keying **out)
{
	struct keying *k = calloc(1, sizeof *k);

	(void)config;
	if (!k)
		return -12;
	k->host = host;
	*out = k;
	return 0;
}

static int start(struct keying *k)
{
	(void)k;
	return 0;
}

static int reload(struct keying *k, struct slice config)
{
	(void)config;
	k->reloads++;
	return 0;
}

static void answer(struct keying *k, uint32_t request, int error, uint32_t n)
{
	const uint8_t map[] = {0xa1, 0x61, 'n', 0x1a, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n};
	struct slice text = {(const uint8_t *)k->text, strlen(k->text)};

	k->host->managed(k->host, request, error, error ? text : (struct slice){map, sizeof map});
	k->text[0] = '\0';
}

/* fd00::(net):(n), UDP port 5683. */
static struct ts address(unsigned net, uint32_t n)
{
	struct ts ts = {.ip_proto = 17, .port_start = 5683, .port_end = 5683};

	ts.addr_start = (struct ip_addr){.family = 6, .bytes = {0xfd}};
	ts.addr_start.bytes[11] = (uint8_t)net;
	for (int i = 0; i < 4; i++)
		ts.addr_start.bytes[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	ts.addr_end = ts.addr_start;
	return ts;
}

static void add(struct keying *k, uint32_t request, const char *line)
{
	char name[64];
	unsigned template;
	unsigned net;
	unsigned n;
	uint32_t made = 0;
	struct ts ts;
	int r = -22;

	if (sscanf(line, "%u %63s %u %u", &template, name, &net, &n) == 4) {
		ts = address(net, n);
		r = k->host->peer_add(k->host, template, name, &ts, 1, &made);
	}
	answer(k, request, r, made);
}

/* Thousands at once; answers how many the host took. */
static void fill(struct keying *k, uint32_t request, const char *line)
{
	unsigned template = 0;
	unsigned many = 0;
	char name[32];
	uint32_t made;
	uint32_t n = 0;

	sscanf(line, "%u %u", &template, &many);
	for (unsigned i = 0; i < many; i++) {
		struct ts ts = address(1, i);

		snprintf(name, sizeof name, "sensor-%u", i);
		n += k->host->peer_add(k->host, template, name, &ts, 1, &made) == 0;
	}
	answer(k, request, 0, n);
}

/* The map of attributes with a set of rules by its digest and the end of Dev; each alone as well.
 */
static size_t name_rules(uint8_t *attrs, size_t len, const char *digest, const char *device)
{
	unsigned long d = strtoul(digest, NULL, 16);
	const uint8_t named[] = {
		0x2f, 0x1a, (uint8_t)(d >> 24), (uint8_t)(d >> 16), (uint8_t)(d >> 8), (uint8_t)d};

	if (*digest != '-') {
		memcpy(attrs + len, named, sizeof named);
		len += sizeof named;
		attrs[0]++;
	}
	if (*device != '-') {
		attrs[len++] = 0x30;
		attrs[len++] = (uint8_t)(*device - '0');
		attrs[0]++;
	}
	return len;
}

/* An SA towards a peer of its own; its key says which. */
static void install(struct keying *k, uint32_t request, const char *line)
{
	uint8_t attrs[32] = {0xa7, 0, 0, 1, 0, 2, 0, 3, 2, 4, 0x18, 32, 5, 0x18, 32, 0x20, 0};
	char digest[16] = "-";
	char device[4] = "-";
	static const uint8_t gateway[16] = {0xfd, [15] = 1};
	unsigned policy = 0;
	unsigned net = 0;
	unsigned n = 0;
	struct sa_params p = {
		.dir = SA_OUT,
		.mode = SA_TUNNEL,
		.spi = 0x12345,
		.encr = ENCR_CHACHA20_POLY1305,
		.keymat_len = 36,
		.n_ts_local = 1,
		.n_ts_remote = 1,
	};
	sa_id id = 0;
	int r;

	sscanf(line, "%u %u %u %15s %3s", &policy, &net, &n, digest, device);
	p.attrs = (struct slice){attrs, name_rules(attrs, 17, digest, device)};
	p.policy = policy;
	memcpy(p.keymat, &policy, sizeof policy);
	p.ts_remote[0] = address(net, n);
	p.ts_local[0] = address(0, 0);
	memcpy(p.ts_local[0].addr_start.bytes, gateway, 16);
	p.ts_local[0].addr_end = p.ts_local[0].addr_start;
	r = k->host->sa_install(k->host, &p, &id);
	answer(k, request, r, id);
}

static void collect(void *context, const char *name)
{
	struct keying *k = context;
	size_t len = strlen(k->text);

	snprintf(k->text + len, sizeof k->text - len, "%s ", name);
}

/* The store; a save and a deletion answer when they are on disk. */
static void store(struct keying *k, uint32_t request, const char *verb, const char *line)
{
	static const uint8_t value[] = {1, 2, 3};
	int r;

	if (!strcmp(verb, "list")) {
		r = k->host->state_list(k->host, line, collect, k);
		answer(k, request, r ? r : -100, 0);
		return;
	}
	r = !strcmp(verb, "save") ? k->host->state_save(k->host, line,
					    (struct slice){value, sizeof value}, request)
				  : k->host->state_delete(k->host, line, request);
	if (r)
		answer(k, request, r, 0);
}

static void manage(struct keying *k, uint32_t request, const char *verb, struct slice with)
{
	char word[16] = "";
	int at = 0;
	const char *line;

	(void)with;
	sscanf(verb, "%15s %n", word, &at);
	line = verb + at;
	if (!strcmp(word, "add"))
		add(k, request, line);
	else if (!strcmp(word, "fill"))
		fill(k, request, line);
	else if (!strcmp(word, "remove"))
		answer(k, request, k->host->peer_remove(k->host, (uint32_t)atoi(line)), 0);
	else if (!strcmp(word, "install"))
		install(k, request, line);
	else if (!strcmp(word, "removed"))
		answer(k, request, 0, k->removed);
	else if (!strcmp(word, "acquired"))
		answer(k, request, 0, k->acquired);
	else if (!strcmp(word, "twice")) {
		answer(k, request, 0, 1);
		answer(k, request, 0, 2);
	} else if (!strcmp(word, "later")) {
		k->waits = request;
		k->host->timer_start(k->host, 1, LATER_MS);
	} else if (strcmp(word, "never") != 0)
		store(k, request, word, line);
}

static void saved(struct keying *k, uint32_t token, int error)
{
	answer(k, token, error, token);
}

static void timeout(struct keying *k, uint32_t timer)
{
	answer(k, k->waits, 0, timer);
}

static void sa_event(struct keying *k, sa_id id, enum sa_event event)
{
	(void)id;
	k->removed += event == SA_REMOVED;
}

static void acquire(struct keying *k, const struct keying_acquire *acquire)
{
	k->acquired = acquire->policy;
}

static void stop(struct keying *k)
{
	(void)k;
}

static void destroy(struct keying *k)
{
	free(k);
}

KEYING_PLUGIN(guests) = {
	.abi = KEYING_ABI,
	.size = sizeof(struct keying_plugin_ops),
	.name = "guests",
	.summary = "for tests",
	.keys = keys,
	.check = check,
	.create = create,
	.start = start,
	.reload = reload,
	.acquire = acquire,
	.sa_event = sa_event,
	.timeout = timeout,
	.saved = saved,
	.stop = stop,
	.destroy = destroy,
	.manage = manage,
};
