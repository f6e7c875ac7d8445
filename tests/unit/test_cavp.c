/* SPDX-License-Identifier: Apache-2.0 */
/* NIST's CAVP cases for AES-GCM and AES-CCM that have ESP's nonce and tag lengths. */
#include "crypto/aead.h"
#include "crypto/secret.h"

#include "crypto_cases.h"
#include "fakes/data_main.h"

struct tally {
	unsigned total, run, refused;
};

/* One response file: what stands per group counts until it is given anew. */
struct reader {
	struct aead_case c;
	struct octets ct_and_tag;
	size_t alen, plen, nlen, tlen; /* octets */
	bool ccm, open;                /* open: a case has begun and is not judged yet */
	const char *path;
	struct tally *tally;
};

static struct aead_pool *pool;

static size_t *length_named(struct reader *r, const char *name, bool *bits)
{
	*bits = strcmp(name, "IVlen") == 0 || strcmp(name, "PTlen") == 0 ||
		strcmp(name, "AADlen") == 0 || strcmp(name, "Taglen") == 0;
	if (strcmp(name, "IVlen") == 0 || strcmp(name, "Nlen") == 0)
		return &r->nlen;
	if (strcmp(name, "PTlen") == 0 || strcmp(name, "Plen") == 0)
		return &r->plen;
	if (strcmp(name, "AADlen") == 0 || strcmp(name, "Alen") == 0)
		return &r->alen;
	if (strcmp(name, "Taglen") == 0 || strcmp(name, "Tlen") == 0)
		return &r->tlen;
	return NULL;
}

/* "[IVlen = 96]", "[Alen = 0, Plen = 0, Nlen = 7, Tlen = 4]" or "Plen = 24" */
static void read_lengths(struct reader *r, const char *line)
{
	char name[16];
	unsigned value;
	int used;

	while (sscanf(line, "%*[[, ]%15[A-Za-z] = %u%n", name, &value, &used) == 2 ||
		sscanf(line, "%15[A-Za-z] = %u%n", name, &value, &used) == 2) {
		bool bits;
		size_t *length = length_named(r, name, &bits);

		if (length != NULL)
			*length = bits ? value / 8 : value;
		line += used;
	}
}

/* A field of length 0 is written "00" in the CCM files. */
static void cut(struct octets *o, size_t len)
{
	cr_assert_geq(o->len, len);
	o->len = len;
}

static void split_ct(struct reader *r)
{
	if (!r->ccm)
		return;
	cut(&r->ct_and_tag, r->plen + r->tlen);
	memcpy(r->c.ct.data, r->ct_and_tag.data, r->plen);
	memcpy(r->c.tag.data, r->ct_and_tag.data + r->plen, r->tlen);
	r->c.ct.len = r->plen;
	r->c.tag.len = r->tlen;
}

static void judge(struct reader *r)
{
	const struct aead_suite *suite = suite_for(r->ccm, r->c.key.len, r->tlen);

	if (!r->open)
		return;
	r->open = false;
	r->tally->total++;
	if (suite == NULL || r->nlen != (r->ccm ? 11u : 12u))
		return;
	split_ct(r);
	cut(&r->c.nonce, r->nlen);
	cut(&r->c.aad, r->alen);
	cut(&r->c.ct, r->plen);
	cut(&r->c.tag, r->tlen);
	if (r->c.valid)
		cut(&r->c.msg, r->plen);
	r->c.has_msg = r->c.valid;
	check_aead_case(pool, suite, &r->c);
	r->tally->run++;
	r->tally->refused += !r->c.valid;
}

static void begin_case(struct reader *r, const char *line)
{
	judge(r);
	r->open = true;
	r->c.valid = true;
	snprintf(r->c.where, sizeof(r->c.where), "%.30s %.30s", strrchr(r->path, '/') + 1, line);
}

