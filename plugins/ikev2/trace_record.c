/* SPDX-License-Identifier: Apache-2.0 */
/* One record under construction, and its way to the host (conf/schema/keying.cddl: exchange). */
#include "ikev2/trace_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 40, WHY_MAX = 300 };

static const char *exchange_name(uint8_t exchange)
{
	switch (exchange) {
	case IKE_SA_INIT:
		return "IKE_SA_INIT";
	case IKE_AUTH:
		return "IKE_AUTH";
	case CREATE_CHILD_SA:
		return "CREATE_CHILD_SA";
	default:
		return "INFORMATIONAL";
	}
}

static const char *error_name(uint16_t error, char text[NAME_LEN])
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD"},
		{INVALID_IKE_SPI, "INVALID_IKE_SPI"},
		{INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION"},
		{INVALID_SYNTAX, "INVALID_SYNTAX"},
		{INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID"},
		{INVALID_SPI, "INVALID_SPI"},
		{NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN"},
		{INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD"},
		{AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED"},
		{SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED"},
		{NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS"},
		{INTERNAL_ADDRESS_FAILURE, "INTERNAL_ADDRESS_FAILURE"},
		{FAILED_CP_REQUIRED, "FAILED_CP_REQUIRED"},
		{TS_UNACCEPTABLE, "TS_UNACCEPTABLE"},
		{TEMPORARY_FAILURE, "TEMPORARY_FAILURE"},
		{CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == error)
			return names[i].name;
	snprintf(text, NAME_LEN, "error %u", error);
	return text;
}

void trail_add(struct trail *t, const struct trail_entry *entry)
{
	struct trail_entry *last = t->n ? &t->list[t->n - 1] : NULL;

	if (last && last->sent == entry->sent && last->response == entry->response &&
		last->exchange == entry->exchange && last->octets == entry->octets) {
		last->again++;
		return;
	}
	if (t->n < TRAIL_MAX)
		t->list[t->n++] = *entry;
}

static struct record *make(uint8_t exchange, bool begun_here)
{
	struct record *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	rows_init(&r->rows, begun_here);
	r->exchange = exchange;
	r->begun_here = r->offered_here = begun_here;
	r->outcome = "refused";
	return r;
}

struct record *record_new(const struct ike_sa *sa, uint8_t exchange, bool begun_here)
{
	struct record *r =
		KEYING_HOST_HAS(sa->keying->host, trace) ? make(exchange, begun_here) : NULL;

	if (r) {
		r->policy = sa->peer->settings->core.policy;
		r->remote = sa->way.remote;
	}
	return r;
}

struct record *record_of(const struct peer *peer, const struct way *way, uint8_t exchange)
{
	struct record *r = make(exchange, false);

	if (r) {
		r->policy = peer ? peer->settings->core.policy : 0;
		r->remote = way->remote;
	}
	return r;
}

void record_free(struct record *r)
{
	rows_fini(&r->rows);
	free(r);
}

void record_outcome(struct record *r, const struct child_outcome *outcome)
{
	r->error = outcome->error;
	r->refused_here = outcome->refused_here;
	r->why = outcome->why;
}

static void put_message(struct tree_writer *w, const struct trail_entry *e)
{
	tree_put_map(w, e->again ? 5 : 4);
	tree_put_text(w, "exchange");
	tree_put_text(w, exchange_name(e->exchange));
	tree_put_text(w, "sent");
	tree_put_bool(w, e->sent);
	tree_put_text(w, "response");
	tree_put_bool(w, e->response);
	tree_put_text(w, "octets");
	tree_put_uint(w, e->octets);
	if (!e->again)
		return;
	tree_put_text(w, "again");
	tree_put_uint(w, e->again);
}

static void put_text(struct tree_writer *w, const char *key, const char *value)
{
	tree_put_text(w, key);
	tree_put_text(w, value);
}

static void put_head(struct tree_writer *w, const struct record *r)
{
	bool refused = strcmp(r->outcome, "refused") == 0 || strcmp(r->outcome, "reduced") == 0;
	char name[NAME_LEN];

	tree_put_map(w, 7u + refused + (r->error != 0) + r->claimed + (r->why != NULL) +
				(r->rows.fix[0] != '\0'));
	put_text(w, "exchange", exchange_name(r->exchange));
	tree_put_text(w, "remote");
	tree_put_array(w, 2);
	tree_put_bytes(w, r->remote.addr.bytes, r->remote.addr.family == 4 ? 4 : 16);
	tree_put_uint(w, r->remote.port);
	put_text(w, "begun", r->begun_here ? "us" : "peer");
	put_text(w, "offered_by", r->offered_here ? "us" : "peer");
	put_text(w, "outcome", r->outcome);
	if (refused)
		put_text(w, "refused_by", r->refused_here ? "us" : "peer");
	if (r->error)
		put_text(w, "error", error_name(r->error, name));
	if (r->claimed) {
		tree_put_text(w, "claimed");
		tree_put_bool(w, true);
	}
	if (r->why)
		put_text(w, "why", r->why);
	if (r->rows.fix[0])
		put_text(w, "fix", r->rows.fix);
}

void record_put(const struct keying *k, const struct record *r, const struct trail *trail)
{
	struct tree_writer w;

	if (!KEYING_HOST_HAS(k->host, trace))
		return;
	tree_writer_init(&w);
	put_head(&w, r);
	tree_put_text(&w, "rows");
	tree_put_array(&w, r->rows.n);
	if (r->rows.n)
		tree_put_raw(&w, r->rows.w.data, r->rows.w.len);
	tree_put_text(&w, "messages");
	tree_put_array(&w, trail->n);
	for (size_t i = 0; i < trail->n; i++)
		put_message(&w, &trail->list[i]);
	if (!w.error && !r->rows.w.error)
		k->host->trace(k->host, r->policy, (struct slice){w.data, w.len});
	tree_writer_fini(&w);
}

static void flush(struct ike_sa *sa)
{
	struct trail *t = &sa->trail;

	for (size_t i = 0; i < TRAIL_HELD; i++)
		if (t->held[i]) {
			record_put(sa->keying, t->held[i], t);
			record_free(t->held[i]);
			t->held[i] = NULL;
		}
}

/* Where the last message is the peer's request, ours is still to come. */
void record_tell(struct ike_sa *sa, struct record *r)
{
	struct trail *t = &sa->trail;
	const struct trail_entry *last = t->n ? &t->list[t->n - 1] : NULL;

	for (size_t i = 0; last && !last->sent && !last->response && i < TRAIL_HELD; i++)
		if (!t->held[i]) {
			t->held[i] = r;
			return;
		}
	record_put(sa->keying, r, t);
	record_free(r);
}

/* A new exchange of an SA that is up begins a new ladder, and may fail anew. */
void trace_message(struct ike_sa *sa, const struct trail_entry *entry)
{
	struct trail *t = &sa->trail;
	bool again = t->n && t->list[t->n - 1].exchange == entry->exchange &&
		     !t->list[t->n - 1].response;

	if (entry->exchange == CREATE_CHILD_SA && !entry->response && !again) {
		flush(sa);
		t->n = 0;
	}
	if (!sa->handshake && entry->sent && !entry->response && !again)
		t->told = false;
	trail_add(t, entry);
	if (entry->sent && entry->response)
		flush(sa);
}

void trace_end(struct ike_sa *sa)
{
	flush(sa);
}
