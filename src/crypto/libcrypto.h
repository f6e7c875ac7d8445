/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's libcrypto, made ready at first use and without the system's OpenSSL configuration. */
#ifndef DIETVPN_CRYPTO_LIBCRYPTO_H
#define DIETVPN_CRYPTO_LIBCRYPTO_H

/* Before any other call of libcrypto; cheap when repeated, from any thread. 0 or -EIO. */
int libcrypto_init(void);

#endif
