/* SPDX-License-Identifier: Apache-2.0 */
/* The CBOR that a plugin gets as its configuration, through check, create, start, acquire and
 * reload of the manual plugin on a fake host. */
#include "fakes/fake_host.h"

#include "crypto/secret.h"
#include "fuzz/must.h"

#include <stdint.h>
#include <stdlib.h>

extern const struct keying_plugin_ops keying_plugin_manual;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Two peers' keys, of the length that ChaCha20-Poly1305 takes; others are not there. */
static void put_keys(struct fake_host *fake)
{
	static const char *const names[] = {"b/OutKey", "b/InKey", "c/OutKey", "c/InKey"};
	char text[SECRET_BASE64_LEN(36)];
	uint8_t key[36];

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < sizeof key; j++)
			key[j] = (uint8_t)(i + 1);
		secret_to_base64(key, sizeof key, text);
		fake_host_secret(fake, names[i], text, 0);
	}
}

static void live(struct fake_host *fake, struct slice config)
{
	const struct keying_plugin_ops *ops = &keying_plugin_manual;
	const struct keying_acquire asked = {.policy = 10};
	struct keying *k;

	if (ops->create(&fake->table, config, &k))
		return;
	must(ops->start(k) == 0);
	ops->acquire(k, &asked);
	ops->reload(k, config);
	for (size_t i = 0; i < fake->n_sas; i++) {
		const struct sa_params *p = &fake->sas[i].params;

		must(p->spi > 255 && p->keymat_len <= KEYMAT_MAX && p->long_lived);
		must(p->n_ts_local <= TS_MAX && p->n_ts_remote <= TS_MAX);
	}
	ops->stop(k);
	must(fake_host_living(fake) == 0);
	ops->destroy(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct fake_host fake;
	const struct slice config = {data, len};
	int checked;

	if (crypto_init())
		abort();
	fake_host_init(&fake);
	put_keys(&fake);
	checked = keying_plugin_manual.check(&fake.table, config);
	must(fake.n_sas == 0);
	must(checked == 0 || fake.n_errors > 0 || fake.n_logs > 0);
	live(&fake, config);
	return 0;
}
