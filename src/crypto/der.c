/* SPDX-License-Identifier: Apache-2.0 */
/* The little of DER (X.690 section 10) that keys and signatures need; inside this wing only. */
#include "der.h"

#include <errno.h>
#include <string.h>

static struct slice behind(struct slice in, size_t n)
{
	return (struct slice){in.data + n, in.len - n};
}

/* Octets of the length field that begins at in, 0: none of ours; *len is what it says. */
static size_t read_len(struct slice in, size_t *len)
{
	if (in.len >= 1 && in.data[0] < 0x80) {
		*len = in.data[0];
		return 1;
	}
	if (in.len >= 2 && in.data[0] == 0x81 && in.data[1] >= 0x80) {
		*len = in.data[1];
		return 2;
	}
	if (in.len >= 3 && in.data[0] == 0x82 && in.data[1] != 0) {
		*len = (size_t)in.data[1] << 8 | in.data[2];
		return 3;
	}
	return 0;
}

int der_take(struct slice *in, uint8_t tag, struct slice *content)
{
	struct slice rest;
	size_t n;
	size_t len;

	if (in->len < 2 || in->data[0] != tag)
		return -EINVAL;
	rest = behind(*in, 1);
	n = read_len(rest, &len);
	if (n == 0 || len > rest.len - n)
		return -EINVAL;
	rest = behind(rest, n);
	*content = (struct slice){rest.data, len};
	*in = behind(rest, len);
	return 0;
}

int der_take_unsigned(struct slice *in, struct slice *value)
{
	struct slice rest = *in;
	struct slice v;

	if (der_take(&rest, DER_INTEGER, &v) != 0 || v.len == 0 || v.data[0] >= 0x80)
		return -EINVAL;
	/* A zero octet is there for the sign of what follows, or it is the number zero. */
	if (v.len > 1 && v.data[0] == 0 && v.data[1] < 0x80)
		return -EINVAL;
	*value = v.data[0] == 0 ? behind(v, 1) : v;
	*in = rest;
	return 0;
}

int der_take_bits(struct slice *in, struct slice *octets)
{
	struct slice rest = *in;
	struct slice v;

	if (der_take(&rest, DER_BIT_STRING, &v) != 0 || v.len == 0 || v.data[0] != 0)
		return -EINVAL;
	*octets = behind(v, 1);
	*in = rest;
	return 0;
}

bool der_is(struct slice in, const uint8_t *octets, size_t len)
{
	return in.len == len && memcmp(in.data, octets, len) == 0;
}

void der_put(struct der_out *out, const void *octets, size_t len)
{
	if (out->overrun || len > (size_t)(out->at - out->start)) {
		out->overrun = true;
		return;
	}
	out->at -= len;
	if (len != 0)
		memcpy(out->at, octets, len);
}

void der_put_head(struct der_out *out, uint8_t tag, size_t len)
{
	uint8_t head[4] = {tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len};

	if (len > 0xffff) {
		out->overrun = true;
	} else if (len > 0xff) {
		der_put(out, head, 4);
	} else if (len > 0x7f) {
		head[1] = 0x81;
		head[2] = (uint8_t)len;
		der_put(out, head, 3);
	} else {
		head[1] = (uint8_t)len;
		der_put(out, head, 2);
	}
}

void der_put_unsigned(struct der_out *out, struct slice value)
{
	uint8_t sign = 0;

	while (value.len > 0 && value.data[0] == 0)
		value = behind(value, 1);
	der_put(out, value.data, value.len);
	if (value.len == 0 || value.data[0] >= 0x80) {
		der_put(out, &sign, 1);
		value.len++;
	}
	der_put_head(out, DER_INTEGER, value.len);
}
