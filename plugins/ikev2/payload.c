/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of payloads in a message: cut and judged as a whole, and written (RFC 7296 3.2). */
#include "ikev2/payload.h"

#include "base/wire.h"

#include <errno.h>
#include <string.h>

enum {
	CRITICAL = 0x80,
	NOTIFY_HEADER_LEN = 4,
	DELETE_HEADER_LEN = 4,
	CP_HEADER_LEN = 4,
	CP_ATTRIBUTE_LEN = 4,
	ESP_SPI_LEN = 4,
	IKE_SPI_LEN = 8,
};

static const char vendor_id[] = "dietvpn-1";

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

bool payload_ke_valid(struct slice body)
{
	return body.len > KE_HEADER_LEN;
}

bool payload_nonce_valid(struct slice body)
{
	return body.len >= NONCE_MIN && body.len <= NONCE_MAX;
}

bool payload_id_valid(struct slice body)
{
	if (body.len < ID_HEADER_LEN)
		return false;
	switch (body.data[0]) {
	case ID_IPV4_ADDR:
		return body.len == ID_HEADER_LEN + 4;
	case ID_IPV6_ADDR:
		return body.len == ID_HEADER_LEN + 16;
	default:
		return true;
	}
}

bool payload_cert_valid(struct slice body)
{
	return body.len >= 1;
}

bool payload_auth_valid(struct slice body)
{
	return body.len > AUTH_HEADER_LEN;
}

bool payload_notify_valid(struct slice body)
{
	return body.len >= NOTIFY_HEADER_LEN && body.len - NOTIFY_HEADER_LEN >= body.data[1];
}

bool payload_delete_valid(struct slice body)
{
	size_t spi_len;

	if (body.len < DELETE_HEADER_LEN)
		return false;
	spi_len = body.data[1];
	if (body.data[0] == PROTOCOL_IKE ? spi_len != 0 && spi_len != IKE_SPI_LEN
					 : spi_len != ESP_SPI_LEN)
		return false;
	return body.len - DELETE_HEADER_LEN == spi_len * get_be16(body.data + 2);
}

bool payload_cp_valid(struct slice body)
{
	size_t at = CP_HEADER_LEN;

	if (body.len < at)
		return false;
	while (at < body.len) {
		if (body.len - at < CP_ATTRIBUTE_LEN)
			return false;
		at += CP_ATTRIBUTE_LEN + (size_t)get_be16(body.data + at + 2);
	}
	return at == body.len;
}

static void read_notify(struct slice body, struct notify *out)
{
	size_t spi_len = body.data[1];

	out->protocol = body.data[0];
	out->type = get_be16(body.data + 2);
	out->spi = (struct slice){body.data + NOTIFY_HEADER_LEN, spi_len};
	out->data = (struct slice){
		body.data + NOTIFY_HEADER_LEN + spi_len, body.len - NOTIFY_HEADER_LEN - spi_len};
}

/* What stands once in a message must not stand twice. */
static int take_once(struct slice *place, struct slice body, bool valid)
{
	if (place->data || !valid)
		return -EBADMSG;
	*place = body;
	return 0;
}

/* Notifies and certificates beyond the limit are not looked at; they are all optional. */
static int take_notify(struct payloads *p, struct slice body)
{
	if (!payload_notify_valid(body))
		return -EBADMSG;
	if (p->n_notify < PAYLOADS_NOTIFY_MAX)
		read_notify(body, &p->notify[p->n_notify++]);
	return 0;
}

static int take_delete(struct payloads *p, struct slice body)
{
	if (!payload_delete_valid(body) || p->n_delete == PAYLOADS_DELETE_MAX)
		return -EBADMSG;
	p->deletes[p->n_delete++] = (struct delete_list){.protocol = body.data[0],
		.n = get_be16(body.data + 2),
		.spis = {body.data + DELETE_HEADER_LEN, body.len - DELETE_HEADER_LEN}};
	return 0;
}

