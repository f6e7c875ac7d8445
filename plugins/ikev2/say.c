/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator reads: log lines and events, each with the peer's name. */
#include "ikev2/ikev2.h"

#include "codec/tree.h"

#include <stdarg.h>
#include <stdio.h>

void say(const struct keying *k, enum keying_log level, const struct peer *peer, const char *fmt,
	...)
{
	char text[400];
	int n = peer ? snprintf(text, sizeof text, "peer \"%s\": ", peer->settings->core.name) : 0;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
	va_end(args);
	k->host->log(k->host, level, text);
}

void tell(const struct keying *k, const char *event, const struct peer *peer, const char *why)
{
	struct tree_writer w;

	tree_writer_init(&w);
	tree_put_map(&w, 2);
	tree_put_text(&w, "peer");
	tree_put_text(&w, peer->settings->core.name);
	tree_put_text(&w, "why");
	tree_put_text(&w, why);
	if (!w.error)
		k->host->event(k->host, event, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

void tell_key(
	const struct keying *k, const char *event, const char *name, const struct key_news *news)
{
	struct tree_writer w;

	tree_writer_init(&w);
	tree_put_map(&w, news->check ? 3 : 2);
	tree_put_text(&w, "peer");
	tree_put_text(&w, name);
	tree_put_text(&w, "fingerprint");
	tree_put_bytes(&w, news->fingerprint, SIGN_FINGERPRINT_LEN);
	if (news->check) {
		tree_put_text(&w, "check");
		tree_put_text(&w, news->check);
	}
	if (!w.error)
		k->host->event(k->host, event, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

void trouble(const struct keying *k, const struct peer *peer, const char *why)
{
	if (KEYING_HOST_HAS(k->host, trouble))
		k->host->trouble(k->host, peer->settings->core.policy, why);
}

const char *print_addr(const struct ip_addr *addr, char text[ADDR_TEXT])
{
	const uint8_t *b = addr->bytes;
	size_t n = 0;

	if (addr->family == 4) {
		snprintf(text, ADDR_TEXT, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		return text;
	}
	for (size_t i = 0; i < sizeof addr->bytes; i += 2)
		n += (size_t)snprintf(text + n, ADDR_TEXT - n, "%s%x", i ? ":" : "",
			(unsigned)(b[i] << 8 | b[i + 1]));
	return text;
}
