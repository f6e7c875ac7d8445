/* SPDX-License-Identifier: Apache-2.0 */
/* Seal and open one ESP packet: IV, AAD and ICV of RFC 4303 with AEAD ciphers (RFC 4106, 8750). */
#include "esp/esp.h"

#include "base/buf.h"
#include "base/wire.h"
#include "esp/sa.h"

#include <errno.h>
#include <string.h>

enum { IV_LEN = 8, AAD_MAX = 12 };

/* The AAD holds the full SPI and SN although neither travels whole: a peer that restored them
 * wrongly fails here and not later. */
static struct slice write_aad(const struct sa *sa, uint64_t sequence, uint8_t aad[AAD_MAX])
{
	put_be32(aad, sa->spi);
	if (!sa->esn) {
		put_be32(aad + 4, (uint32_t)sequence);
		return (struct slice){aad, 8};
	}
	put_be64(aad + 4, sequence);
	return (struct slice){aad, AAD_MAX};
}

size_t esp_overhead(const struct sa *sa)
{
	return (size_t)sa->key.suite->iv_len + sa->key.suite->icv_len;
}

enum drop esp_seal(struct sa *sa, struct buf *pkt)
{
	const struct aead_suite *suite = sa->key.suite;
	size_t len = pkt->len;
	uint8_t bytes[AAD_MAX];
	struct slice aad = write_aad(sa, sa->sequence, bytes);
	uint8_t iv[IV_LEN];

	/* A counter is as good an IV as any for these modes, and is what RFC 8750 implies. */
	put_be64(iv, sa->sequence);
	if (buf_headroom(pkt) < suite->iv_len || !buf_put(pkt, suite->icv_len))
		return DROP_NO_BUFFER;
	if (aead_seal(&sa->key, iv, aad, pkt->data, len))
		return DROP_CRYPTO;
	if (suite->iv_len)
		memcpy(buf_push(pkt, IV_LEN), iv, IV_LEN);
	return DROP_NONE;
}

enum drop esp_open(struct sa *sa, uint64_t sequence, struct buf *pkt)
{
	const struct aead_suite *suite = sa->key.suite;
	uint8_t bytes[AAD_MAX];
	struct slice aad = write_aad(sa, sequence, bytes);
	uint8_t iv[IV_LEN];
	int error;

	if (pkt->len < esp_overhead(sa))
		return DROP_ESP_SHORT;
	put_be64(iv, sequence);
	if (suite->iv_len) {
		memcpy(iv, pkt->data, IV_LEN);
		buf_pull(pkt, IV_LEN);
	}
	error = aead_open(&sa->key, iv, aad, pkt->data, pkt->len);
	if (error)
		return error == -EBADMSG ? DROP_ICV : DROP_CRYPTO;
	buf_trim(pkt, suite->icv_len);
	return DROP_NONE;
}
