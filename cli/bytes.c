/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every octet of recorded packets, before and after compression: as the host sent them, as ESP of
 * RFC 4303 would have carried them, and as they went over the air.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "cli/pcap.h"
#include "crypto/aead.h"
#include "ip/packet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 32, LABEL = 12, ESP_HEADER = 8, ESP_TRAILER = 2, UDP_HEADER = 8 };

struct totals {
	size_t packets, payload, inner, plain, diet;
};

static void print_hex(const char *label, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len || i == 0; i += ROW) {
		printf("    %-*s", LABEL, i ? "" : label);
		for (size_t k = i; k < len && k < i + ROW; k++)
			printf("%s%02x", k > i && k % 4 == 0 ? " " : "", data[k]);
		putchar('\n');
	}
}

/* n letters of one kind into the map. */
static void map_add(char *map, size_t cap, char letter, size_t n)
{
	size_t at = strlen(map);

	for (size_t i = 0; i < n && at + 1 < cap; i++)
		map[at++] = letter;
	map[at] = 0;
}

static void print_map(const char *label, const char *map)
{
	size_t len = strlen(map);

	for (size_t i = 0; i < len; i += 2 * ROW)
		printf("    %-*s%.*s\n", LABEL, i ? "" : label, 2 * ROW, map + i);
}

/* What tunnel-mode ESP adds around len octets: header, IV, padding to 4, trailer, ICV. */
static size_t plain_padding(size_t len)
{
	return (4 - (len + ESP_TRAILER) % 4) % 4;
}

static size_t print_plain(const struct aead_suite *suite, const struct ip_packet *ip, size_t l4)
{
	char map[512] = "";
	size_t pad = plain_padding(ip->len);

	map_add(map, sizeof map, 'S', 4);
	map_add(map, sizeof map, 'N', 4);
	map_add(map, sizeof map, 'I', suite->iv_len);
	map_add(map, sizeof map, 'v', ip->hdr_len);
	map_add(map, sizeof map, 'u', l4);
	map_add(map, sizeof map, 'd', ip->len - ip->hdr_len - l4);
	map_add(map, sizeof map, 'p', pad);
	map_add(map, sizeof map, 't', ESP_TRAILER);
	map_add(map, sizeof map, 'c', suite->icv_len);
	print_map("before", map);
	return ESP_HEADER + suite->iv_len + ip->len + pad + ESP_TRAILER + suite->icv_len;
}

static bool print_diet(
	const struct cli *cli, const struct aead_suite *suite, const uint8_t *esp, size_t len)
{
	size_t spi = (size_t)cli->spi_bits / 8;
	size_t sn = (size_t)cli->sn_bits / 8;
	size_t head = spi + sn + suite->iv_len;
	char map[512] = "";

	if (len < head + suite->icv_len)
		return false;
	map_add(map, sizeof map, 'S', spi);
	map_add(map, sizeof map, 'N', sn);
	map_add(map, sizeof map, 'I', suite->iv_len);
	map_add(map, sizeof map, 'd', len - head - suite->icv_len);
	map_add(map, sizeof map, 'c', suite->icv_len);
	print_map("after", map);
	if (spi)
		print_hex("spi", esp, spi);
	if (sn)
		print_hex("sequence", esp + spi, sn);
	if (suite->iv_len)
		print_hex("iv", esp + spi + sn, suite->iv_len);
	print_hex("encrypted", esp + head, len - head - suite->icv_len);
	print_hex("icv", esp + len - suite->icv_len, suite->icv_len);
	return true;
}

/* The ESP part of an outer packet: protocol 50, or UDP on port 4500; NULL: none. */
static const uint8_t *find_esp(const uint8_t *data, size_t len, size_t *esp_len)
{
	size_t head = data[0] >> 4 == 6 ? IPV6_HEADER : (size_t)(data[0] & 15) * 4;
	uint8_t proto;

	if (len < IPV4_HEADER || len < head)
		return NULL;
	proto = data[0] >> 4 == 6 ? data[6] : data[9];
	if (proto == IP_PROTO_UDP)
		head += UDP_HEADER;
	else if (proto != IP_PROTO_ESP)
		return NULL;
	if (len <= head)
		return NULL;
	*esp_len = len - head;
	return data + head;
}

