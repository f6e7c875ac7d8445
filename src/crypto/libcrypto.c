/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's libcrypto, made ready at first use and without the system's OpenSSL configuration. */
#include "libcrypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <errno.h>

int libcrypto_init(void)
{
	/* Neither error texts nor algorithm tables: 700 KiB less, and keys obey no foreign file. */
	uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
			   OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS;

	return OPENSSL_init_crypto(options, NULL) == 1 ? 0 : -EIO;
}

bool libcrypto_running(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1;
}

void libcrypto_forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}
