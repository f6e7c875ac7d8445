/* SPDX-License-Identifier: Apache-2.0 */
/* Raw public keys in CERT and CERTREQ payloads (RFC 7670 3, RFC 7296 3.6 and 3.7). */
#include "ikev2/payload_cert.h"

enum { ENCODING_LEN = 1 };

void payload_add_raw_key(struct payload_writer *w, struct slice spki)
{
	size_t at = payload_begin(w, PAYLOAD_CERT);

	payload_put8(w, CERT_RAW_PUBLIC_KEY);
	payload_put(w, spki.data, spki.len);
	payload_end(w, at);
}

void payload_add_raw_key_request(struct payload_writer *w)
{
	size_t at = payload_begin(w, PAYLOAD_CERTREQ);

	payload_put8(w, CERT_RAW_PUBLIC_KEY);
	payload_end(w, at);
}

struct slice payloads_raw_key(const struct payloads *p)
{
	for (size_t i = 0; i < p->n_cert; i++)
		if (p->cert[i].data[0] == CERT_RAW_PUBLIC_KEY && p->cert[i].len > ENCODING_LEN)
			return (struct slice){
				p->cert[i].data + ENCODING_LEN, p->cert[i].len - ENCODING_LEN};
	return (struct slice){NULL, 0};
}
