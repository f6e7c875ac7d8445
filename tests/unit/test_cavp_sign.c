/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of NIST's CAVP, the Ed25519 authors' 1024 lines, and key files of many programs. */
#include "crypto/secret.h"
#include "crypto/sign.h"

#include "crypto_cases.h"
#include "fakes/data_main.h"

enum { LINE_LEN = 16384, PLAIN_LEN = 64, HALF = PLAIN_LEN / 2 };

static FILE *open_file(const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/asymmetric/%s", getenv("DIETVPN_CAVP_DIR"), name);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	cr_assert_eq(crypto_init(), 0);
	return f;
}

/* "NAME = hex": whether line is the one of name. */
static bool read_hex(const char *line, const char *name, struct octets *out)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || strncmp(line + n, " = ", 3) != 0)
		return false;
	unhex(line + n + 3, out);
	return true;
}

/* secret+public:public:text:signature+text: */
Test(cavp_sign, ed25519)
{
	static char line[LINE_LEN];
	static struct octets seed, public_key, text, sig;
	FILE *f = open_file("Ed25519/sign.input");
	const struct sign_alg *alg = sign_by_name("ed25519");
	int n = 0;

	for (; fgets(line, sizeof(line), f) != NULL; n++) {
		struct sign_private *key = NULL;
		struct sign_value made;
		const char *part = strchr(line, ':') + 1;

		unhex(line, &seed);
		unhex(part, &public_key);
		part = strchr(part, ':') + 1;
		unhex(part, &text);
		unhex(strchr(part, ':') + 1, &sig);
		cr_assert_eq(sign_private_from_seed(seed.data, &key), 0, "line %d", n + 1);
		cr_assert(same(&public_key, sign_public_bits(sign_private_public(key)).data,
				  SIGN_ED25519_LEN),
			"line %d", n + 1);
		cr_assert_eq(sign_make(key, alg, slice_of(&text), &made), 0);
		cr_assert(memcmp(sig.data, made.data, made.len) == 0, "line %d", n + 1);
		cr_assert_eq(sign_verify(sign_private_public(key), alg, slice_of(&text),
				     (struct slice){sig.data, made.len}),
			0, "line %d", n + 1);
		sign_private_destroy(key);
	}
	fclose(f);
	cr_assert_eq(n, 1024);
}

/* INTEGER of RFC 3279's signature; returns its octets. */
static size_t put_integer(const uint8_t *half, uint8_t *out)
{
	size_t skip = 0;
	size_t n;

	while (skip < HALF - 1 && half[skip] == 0)
		skip++;
	n = HALF - skip;
	out[0] = 0x02;
	out[1] = (uint8_t)(n + (half[skip] >> 7));
	out[2] = 0;
	memcpy(out + 2 + (half[skip] >> 7), half + skip, n);
	return 2u + out[1];
}

static void check_ecdsa(const struct octets *text, const uint8_t *point, const uint8_t *plain,
	const char *hash, bool valid)
{
	uint8_t der[PLAIN_LEN + 8] = {0x30};
	char name[32];
	struct sign_public key;
	int err = sign_public_from_p256(point, &key);

	der[1] = (uint8_t)put_integer(plain, der + 2);
	der[1] = (uint8_t)(der[1] + put_integer(plain + HALF, der + 2 + der[1]));
	snprintf(name, sizeof(name), "ecdsa-p256-sha2-%s", hash);
	if (err == 0)
		err = sign_verify(
			&key, sign_by_name(name), slice_of(text), (struct slice){der, 2u + der[1]});
	cr_assert_eq(err == 0, valid, "%s: %d", name, err);
	if (strcmp(hash, "256") != 0)
		return;
	if (err == 0 || err == -EBADMSG)
		err = sign_verify(&key, sign_by_name("ecdsa-p256"), slice_of(text),
			(struct slice){plain, PLAIN_LEN});
	cr_assert_eq(err == 0, valid, "r | s: %d", err);
}

/* Right-aligned in its half, as leading zero octets may be missing. */
static void put_half(const struct octets *in, uint8_t *half)
{
	cr_assert_leq(in->len, (size_t)HALF);
	memset(half, 0, HALF);
	memcpy(half + HALF - in->len, in->data, in->len);
}

Test(cavp_sign, ecdsa)
{
	static char line[LINE_LEN];
	static struct octets text, number;
	uint8_t point[PLAIN_LEN], plain[PLAIN_LEN];
	char hash[8] = "";
	bool ours = false;
	FILE *f = open_file("ECDSA/FIPS_186-3/SigVer.rsp");
	int n = 0;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '[')
			ours = sscanf(line, "[P-256,SHA-%7[0-9]", hash) == 1 && hash[0] != '1' &&
			       strcmp(hash, "224") != 0;
		if (!ours || read_hex(line, "Msg", &text))
			continue;
		if (read_hex(line, "Qx", &number))
			put_half(&number, point);
		else if (read_hex(line, "Qy", &number))
			put_half(&number, point + HALF);
		else if (read_hex(line, "R", &number))
			put_half(&number, plain);
		else if (read_hex(line, "S", &number))
			put_half(&number, plain + HALF);
		else if (strncmp(line, "Result", 6) == 0) {
			check_ecdsa(&text, point, plain, hash, strstr(line, "= P") != NULL);
			n++;
		}
	}
	fclose(f);
	cr_assert_eq(n, 45);
}

