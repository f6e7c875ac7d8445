/* SPDX-License-Identifier: Apache-2.0 */
/* A responder's stored answer: the same request is answered with the same octets, at no other cost
 * (RFC 7296 2.1). */
#include "common/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int answer_store(struct answer *a, struct slice request, struct slice octets)
{
	uint8_t *copy = malloc(octets.len ? octets.len : 1);

	answer_fini(a);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, octets.data, octets.len);
	a->octets = copy;
	a->len = octets.len;
	hash_digest(request, a->request);
	return 0;
}

bool answer_is_for(const struct answer *a, struct slice request)
{
	uint8_t digest[HASH_DIGEST_LEN];

	if (!a->len)
		return false;
	hash_digest(request, digest);
	return !memcmp(digest, a->request, sizeof digest);
}

void answer_fini(struct answer *a)
{
	free(a->octets);
	*a = (struct answer){0};
}
