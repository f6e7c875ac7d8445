/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files: classic pcap, and section, interface and enhanced packet blocks of pcapng. */
#include "fakes/pcap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERFACES_MAX = 16 };

/* The link types that the captures have. */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12,
	LINK_RAW = 101,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
};

struct reader {
	const uint8_t *data;
	size_t len, at;
	bool big_endian;
	pcap_packet *fn;
	void *arg;
	struct pcap_count *count;
};

static uint32_t u32(const struct reader *r, size_t at)
{
	const uint8_t *p = r->data + at;

	if (r->big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static bool is_ip_type(unsigned type)
{
	return type == 0x0800 || type == 0x86dd;
}

/* Octets before the IP header of an Ethernet frame with VLAN tags or none; 0: not IP. */
static size_t ethernet(const uint8_t *p, size_t len)
{
	size_t at = 12;

	while (at + 2 <= len && (be16(p + at) == 0x8100 || be16(p + at) == 0x88a8))
		at += 4;
	return at + 2 <= len && is_ip_type(be16(p + at)) ? at + 2 : 0;
}

static size_t ppp(const uint8_t *p, size_t len)
{
	size_t at = len >= 2 && be16(p) == 0xff03 ? 2 : 0;

	if (at + 2 > len || (be16(p + at) != 0x0021 && be16(p + at) != 0x0057))
		return 0;
	return at + 2;
}

static void frame(struct reader *r, uint32_t link, const uint8_t *p, size_t len)
{
	size_t skip = 0;
	bool ip = true;

	r->count->frames++;
	switch (link & 0xffff) {
	case LINK_RAW:
	case LINK_RAW_BSD:
	case LINK_IPV4:
	case LINK_IPV6:
		break;
	case LINK_ETHERNET:
		ip = (skip = ethernet(p, len)) != 0;
		break;
	case LINK_PPP:
		ip = (skip = ppp(p, len)) != 0;
		break;
	case LINK_SLL:
		ip = len >= 16 && is_ip_type(be16(p + 14));
		skip = 16;
		break;
	case LINK_NULL:
		ip = len >= 4;
		skip = 4;
		break;
	default:
		ip = false;
	}
	if (!ip)
		return;
	r->count->ip++;
	r->fn(r->arg, p + skip, len - skip);
}

static int read_classic(struct reader *r)
{
	uint32_t link = u32(r, 20);

	for (r->at = 24; r->len - r->at >= 16;) {
		uint32_t len = u32(r, r->at + 8);

		r->at += 16;
		if (len > r->len - r->at)
			break;
		frame(r, link, r->data + r->at, len);
		r->at += len;
	}
	return 0;
}

static int read_blocks(struct reader *r)
{
	uint32_t links[INTERFACES_MAX] = {0};
	size_t n_links = 0;

	while (r->len - r->at >= 32) {
		uint32_t type = u32(r, r->at);
		uint32_t len = u32(r, r->at + 4);

		if (type == 0x0a0d0d0a)
			n_links = 0;
		if (len < 12 || len > r->len - r->at)
			break;
		if (type == 1 && n_links < INTERFACES_MAX)
			links[n_links++] = u32(r, r->at + 8) & 0xffff;
		if (type == 6 && len >= 32 && u32(r, r->at + 8) < n_links &&
			u32(r, r->at + 20) <= len - 32)
			frame(r, links[u32(r, r->at + 8)], r->data + r->at + 28,
				u32(r, r->at + 20));
		r->at += len;
	}
	return 0;
}

static int read_any(struct reader *r)
{
	if (r->len < 24)
		return -EBADMSG;
	if (u32(r, 0) == 0x0a0d0d0a) {
		r->big_endian = u32(r, 8) == 0x4d3c2b1a;
		return read_blocks(r);
	}
	r->big_endian = u32(r, 0) == 0xd4c3b2a1 || u32(r, 0) == 0x4d3cb2a1;
	if (u32(r, 0) != 0xa1b2c3d4 && u32(r, 0) != 0xa1b23c4d)
		return -EBADMSG;
	return read_classic(r);
}

uint8_t *pcap_read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long size;

	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
		rewind(f);
		*len = (size_t)size;
		data = malloc(*len ? *len : 1);
	}
	if (data && fread(data, 1, *len, f) != *len) {
		free(data);
		data = NULL;
	}
	fclose(f);
	return data;
}

int pcap_each(const char *path, pcap_packet *fn, void *arg, struct pcap_count *count)
{
	struct reader r = {.fn = fn, .arg = arg, .count = count};
	uint8_t *data;
	int err;

	errno = 0;
	data = pcap_read_file(path, &r.len);
	if (!data)
		return errno ? -errno : -EIO;
	r.data = data;
	*count = (struct pcap_count){0};
	err = read_any(&r);
	free(data);
	return err;
}