struct rsa_case {
	struct octets n, e, text, sig;
	char hash[8];
};

static bool check_rsa(const struct rsa_case *c, bool valid)
{
	char name[32];
	struct sign_public key;
	int err = sign_public_from_rsa(slice_of(&c->n), slice_of(&c->e), &key);

	cr_assert_eq(err, c->n.len < SIGN_RSA_BITS_MIN / 8 ? -ERANGE : 0);
	snprintf(name, sizeof(name), "rsa-%s%s", strcmp(c->hash, "1") == 0 ? "sha" : "sha2-",
		c->hash);
	if (err != 0 || sign_by_name(name) == NULL)
		return false;
	err = sign_verify(&key, sign_by_name(name), slice_of(&c->text), slice_of(&c->sig));
	cr_assert_eq(err == 0, valid, "%s, %zu octets: %d", name, c->n.len, err);
	return true;
}

Test(cavp_sign, rsa_pkcs1)
{
	static char line[LINE_LEN];
	static struct rsa_case c;
	FILE *f = open_file("RSA/FIPS_186-2/SigVer15_186-3.rsp");
	int total = 0;
	int run = 0;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "SHAAlg = SHA%7[0-9]", c.hash) == 1 || read_hex(line, "n", &c.n) ||
			read_hex(line, "e", &c.e) || read_hex(line, "Msg", &c.text) ||
			read_hex(line, "S", &c.sig) || strncmp(line, "Result", 6) != 0)
			continue;
		total++;
		run += check_rsa(&c, strstr(line, "= P") != NULL);
	}
	fclose(f);
	printf("cavp_sign SigVer15: %d of %d run, %d with shorter keys or SHA-224\n", run, total,
		total - run);
	fflush(stdout);
	cr_assert_eq(total, 450);
	cr_assert_eq(run, 3 * 4 * 18);
}

static struct slice read_all(const char *name, char *text, size_t cap)
{
	FILE *f = open_file(name);
	size_t len = fread(text, 1, cap, f);

	fclose(f);
	return (struct slice){(const uint8_t *)text, len};
}

Test(cavp_sign, key_files)
{
	static const struct {
		const char *name;
		int err;
	} files[] = {
		{"Ed25519/ed25519-pkcs8.pem", 0},
		{"Ed25519/ed25519-pkcs8-enc.pem", -EACCES},
		{"Ed25519/ed25519-pub.pem", -ENOKEY},
		{"PEM_Serialization/ec_private_key.pem", 0},
		{"PEM_Serialization/ec_private_key_encrypted.pem", -EACCES},
		{"PEM_Serialization/rsa_private_key.pem", -EACCES},
		{"PEM_Serialization/rsa-bad-1025-q-is-2.pem", -ERANGE},
		{"PEM_Serialization/dsaparam.pem", -ENOKEY},
		{"PKCS8/ec_private_key.pem", 0},
		{"PKCS8/ec_private_key_encrypted.pem", -EACCES},
		{"PKCS8/ecc_private_with_rfc5915_ext.pem", 0},
		{"PKCS8/ec_oid_not_in_reg_private_2.pkcs8.pem", -ENOTSUP},
		{"PKCS8/nodompar_private.pkcs8.pem", -ENOTSUP},
		{"PKCS8/withdompar_private.pkcs8.pem", -ENOTSUP},
		{"PKCS8/private.pem", -ENOTSUP},
		{"PKCS8/rsa_pss_2048_hash_mask_salt.pem", -ENOTSUP},
		{"PKCS8/unenc-dsa-pkcs8.pem", -ENOTSUP},
		{"PKCS8/bad-oid-dsa-key.pem", -ENOTSUP},
		{"PKCS8/unenc-rsa-pkcs8.pem", -ERANGE},
		{"PKCS8/enc-rsa-pkcs8.pem", -EACCES},
		{"Traditional_OpenSSL_Serialization/testrsa.pem", -ERANGE},
		{"Traditional_OpenSSL_Serialization/testrsa-encrypted.pem", -EACCES},
	};
	static char text[SIGN_TEXT_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct sign_private *key = NULL;
		int err = sign_private_from_text(read_all(files[i].name, text, sizeof(text)), &key);

		cr_assert_eq(err, files[i].err, "%s: %d", files[i].name, err);
		sign_private_destroy(key);
	}
}

Test(cavp_sign, public_key_files)
{
	static const struct {
		const char *name;
		int err;
	} files[] = {
		{"Ed25519/ed25519-pub.pem", 0},
		{"PEM_Serialization/ec_public_key.pem", 0},
		{"PEM_Serialization/rsa_public_key.pem", 0},
		{"PEM_Serialization/dsa_public_key.pem", -ENOTSUP},
		{"PKCS8/unenc-rsa-pkcs8.pub.pem", -ERANGE},
		{"PKCS8/ec_private_key.pem", -ENOKEY},
	};
	static char text[SIGN_TEXT_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct sign_public key;
		int err = sign_public_from_text(read_all(files[i].name, text, sizeof(text)), &key);

		cr_assert_eq(err, files[i].err, "%s: %d", files[i].name, err);
	}
}

/* Criterion's workers look main up by name. */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	return data_main(argc, argv, "DIETVPN_CAVP_DIR",
		"cavp_sign: python3-cryptography-vectors is not installed: 1519 signatures and 28 "
		"key "
		"files not run");
}
