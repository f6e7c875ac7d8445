/* SPDX-License-Identifier: Apache-2.0 */
/* Several elements of a path or query as one target value, RFC 8824 5.3. */
#ifndef DIETVPN_SCHC_GROUP_H
#define DIETVPN_SCHC_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coap_view;

/*
 * How many elements a target value of this option stands for: "/a/b" of Uri-Path or Location-Path
 * and "&x=1&y=2" of Uri-Query or Location-Query are 2 each. 0: it is one element, as it stands.
 */
unsigned group_count(unsigned option, const uint8_t *value, size_t len);
/* Element i of group_count, without its separator; *element_len octets, borrowed of value. */
const uint8_t *group_element(const uint8_t *value, size_t len, unsigned i, size_t *element_len);
/* Options first, first + 1 ... of the message are the elements of the value. */
bool group_equal(const struct coap_view *view, const uint8_t *message, unsigned first,
	const uint8_t *value, size_t len);

#endif
