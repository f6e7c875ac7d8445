/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_life DIR WITNESS STEPS: one life of a process that keeps counters in the daemon's own state
 * store (src/keying/state.c), for tests/powercut.sh.
 *
 * Each step reserves a block of numbers, and saves a receive counter, a pinned identity and an
 * epoch beside it, so that several owners share a transaction; every other one a row that is
 * deleted again.
 *
 * What was confirmed to be on disk goes to descriptor 3, one line each. "use FIRST LAST": the block
 * is used now; the same line twice is a nonce used twice. "keep NAME VALUE": NAME may never again
 * be below VALUE. "gone NAME VALUE": NAME may never again be VALUE or below, but may be absent.
 *
 * Half way the store is closed and opened. Lines on standard input are such a record of the lives
 * before: rows that are absent or below it are an error. Status: 0; 3 the store refused to open; 4
 * a row is absent, older than promised or has come back; 9 a save failed.
 */
#include "keying/state.h"

#include "base/wire.h"
#include "crypto/secret.h"

#include <errno.h>
#include <uv.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1000, PIN_LEN = 700 };

static const char SEQ[] = "core/seq/00112233445566778899aabbccddeeff";
static const char SEEN[] = "core/seen/ffeeddccbbaa99887766554433221100";
static const char PIN[] = "plugin/peer/pin";
static const char EPOCH[] = "group/firmware/epoch";
static const char REVOKED[] = "plugin/peer/revoked";

struct life {
	const char *dir, *witness;
	uv_loop_t loop;
	struct state *state;
	uint64_t ceiling; /* durable */
	uint64_t step;
	uint64_t promised[4]; /* SEQ, SEEN, PIN, EPOCH */
	uint64_t gone;        /* REVOKED of this and of all before */
};

/* The tool links neither the crypto wing nor a sanitizer: LD_PRELOAD comes before both. */
void secret_wipe(void *data, size_t len)
{
	memset(data, 0, len);
}

static void say(const char *format, ...)
{
	char line[128];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (write(3, line, (size_t)n) != n)
		exit(9);
}

static const char *name_of(int which)
{
	const char *const names[] = {SEQ, SEEN, PIN, EPOCH};

	return names[which];
}

static void read_promises(struct life *life)
{
	char line[160];
	char name[128];
	unsigned long long a;
	unsigned long long b;

	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "use %llu %llu", &a, &b) == 2 && b + 1 > life->promised[0])
			life->promised[0] = b + 1;
		if (sscanf(line, "gone %127s %llu", name, &a) == 2 && a > life->gone)
			life->gone = a;
		if (sscanf(line, "keep %127s %llu", name, &a) != 2)
			continue;
		for (int i = 1; i < 4; i++)
			if (!strcmp(name, name_of(i)) && a > life->promised[i])
				life->promised[i] = a;
	}
}

static void open_store(struct life *life)
{
	char text[512];
	int r = state_open(&life->loop, life->dir, life->witness, &life->state, text, sizeof text);

	if (r) {
		fprintf(stderr, "state_life: %s\n", text);
		exit(3);
	}
}

static uint64_t load(struct life *life, const char *name, uint64_t promised)
{
	uint8_t value[PIN_LEN];
	size_t len;
	uint64_t number = 0;
	int r = state_load(life->state, name, value, sizeof value, &len);

	if (!r && len >= 8)
		number = get_be64(value);
	if ((r && r != -ENOENT) || number < promised) {
		fprintf(stderr, "state_life: %s is %llu, promised %llu (%d)\n", name,
			(unsigned long long)number, (unsigned long long)promised, r);
		exit(4);
	}
	return number;
}

/* What was deleted for sure does not come back. */
static void check_gone(struct life *life)
{
	uint64_t number = load(life, REVOKED, 0);

	if (!number || number > life->gone)
		return;
	fprintf(stderr, "state_life: %s of step %llu has come back\n", REVOKED,
		(unsigned long long)number);
	exit(4);
}

static void check_rows(struct life *life)
{
	check_gone(life);
	life->ceiling = load(life, SEQ, life->promised[0]);
	for (int i = 1; i < 4; i++) {
		uint64_t number = load(life, name_of(i), life->promised[i]);

		if (number > life->step)
			life->step = number;
	}
}

static void reserved(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		exit(9);
	say("use %llu %llu\n", (unsigned long long)life->ceiling,
		(unsigned long long)life->ceiling + BLOCK - 1);
	life->ceiling += BLOCK;
}

static void kept_seen(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		exit(9);
	say("keep %s %llu\n", SEEN, (unsigned long long)life->step);
}

static void kept_pin(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		exit(9);
	say("keep %s %llu\n", PIN, (unsigned long long)life->step);
}

static void kept_epoch(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		exit(9);
	say("keep %s %llu\n", EPOCH, (unsigned long long)life->step);
}

static void deleted(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		exit(9);
	say("gone %s %llu\n", REVOKED, (unsigned long long)life->step);
}

static void saved(void *owner, int error)
{
	struct life *life = owner;

	if (error || state_delete(life->state, REVOKED, deleted, life))
		exit(9);
}

static void save(
	struct life *life, const char *name, uint64_t number, size_t len, state_saved *done)
{
	uint8_t value[PIN_LEN];

	memset(value, (int)(number & 0xff), sizeof value);
	put_be64(value, number);
	if (state_save(life->state, name, (struct slice){value, len}, done, life))
		exit(9);
}

static void step(struct life *life)
{
	life->step++;
	save(life, SEQ, life->ceiling + BLOCK, 8, reserved);
	/* The first is under way alone; these three queue behind it and share the next one. */
	save(life, SEEN, life->step, 8, kept_seen);
	save(life, PIN, life->step, PIN_LEN, kept_pin);
	save(life, EPOCH, life->step, 8, kept_epoch);
	if (life->step % 2)
		save(life, REVOKED, life->step, 8, saved);
	while (!state_idle(life->state))
		uv_run(&life->loop, UV_RUN_ONCE);
}

static void close_store(struct life *life)
{
	state_close(life->state);
	uv_run(&life->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
	struct life life = {0};
	int steps;

	if (argc != 4)
		return 2;
	life.dir = argv[1];
	life.witness = argv[2];
	steps = atoi(argv[3]);
	read_promises(&life);
	uv_loop_init(&life.loop);
	open_store(&life);
	check_rows(&life);
	for (int i = 0; i < steps; i++) {
		step(&life);
		if (i == steps / 2) {
			close_store(&life);
			open_store(&life);
			check_rows(&life);
		}
	}
	close_store(&life);
	uv_loop_close(&life.loop);
	return 0;
}