static struct octets *field_named(struct reader *r, const char *name)
{
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {
		{"Key", offsetof(struct reader, c.key)},
		{"IV", offsetof(struct reader, c.nonce)},
		{"Nonce", offsetof(struct reader, c.nonce)},
		{"AAD", offsetof(struct reader, c.aad)},
		{"Adata", offsetof(struct reader, c.aad)},
		{"PT", offsetof(struct reader, c.msg)},
		{"Payload", offsetof(struct reader, c.msg)},
		{"Tag", offsetof(struct reader, c.tag)},
	};

	if (strcmp(name, "CT") == 0)
		return r->ccm ? &r->ct_and_tag : &r->c.ct;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(name, fields[i].name) == 0)
			return (struct octets *)(void *)((char *)r + fields[i].at);
	return NULL;
}

static void read_line(struct reader *r, const char *line)
{
	char name[16];
	int used = 0;
	struct octets *out;

	if (line[0] == '[') {
		judge(r);
		read_lengths(r, line);
	} else if (strncmp(line, "Count", 5) == 0) {
		begin_case(r, line);
	} else if (strncmp(line, "FAIL", 4) == 0 || strncmp(line, "Result = Fail", 13) == 0) {
		r->c.valid = false;
	} else if (sscanf(line, "%15[A-Za-z] =%n", name, &used) == 1 && used > 0) {
		out = field_named(r, name);
		if (out == &r->c.key && r->ccm)
			judge(r);
		if (out != NULL)
			unhex(line + used, out);
		else
			read_lengths(r, line);
	}
}

static void read_file(struct reader *r)
{
	static char line[65536];
	FILE *file = fopen(r->path, "r");

	cr_assert_not_null(file, "%s: %s", r->path, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		read_line(r, line);
	}
	judge(r);
	fclose(file);
}

static void run_files(const char *folder, const char *const *stems, bool ccm, struct tally *tally)
{
	static struct reader r;
	char path[512];

	for (; *stems != NULL; stems++)
		for (int bits = 128; bits <= 256; bits += 64) {
			memset(&r, 0, sizeof(r));
			snprintf(path, sizeof(path), "%s/ciphers/AES/%s/%s%d.rsp",
				getenv("DIETVPN_CAVP_DIR"), folder, *stems, bits);
			r.path = path;
			r.ccm = ccm;
			r.tally = tally;
			read_file(&r);
		}
}

static void start(void)
{
	cr_assert_eq(crypto_init(), 0);
	pool = aead_pool_create(4);
	cr_assert_not_null(pool);
}

static void stop(void)
{
	aead_pool_destroy(pool);
}

TestSuite(cavp, .init = start, .fini = stop);

Test(cavp, gcm)
{
	static const char *const stems[] = {"gcmDecrypt", "gcmEncryptExtIV", NULL};
	struct tally tally = {0};

	run_files("GCM", stems, false, &tally);
	printf("cavp aes-gcm: %u of %u run (%u must be refused), %u with other IV or tag lengths\n",
		tally.run, tally.total, tally.refused, tally.total - tally.run);
	fflush(stdout);
	cr_assert_eq(tally.total, 47250);
	cr_assert_eq(tally.run, 6750);
	cr_assert_gt(tally.refused, 0);
}

Test(cavp, ccm)
{
	static const char *const stems[] = {"DVPT", "VADT", "VNT", "VPT", "VTT", NULL};
	struct tally tally = {0};

	run_files("CCM", stems, true, &tally);
	printf("cavp aes-ccm: %u of %u run, %u with nonces other than 11 octets\n", tally.run,
		tally.total, tally.total - tally.run);
	fflush(stdout);
	cr_assert_eq(tally.total, 2880);
	cr_assert_eq(tally.run, 30);
}

/* Criterion's workers look main up by name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	return data_main(argc, argv, "DIETVPN_CAVP_DIR",
		"cavp: python3-cryptography-vectors is not installed: 6780 cases not run");
}