static int take_cert(struct payloads *p, struct slice body)
{
	if (!payload_cert_valid(body))
		return -EBADMSG;
	if (p->n_cert < PAYLOADS_CERT_MAX)
		p->cert[p->n_cert++] = body;
	return 0;
}

static int take(struct payloads *p, uint8_t type, struct slice body)
{
	switch (type) {
	case PAYLOAD_SA:
		return take_once(&p->sa, body, payload_sa_valid(body));
	case PAYLOAD_KE:
		return take_once(&p->ke, body, payload_ke_valid(body));
	case PAYLOAD_NONCE:
		return take_once(&p->nonce, body, payload_nonce_valid(body));
	case PAYLOAD_IDI:
		return take_once(&p->id_i, body, payload_id_valid(body));
	case PAYLOAD_IDR:
		return take_once(&p->id_r, body, payload_id_valid(body));
	case PAYLOAD_AUTH:
		return take_once(&p->auth, body, payload_auth_valid(body));
	case PAYLOAD_TSI:
		return take_once(&p->ts_i, body, payload_ts_valid(body));
	case PAYLOAD_TSR:
		return take_once(&p->ts_r, body, payload_ts_valid(body));
	case PAYLOAD_CP:
		return take_once(&p->cp, body, payload_cp_valid(body));
	case PAYLOAD_CERT:
		return take_cert(p, body);
	case PAYLOAD_CERTREQ:
		p->certreq_raw =
			p->certreq_raw || (body.len == 1 && body.data[0] == CERT_RAW_PUBLIC_KEY);
		return payload_cert_valid(body) ? 0 : -EBADMSG;
	case PAYLOAD_NOTIFY:
		return take_notify(p, body);
	case PAYLOAD_DELETE:
		return take_delete(p, body);
	case PAYLOAD_VENDOR:
		p->vendor_ours = p->vendor_ours ||
				 slice_equal(body, (struct slice){(const uint8_t *)vendor_id,
							   sizeof vendor_id - 1});
		return 0;
	default:
		return 0;
	}
}

static bool is_known(uint8_t type)
{
	return (type >= PAYLOAD_SA && type <= PAYLOAD_EAP) || type == PAYLOAD_SKF;
}

/* SK stands last: its next-payload field names what is inside. */
static int take_sk(struct payloads *p, uint8_t type, uint8_t next, struct slice body)
{
	p->sk_type = type;
	p->next_sk = next;
	p->sk = body;
	return 0;
}

int payloads_parse(uint8_t first, struct slice chain, struct payloads *out)
{
	const uint8_t *at = chain.data;
	size_t left = chain.len;
	uint8_t type = first;

	memset(out, 0, sizeof *out);
	for (int n = 0; type != PAYLOAD_NONE; n++) {
		struct slice body;
		size_t len;
		int r;

		if (n == PAYLOADS_MAX || left < PAYLOAD_HEADER_LEN)
			return -EBADMSG;
		len = get_be16(at + 2);
		if (len < PAYLOAD_HEADER_LEN || len > left)
			return -EBADMSG;
		body = (struct slice){at + PAYLOAD_HEADER_LEN, len - PAYLOAD_HEADER_LEN};
		if (type == PAYLOAD_SK || type == PAYLOAD_SKF)
			return len == left ? take_sk(out, type, at[0], body) : -EBADMSG;
		if (!is_known(type) && at[1] & CRITICAL && !out->critical)
			out->critical = type;
		r = take(out, type, body);
		if (r)
			return r;
		if (!n && out->n_notify && out->notify[0].type == COOKIE)
			out->cookie = at;
		type = at[0];
		at += len;
		left -= len;
	}
	return left ? -EBADMSG : 0;
}

const struct notify *payloads_notify(const struct payloads *p, uint16_t type)
{
	for (size_t i = 0; i < p->n_notify; i++)
		if (p->notify[i].type == type)
			return &p->notify[i];
	return NULL;
}

