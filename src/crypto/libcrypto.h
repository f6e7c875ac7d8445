/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's libcrypto, made ready at first use and without the system's OpenSSL configuration. */
#ifndef DIETVPN_CRYPTO_LIBCRYPTO_H
#define DIETVPN_CRYPTO_LIBCRYPTO_H

#include <stdbool.h>

/* Before any other call of libcrypto; cheap when repeated, from any thread. 0 or -EIO. */
int libcrypto_init(void);
/*
 * Whether libcrypto can still be called: at the end of the process it is gone before the
 * destructors run. When a plugin is unloaded it is there, and they give back what was fetched.
 */
bool libcrypto_running(void);
/* Errors of a refusal that was expected: the next reader of the queue would take them for his. */
void libcrypto_forget_errors(void);

#endif
