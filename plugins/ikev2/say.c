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
	int n = peer ? snprintf(text, sizeof text, "peer \"%s\": ", peer->settings->name) : 0;
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
	tree_put_text(&w, peer->settings->name);
	tree_put_text(&w, "why");
	tree_put_text(&w, why);
	if (!w.error)
		k->host->event(k->host, event, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

void trouble(const struct keying *k, const struct peer *peer, const char *why)
{
	if (KEYING_HOST_HAS(k->host, trouble))
		k->host->trouble(k->host, peer->settings->policy, why);
}