const struct notify *payloads_error(const struct payloads *p)
{
	for (size_t i = 0; i < p->n_notify; i++)
		if (p->notify[i].type < NOTIFY_FIRST_STATUS)
			return &p->notify[i];
	return NULL;
}

void payload_writer_init(struct payload_writer *w, uint8_t *data, size_t cap)
{
	*w = (struct payload_writer){.data = data, .cap = cap};
}

void payload_put(struct payload_writer *w, const void *data, size_t len)
{
	if (w->overflow || len > w->cap - w->len) {
		w->overflow = true;
		return;
	}
	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

void payload_put8(struct payload_writer *w, uint8_t value)
{
	payload_put(w, &value, 1);
}

void payload_put16(struct payload_writer *w, uint16_t value)
{
	uint8_t octets[2];

	put_be16(octets, value);
	payload_put(w, octets, sizeof octets);
}

void payload_put32(struct payload_writer *w, uint32_t value)
{
	uint8_t octets[4];

	put_be32(octets, value);
	payload_put(w, octets, sizeof octets);
}

size_t payload_begin(struct payload_writer *w, enum payload_type type)
{
	static const uint8_t header[PAYLOAD_HEADER_LEN];
	size_t at = w->len;

	payload_put(w, header, sizeof header);
	if (w->overflow)
		return at;
	if (w->next)
		*w->next = (uint8_t)type;
	else
		w->first = (uint8_t)type;
	w->next = w->data + at;
	return at;
}

void payload_end(struct payload_writer *w, size_t at)
{
	if (w->overflow || w->len - at > UINT16_MAX)
		w->overflow = true;
	else
		put_be16(w->data + at + 2, (uint16_t)(w->len - at));
}

void payload_add(struct payload_writer *w, enum payload_type type, struct slice body)
{
	size_t at = payload_begin(w, type);

	payload_put(w, body.data, body.len);
	payload_end(w, at);
}

void payload_add_ke(struct payload_writer *w, uint16_t group, struct slice data)
{
	size_t at = payload_begin(w, PAYLOAD_KE);

	payload_put16(w, group);
	payload_put16(w, 0);
	payload_put(w, data.data, data.len);
	payload_end(w, at);
}

void payload_add_notify(struct payload_writer *w, uint16_t type, struct slice data)
{
	size_t at = payload_begin(w, PAYLOAD_NOTIFY);

	payload_put16(w, 0);
	payload_put16(w, type);
	payload_put(w, data.data, data.len);
	payload_end(w, at);
}

void payload_add_notify_ike(struct payload_writer *w, uint16_t type)
{
	size_t at = payload_begin(w, PAYLOAD_NOTIFY);

	payload_put8(w, PROTOCOL_IKE);
	payload_put8(w, 0);
	payload_put16(w, type);
	payload_end(w, at);
}

void payload_add_notify_child(struct payload_writer *w, uint16_t type, uint32_t spi)
{
	size_t at = payload_begin(w, PAYLOAD_NOTIFY);

	payload_put8(w, PROTOCOL_ESP);
	payload_put8(w, ESP_SPI_LEN);
	payload_put16(w, type);
	payload_put32(w, spi);
	payload_end(w, at);
}

static void add_delete(struct payload_writer *w, uint8_t protocol, const uint32_t *spi)
{
	size_t at = payload_begin(w, PAYLOAD_DELETE);

	payload_put8(w, protocol);
	payload_put8(w, spi ? ESP_SPI_LEN : 0);
	payload_put16(w, spi ? 1 : 0);
	if (spi)
		payload_put32(w, *spi);
	payload_end(w, at);
}

void payload_add_delete_ike(struct payload_writer *w)
{
	add_delete(w, PROTOCOL_IKE, NULL);
}

void payload_add_delete_child(struct payload_writer *w, uint32_t spi)
{
	add_delete(w, PROTOCOL_ESP, &spi);
}

void payload_add_vendor(struct payload_writer *w)
{
	payload_add(w, PAYLOAD_VENDOR,
		(struct slice){(const uint8_t *)vendor_id, sizeof vendor_id - 1});
}
