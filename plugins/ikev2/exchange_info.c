/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATIONAL: liveness, deletes, and what is answered to them (RFC 7296 1.4, 2.4). */
#include "ikev2/ikev2.h"

#include "base/wire.h"

#include <errno.h>

enum { ESP_SPI_LEN = 4 };

static void ask(struct ike_sa *sa, struct message_writer *w, struct request what)
{
	if (request_send(sa, w, what))
		say(sa->keying, KEYING_WARN, sa->peer, "no memory for a request");
}

void ask_alive(struct ike_sa *sa)
{
	struct message_writer w;

	exchange_begin(sa, &w, INFORMATIONAL, false);
	ask(sa, &w, (struct request){.what = ASK_ALIVE});
}

void ask_delete_ike(struct ike_sa *sa)
{
	struct message_writer w;

	exchange_begin(sa, &w, INFORMATIONAL, false);
	payload_add_delete_ike(&w.payloads);
	sa->state = IKE_CLOSING;
	ask(sa, &w, (struct request){.what = ASK_DELETE_IKE});
}

void ike_sa_part(struct ike_sa *sa)
{
	if (sa->state == IKE_UP && !sa->request.len)
		ask_delete_ike(sa);
	ike_sa_destroy(sa);
}

void ask_delete_child(struct ike_sa *sa, struct child *child)
{
	struct message_writer w;

	exchange_begin(sa, &w, INFORMATIONAL, false);
	payload_add_delete_child(&w.payloads, child->spi[SA_IN]);
	child->want_delete = false;
	child->state = CHILD_GONE;
	ask(sa, &w, (struct request){.what = ASK_DELETE_CHILD, .child = child});
}

/* The SPIs are those that the sender receives on: ours to send. The pair of each is answered,
 * unless our own D for it is under way (RFC 7296 1.4.1). */
static void delete_children(
	struct ike_sa *sa, const struct delete_list *list, struct payload_writer *answer)
{
	for (size_t i = 0; i < list->n; i++) {
		uint32_t spi = get_be32(list->spis.data + i * ESP_SPI_LEN);
		struct child *child = child_by_spi(sa, SA_OUT, spi);

		if (!child)
			continue;
		if (child->state != CHILD_GONE)
			payload_add_delete_child(answer, child->spi[SA_IN]);
		child_replaced(child);
		child_retire(child);
	}
}

/* What ends the SA (RFC 7296 2.21), NULL where nothing does. An initiator that does not believe our
 * AUTH can say so only here. */
static const char *fatal(const struct ike_sa *sa, const struct payloads *p)
{
	const struct notify *n = payloads_error(p);

	if (!n)
		return NULL;
	switch (n->type) {
	case AUTHENTICATION_FAILED:
		return sa->peer->settings->key
			       ? "AUTHENTICATION_FAILED: it does not accept our key or identity: "
				 "compare Key and Id here with PeerKey and PeerId there"
			       : "AUTHENTICATION_FAILED: it does not accept our secret or "
				 "identity: compare Psk and Id here with Psk and PeerId there";
	case INVALID_SYNTAX:
		return "INVALID_SYNTAX: it could not read a message of ours";
	default:
		say(sa->keying, KEYING_INFO, sa->peer, "it reports error %u", n->type);
		return NULL;
	}
}

void on_informational_request(
	struct ike_sa *sa, const struct payloads *p, const struct message *m, const struct way *way)
{
	struct message_writer w;
	const char *why = fatal(sa, p);
	bool all = false;

	exchange_begin(sa, &w, INFORMATIONAL, true);
	if (p->critical)
		payload_add_notify(
			&w.payloads, UNSUPPORTED_CRITICAL_PAYLOAD, (struct slice){&p->critical, 1});
	for (size_t i = 0; !p->critical && i < p->n_delete; i++) {
		all = all || p->deletes[i].protocol == PROTOCOL_IKE;
		if (p->deletes[i].protocol == PROTOCOL_ESP)
			delete_children(sa, &p->deletes[i], &w.payloads);
	}
	if (p->cp.data && p->cp.data[0] == CFG_REQUEST && !p->critical)
		payload_cp_add(&w.payloads, &(struct cp){.type = CFG_REPLY});
	response_send(sa, &w, m, way);
	if (why)
		trace_ended(sa, payloads_error(p)->type, why);
	if (why)
		ike_sa_fail(sa, why);
	else if (all)
		ike_sa_deleted(sa);
	else
		exchange_next(sa);
}

void on_informational_response(struct ike_sa *sa, const struct payloads *p)
{
	bool closed = sa->request.what == ASK_DELETE_IKE;
	const char *why = fatal(sa, p);
	struct child *child = sa->request.child;

	sa->next_request++;
	request_done(sa);
	child_retire(child);
	if (why && !closed)
		ike_sa_fail(sa, why);
	else if (closed)
		ike_sa_closed(sa);
	else
		exchange_next(sa);
}
