/* SPDX-License-Identifier: Apache-2.0 */
/* A keying_host for unit tests of plugins: virtual time, scripted secrets, everything recorded. */
#ifndef DIETVPN_FAKES_FAKE_HOST_H
#define DIETVPN_FAKES_FAKE_HOST_H

#include "dietvpn/keying.h"

#include <stdbool.h>

enum {
	FAKE_SAS_MAX = 512,
	FAKE_SPIS_MAX = 64,
	FAKE_SECRETS_MAX = 32,
	FAKE_LINES_MAX = 64,
	FAKE_ROWS_MAX = 32,
	FAKE_SENT_MAX = 256,
	FAKE_PEERS_MAX = 16,
	FAKE_POLICY_FIRST = 1000, /* of the peers that templates let in */
	FAKE_TRACES_MAX = 8,
	FAKE_INNER_MAX = 32,
};

struct fake_sa {
	sa_id id; /* 0: removed */
	struct sa_params params;
	uint8_t attrs[256];
};

struct fake_host {
	struct keying_host table; /* first */
	uint64_t now_ms;
	uint64_t random; /* next octet of chance, counted up */
	struct {
		char name[64];
		uint8_t content[512];
		size_t len;
		int error;
	} secrets[FAKE_SECRETS_MAX];
	size_t n_secrets;
	struct fake_sa sas[FAKE_SAS_MAX];
	size_t n_sas;      /* ever installed; those with an id live */
	int install_error; /* what sa_install answers to a long-lived key; 0: takes it */
	struct {
		uint32_t spi, widths;
		bool installed;
	} spis[FAKE_SPIS_MAX];
	size_t n_spis;
	int spi_error;
	struct {
		char text[256];
		uint32_t at;
	} errors[FAKE_LINES_MAX];
	size_t n_errors;
	char logs[FAKE_LINES_MAX][256];
	size_t n_logs;
	char events[FAKE_LINES_MAX][32];
	size_t n_events;
	struct {
		char name[160];
		uint8_t value[256];
		size_t len;
		uint32_t token;
		bool gone; /* deleted */
	} rows[FAKE_ROWS_MAX];
	size_t n_rows;
	size_t n_saved;  /* of rows: on disk, and told */
	int state_error; /* what saves and the list answer; 0: they work */
	struct {
		char name[64];
		uint32_t template, policy; /* policy 0: removed */
		struct ip_addr addr;
	} peers[FAKE_PEERS_MAX];
	size_t n_peers;
	struct {
		uint32_t request;
		int error;
		uint8_t data[1024];
		size_t len;
	} answers[FAKE_LINES_MAX];
	size_t n_answers;
	struct {
		int socket;
		struct ip_endpoint to;
		uint8_t data[1500];
		size_t len;
	} sent[FAKE_SENT_MAX];
	size_t n_sent;
	struct {
		uint32_t timer;
		uint64_t due_ms; /* 0: stopped */
	} timers[FAKE_LINES_MAX];
	size_t n_timers;
	struct {
		uint32_t policy;
		struct ip_addr addr;
		uint8_t prefix_len;
	} inner[FAKE_INNER_MAX];
	size_t n_inner;  /* calls of inner_address */
	int inner_error; /* what it answers */
	int next_socket;
	struct {
		uint32_t policy;
		uint8_t cbor[4096];
		size_t len;
	} traces[FAKE_TRACES_MAX]; /* the last ones */
	size_t n_traces;           /* ever */
	struct ip_addr own;        /* what route() tells; family 0: nothing */
	uint32_t next_spi;         /* for whoever asks for any */
};

void fake_host_init(struct fake_host *fake);
/* content NULL: secret() answers error. */
void fake_host_secret(struct fake_host *fake, const char *name, const char *content, int error);
/* How many saved rows have a name that begins so. */
size_t fake_host_rows(const struct fake_host *fake, const char *prefix);
size_t fake_host_living(const struct fake_host *fake);
/* The living SA with this SPI and direction; NULL: none. */
struct fake_sa *fake_host_find(struct fake_host *fake, enum sa_dir dir, uint32_t spi);
/* Moves time to the next timer within ms and returns it through *timer; false: none, time moved. */
bool fake_host_advance(struct fake_host *fake, uint64_t ms, uint32_t *timer);
/* The next save that has not been told yet, through *token; false: there is none. */
bool fake_host_saved(struct fake_host *fake, uint32_t *token);
/* A crash: what is not on disk is lost. */
void fake_host_crash(struct fake_host *fake);
/* Policy of the peer that a template let in by this name; 0: none. */
uint32_t fake_host_peer(const struct fake_host *fake, const char *name);
/* A recorded complaint, log line or event that holds this text. */
bool fake_host_complained(const struct fake_host *fake, const char *text);
bool fake_host_logged(const struct fake_host *fake, const char *text);
bool fake_host_told(const struct fake_host *fake, const char *event);

#endif
