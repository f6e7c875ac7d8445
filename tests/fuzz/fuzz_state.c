/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state.db of any octets: the store opens it or refuses it, and what it opened still saves and
 * loads. An input that begins with 'r' is instead the value of a row that a store is given and
 * asked for again.
 */
#include "keying/state.h"
#include "fuzz/must.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void note(void *owner, int error)
{
	*(int *)owner = error;
}

static void clear(const char *dir)
{
	static const char *const names[] = {
		"state.db", "state.db-wal", "state.db-shm", "state.db-journal", "witness"};
	char path[96];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static void put_file(const char *dir, const char *name, const void *data, size_t len)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void try_row(struct state *state, struct slice value)
{
	static uint8_t out[STATE_VALUE_MAX];
	int error = 1;
	size_t n;
	int r = state_save(state, "row", value, note, &error);

	must(r == 0 || value.len > STATE_VALUE_MAX);
	if (r || error)
		return;
	must(state_load(state, "row", out, sizeof out, &n) == 0);
	must(n == value.len && (!n || !memcmp(out, value.data, n)));
	must(state_create(state, "row", value) == -EEXIST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char dir[] = "/tmp/dv-fuzz-XXXXXX";
	char witness[64];
	char text[256];
	struct state *state = NULL;
	bool row = len && data[0] == 'r';
	uint8_t out[64];
	size_t n;
	int r;

	if (!mkdtemp(dir))
		abort();
	snprintf(witness, sizeof witness, "%s/witness", dir);
	if (!row) {
		put_file(dir, "state.db", data, len);
		put_file(dir, "witness", "dietvpn-state 0\n", 16);
	}
	r = state_open(NULL, dir, witness, &state, text, sizeof text);
	must(r == 0 || text[0]);
	must(!row || r == 0);
	if (!r) {
		state_load(state, "core/generation", out, sizeof out, &n);
		state_load(state, "core/seq/x", out, sizeof out, &n);
		try_row(state, row ? (struct slice){data + 1, len - 1} : (struct slice){out, 8});
		state_close(state);
	}
	clear(dir);
	rmdir(dir);
	return 0;
}
