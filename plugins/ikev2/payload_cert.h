/* SPDX-License-Identifier: Apache-2.0 */
/* Raw public keys in CERT and CERTREQ payloads (RFC 7670 3, RFC 7296 3.6 and 3.7). */
#ifndef DIETVPN_IKEV2_PAYLOAD_CERT_H
#define DIETVPN_IKEV2_PAYLOAD_CERT_H

#include "ikev2/payload.h"

/* spki: SubjectPublicKeyInfo in DER. */
void payload_add_raw_key(struct payload_writer *w, struct slice spki);
/* Asks for one; it has no authority field. */
void payload_add_raw_key_request(struct payload_writer *w);
/* What the first CERT of this encoding carries, not yet judged; data NULL: there is none. */
struct slice payloads_raw_key(const struct payloads *p);

#endif
