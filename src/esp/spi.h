/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPI allocator: a prefix code over the leading bits on the wire, so that shortened and full SPIs
 * share one socket and every datagram names at most one SA; diet-esp.md section 5.2.
 */
#ifndef DIETVPN_ESP_SPI_H
#define DIETVPN_ESP_SPI_H

#include <stddef.h>
#include <stdint.h>

enum { SPI_RESERVED_MAX = 255 }; /* RFC 4303 2.1 */

struct spi_table;

/* Random numbers come from the edge, so that tests are deterministic. */
typedef uint32_t spi_random(void *arg);

/* NULL: no memory. arg goes to random() as it is. */
struct spi_table *spi_table_create(spi_random *random, void *arg);
void spi_table_destroy(struct spi_table *table);

/*
 * widths: bit n-1 set if n SPI bits may travel (1..32); each of these prefixes is kept free of
 * others. *spi: 0 to choose one at random, else exactly that one. First octet on the wire never
 * 0x00. 0, -EINVAL (no widths; SPI of 255 or less; a prefix that begins with a zero octet),
 * -EADDRINUSE, -ENOSPC (none found), -ENOMEM.
 */
int spi_reserve(struct spi_table *table, uint32_t widths, uint32_t *spi);
/*
 * The SA exists: keeps only the prefix of this width and binds it to value (not NULL). -ENOENT: not
 * reserved; -EINVAL: not for this width; -EADDRINUSE: bound already; -ENOMEM.
 */
int spi_bind(struct spi_table *table, uint32_t spi, unsigned width, void *value);
void spi_release(struct spi_table *table, uint32_t spi); /* unknown: nothing happens */
/* The SA of a datagram by its first octets, O(1); NULL: none. */
void *spi_find(const struct spi_table *table, const uint8_t *wire, size_t len);

#endif