static bool print_pair(const struct cli *cli, const struct aead_suite *suite, struct buf *inner,
	const uint8_t *outer, size_t outer_len, struct totals *totals)
{
	struct ip_packet ip;
	size_t esp_len;
	const uint8_t *esp = find_esp(outer, outer_len, &esp_len);
	size_t l4;

	if (!esp || ip_packet_parse(&ip, inner))
		return false;
	l4 = ip.proto == IP_PROTO_UDP ? UDP_HEADER : 0;
	printf("packet %zu: %zu octets of payload\n", totals->packets + 1,
		ip.len - ip.hdr_len - l4);
	print_hex("ip", ip.data, ip.hdr_len);
	print_hex("udp", ip.data + ip.hdr_len, l4);
	print_hex("data", ip.data + ip.hdr_len + l4, ip.len - ip.hdr_len - l4);
	totals->plain += print_plain(suite, &ip, l4);
	if (!print_diet(cli, suite, esp, esp_len))
		return false;
	totals->packets++;
	totals->payload += ip.len - ip.hdr_len - l4;
	totals->inner += ip.len;
	totals->diet += esp_len;
	printf("    %zu octets instead of %zu behind the outer IP header, %zu more than the "
	       "payload\n\n",
		esp_len,
		ESP_HEADER + suite->iv_len + ip.len + plain_padding(ip.len) + ESP_TRAILER +
			suite->icv_len,
		esp_len - (ip.len - ip.hdr_len - l4));
	return true;
}

static void print_totals(const struct cli *cli, const struct totals *t)
{
	printf("%zu packets, %s\n", t->packets, cli->cipher);
	printf("    payload                    %5zu octets\n", t->payload);
	printf("    inner packets              %5zu\n", t->inner);
	printf("    ESP as in RFC 4303         %5zu   (%.1f more than the payload, each)\n",
		t->plain, (double)(t->plain - t->payload) / (double)t->packets);
	printf("    Diet-ESP, on the air       %5zu   (%.1f more than the payload, each)\n",
		t->diet, (double)(t->diet - t->payload) / (double)t->packets);
	printf("    saved                      %5.1f %%\n",
		100.0 * (double)(t->plain - t->diet) / (double)t->plain);
}

static int print_all(const struct cli *cli, const struct aead_suite *suite, struct pcap *inner,
	struct pcap *outer)
{
	struct totals totals = {0};
	struct buf *pkt = buf_alloc(BUF_MAX);
	const uint8_t *a;
	const uint8_t *b;
	long n;
	long m;

	puts("Each packet as it was inside, then ESP around it without and with Diet-ESP, a letter "
	     "for "
	     "each octet:\n"
	     "    S spi  N sequence  I iv  v ip  u udp  d data  p padding  t trailer  c icv\n");
	while (pkt && (n = pcap_next(inner, &a)) > 0 && (m = pcap_next(outer, &b)) > 0)
		if (buf_set(pkt, a, (size_t)n) ||
			!print_pair(cli, suite, pkt, b, (size_t)m, &totals))
			break;
	buf_free(pkt);
	if (!totals.packets)
		return cli_fail(CLI_FAILED, "", "no packet pair in the recordings");
	print_totals(cli, &totals);
	return CLI_OK;
}

int verb_bytes(const struct cli *cli)
{
	const struct aead_suite *suite = aead_suite_by_name(cli->cipher);
	struct pcap *files = calloc(2, sizeof *files);
	int status = CLI_FAILED;
	int opened = 0;

	if (!files)
		return cli_fail(CLI_FAILED, "", "out of memory");
	if (!suite || cli->argc != 2) {
		free(files);
		return cli_fail(CLI_USAGE,
			"dietvpn __bytes --cipher C --spi 8 --sn 8 INNER.pcap WIRE.pcap",
			"two recordings");
	}
	while (opened < 2) {
		int error = pcap_open(&files[opened], cli->argv[opened]);

		if (error) {
			cli_fail(CLI_FAILED, "", "%s: %s", cli->argv[opened], strerror(-error));
			break;
		}
		opened++;
	}
	if (opened == 2)
		status = print_all(cli, suite, &files[0], &files[1]);
	while (opened--)
		pcap_close(&files[opened]);
	free(files);
	return status;
}
