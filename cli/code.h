/* SPDX-License-Identifier: Apache-2.0 */
/* A key of 128 bits as people type it: Crockford's base32 and a Reed-Solomon check over GF(32). */
#ifndef DIETVPN_CLI_CODE_H
#define DIETVPN_CLI_CODE_H

#include <stddef.h>
#include <stdint.h>

enum {
	CODE_KEY_LEN = 16,
	CODE_DATA = 26, /* characters of the key: 130 bits, the last two zero */
	CODE_LEN = 28,  /* with the check: the code's distance is 3 */
	CODE_GROUP = 4,
	CODE_TEXT = CODE_LEN + CODE_LEN / CODE_GROUP, /* with dashes and the final NUL */
	CODE_WHY = 160,
};

/* "K7QX-4M2P-...", seven groups; the caller wipes both. */
void code_print(const uint8_t key[CODE_KEY_LEN], char out[CODE_TEXT]);
/*
 * Takes lower case, I and L for 1, O for 0, dashes and white space anywhere. Any one or two wrong
 * characters, and so any two that are swapped, are noticed. A key of zeros is refused. 0, or
 * -EINVAL: key is wiped and why says in one sentence what is wrong, and in which group where that
 * can be known; it never quotes more than the character that is none.
 */
int code_parse(const char *text, uint8_t key[CODE_KEY_LEN], char why[CODE_WHY]);

#endif
