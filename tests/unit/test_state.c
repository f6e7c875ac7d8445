/* SPDX-License-Identifier: Apache-2.0 */
/* keying/state.c: rows, refusals, full disk, kill -9; power cuts are tests/powercut.sh. */
#include "keying/state.h"

#include "base/wire.h"
#include "keying/witness.h"
#include "fakes/shell.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[64], dir[80], witness[80];
static char text[512];

static void set_up(void)
{
	snprintf(base, sizeof base, "/tmp/dv-state-XXXXXX");
	cr_assert(mkdtemp(base));
	snprintf(dir, sizeof dir, "%s/store", base);
	snprintf(witness, sizeof witness, "%s/witness", base);
	cr_assert_eq(mkdir(dir, 0700), 0);
}

static void tear_down(void)
{
	shell("rm -rf %s", base);
}

static struct state *must_open(uv_loop_t *loop)
{
	struct state *state = NULL;
	int r = state_open(loop, dir, witness, &state, text, sizeof text);

	cr_assert_eq(r, 0, "%d %s", r, text);
	return state;
}

static int try_open(void)
{
	struct state *state = NULL;
	int r = state_open(NULL, dir, witness, &state, text, sizeof text);

	if (!r)
		state_close(state);
	return r;
}

static struct slice number(uint64_t n, uint8_t out[8])
{
	put_be64(out, n);
	return (struct slice){out, 8};
}

static uint64_t read_number(struct state *state, const char *name)
{
	uint8_t value[8];
	size_t len;

	cr_assert_eq(state_load(state, name, value, sizeof value, &len), 0, "%s", name);
	cr_assert_eq(len, 8u);
	return get_be64(value);
}

static void note(void *owner, int error)
{
	*(int *)owner = error;
}

TestSuite(state, .init = set_up, .fini = tear_down);

Test(state, rows_survive_and_limits_hold)
{
	static uint8_t big[STATE_VALUE_MAX + 1];
	char name[STATE_NAME_MAX + 2];
	uint8_t out[STATE_VALUE_MAX];
	size_t len = 99;
	int error = 1;
	struct state *state = must_open(NULL);
	struct stat st;
	char path[128];

	memset(big, 7, sizeof big);
	memset(name, 'n', sizeof name);
	name[STATE_NAME_MAX] = '\0';
	cr_assert_eq(state_load(state, "a", out, sizeof out, &len), -ENOENT);
	cr_assert_eq(len, 99u);
	cr_assert_eq(state_save(state, "a", (struct slice){big, 3}, note, &error), 0);
	cr_assert_eq(error, 0);
	cr_assert_eq(state_save(state, "empty", (struct slice){NULL, 0}, note, &error), 0);
	cr_assert_eq(
		state_save(state, name, (struct slice){big, STATE_VALUE_MAX}, note, &error), 0);
	cr_assert_eq(error, 0);
	cr_assert_eq(state_save(state, "a", (struct slice){big, STATE_VALUE_MAX + 1}, note, &error),
		-EINVAL);
	cr_assert_eq(state_save(state, "", (struct slice){big, 1}, note, &error), -EINVAL);
	name[STATE_NAME_MAX] = 'n';
	name[STATE_NAME_MAX + 1] = '\0';
	cr_assert_eq(state_save(state, name, (struct slice){big, 1}, note, &error), -EINVAL);
	cr_assert_eq(state_create(state, "a", (struct slice){big, 1}), -EEXIST);
	cr_assert_eq(state_create(state, "b", (struct slice){big, 2}), 0);
	cr_assert(state_idle(state));
	state_close(state);

	snprintf(path, sizeof path, "%s/state.db", dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	snprintf(path, sizeof path, "%s/state.db-wal", dir);
	cr_assert_neq(stat(path, &st), 0, "a clean stop leaves no log");

	state = must_open(NULL);
	cr_assert_eq(state_load(state, "a", out, sizeof out, &len), 0);
	cr_assert_eq(len, 3u);
	cr_assert_eq(state_load(state, "b", out, sizeof out, &len), 0);
	cr_assert_eq(len, 2u);
	cr_assert_eq(state_load(state, "empty", out, 0, &len), 0);
	cr_assert_eq(len, 0u);
	cr_assert_eq(state_load(state, "a", out, 2, &len), -EMSGSIZE);
	name[STATE_NAME_MAX] = '\0';
	cr_assert_eq(state_load(state, name, out, sizeof out, &len), 0);
	cr_assert_eq(len, (size_t)STATE_VALUE_MAX);
	cr_assert_eq(memcmp(out, big, len), 0);
	state_close(state);
}

struct chain {
	struct state *state;
	int left, done, failed;
};

static void again(void *owner, int error)
{
	struct chain *chain = owner;
	uint8_t value[8];

	chain->done++;
	chain->failed += error != 0;
	if (chain->left-- > 0)
		cr_assert_eq(state_save(chain->state, "chain", number((uint64_t)chain->done, value),
				     again, chain),
			0);
}

static void collect(void *context, const char *name)
{
	char *names = context;

	strcat(names, name);
	strcat(names, " ");
}

/* Deletions keep their place among saves, over a close too; what went is not in the file. */
Test(state, deletions_and_lists)
{
	static const char secret[] = "an adopted key of forty octets, in plain";
	uint8_t out[64];
	char names[256] = "";
	size_t len;
	int done[5] = {1, 1, 1, 1, 1};
	uv_loop_t loop;
	struct state *state;

	uv_loop_init(&loop);
	state = must_open(&loop);
	cr_assert_eq(state_delete(state, "", note, &done[0]), -EINVAL);
	state_save(state, "p/b", (struct slice){(const uint8_t *)secret, 40}, note, &done[0]);
	state_save(state, "p/\xff", (struct slice){out, 0}, note, &done[1]);
	state_save(state, "p0", (struct slice){out, 0}, note, &done[1]);
	state_delete(state, "p/b", note, &done[2]);
	state_save(state, "p/a", (struct slice){out, 0}, note, &done[3]);
	state_delete(state, "p/never", note, &done[4]);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(done[i], 0, "%d", i);
	cr_assert_eq(state_list(state, "p/", collect, names), 0);
	cr_expect_str_eq(names, "p/a p/\xff ");
	cr_expect_eq(state_load(state, "p/b", out, sizeof out, &len), -ENOENT);
	state_save(state, "p/c", (struct slice){(const uint8_t *)secret, 40}, note, &done[0]);
	uv_run(&loop, UV_RUN_DEFAULT);
	state_delete(state, "p/a", note, &done[0]);
	state_delete(state, "p/c", note, &done[0]);
	state_close(state);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	shell("! grep -q 'an adopted key' %s/*", dir);
	state = must_open(NULL);
	names[0] = '\0';
	cr_assert_eq(state_list(state, "p", collect, names), 0);
	cr_expect_str_eq(names, "p/\xff p0 ");
	state_close(state);
}

Test(state, queue_on_the_loop)
{
	uv_loop_t loop;
	struct chain chain = {.left = 20};
	struct chain many = {.left = 0};
	uint8_t value[8];
	char name[32];

	uv_loop_init(&loop);
	chain.state = must_open(&loop);
	cr_assert_eq(state_save(chain.state, "chain", number(0, value), again, &chain), 0);
	cr_assert_not(state_idle(chain.state));
	cr_assert_eq(chain.done, 0, "not before the loop turns");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "row/%d", i % 50);
		cr_assert_eq(
			state_save(chain.state, name, number((uint64_t)i, value), again, &many), 0);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(chain.done, 21);
	cr_assert_eq(many.done, 500);
	cr_assert_eq(chain.failed + many.failed, 0);
	cr_assert(state_idle(chain.state));
	cr_assert_eq(read_number(chain.state, "row/49"), 499u);
	/* What is queued or under way when it closes is written, and everybody hears of it. */
	many = (struct chain){.left = 0};
	for (int i = 0; i < 100; i++)
		cr_assert_eq(
			state_save(chain.state, "last", number((uint64_t)i, value), again, &many),
			0);
	state_close(chain.state);
	cr_assert_eq(many.done, 100);
	cr_assert_eq(many.failed, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	chain.state = must_open(NULL);
	cr_assert_eq(read_number(chain.state, "last"), 99u);
	cr_assert_eq(read_number(chain.state, "chain"), 20u);
	state_close(chain.state);
}

static void write_file(const char *name, const void *data, size_t len)
{
	char path[160];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static void make_store(int rows)
{
	struct state *state = must_open(NULL);
	uint8_t value[512] = {1};
	char name[32];
	int error = 0;

	for (int i = 0; i < rows; i++) {
		snprintf(name, sizeof name, "row/%d", i);
		cr_assert_eq(
			state_save(state, name, (struct slice){value, sizeof value}, note, &error),
			0);
		cr_assert_eq(error, 0);
	}
	state_close(state);
}

Test(state, damaged_files_are_refused)
{
	char path[160];
	uint8_t junk[4096];
	int refused = 0;
	int fd;

	memset(junk, 0x5a, sizeof junk);
	write_file("state.db", junk, sizeof junk);
	cr_assert_eq(try_open(), -EBADMSG);
	cr_assert(strstr(text, "state.db"));
	shell("rm -f %s/*", dir);
	make_store(60);
	shell("cp %s/state.db %s/good", dir, base);
	snprintf(path, sizeof path, "%s/state.db", dir);
	/* A page overwritten anywhere behind the first one, or cut off: never a silent start. */
	for (off_t page = 1; page < 8; page++) {
		shell("cp %s/good %s/state.db", base, dir);
		fd = open(path, O_WRONLY);
		cr_assert_eq(pwrite(fd, junk, sizeof junk, page * 4096), (ssize_t)sizeof junk);
		close(fd);
		refused += try_open() == -EBADMSG;
	}
	cr_assert_eq(refused, 7);
	shell("cp %s/good %s/state.db", base, dir);
	cr_assert_eq(truncate(path, 3 * 4096), 0);
	cr_assert_eq(try_open(), -EBADMSG);
	shell("rm %s/state.db; mkdir %s/state.db", dir, dir);
	cr_assert_eq(try_open(), -EBADMSG);
	shell("rmdir %s/state.db; cp %s/good %s/state.db; echo what > %s", dir, base, dir, witness);
	cr_assert_eq(try_open(), -EBADMSG, "a witness that is none");
	shell("rm -rf %s", dir);
	shell("rm -f %s", witness);
	cr_assert_eq(try_open(), -ENOENT);
}

static void set_row(struct state *state, const char *name, uint64_t n)
{
	uint8_t value[8];
	int error = 1;

	cr_assert_eq(state_save(state, name, number(n, value), note, &error), 0);
	cr_assert_eq(error, 0);
}

Test(state, older_copies_are_refused)
{
	struct state *state = must_open(NULL);
	uint64_t generation = 0;

	set_row(state, "core/seq/x", 1000);
	shell("cp %s/state.db %s/without-wal", dir, base);
	shell("mkdir %s/running; cp -a %s/. %s/running", base, dir, base);
	set_row(state, "core/seq/x", 2000);
	state_close(state);
	shell("cp %s/state.db %s/first-life", dir, base);
	cr_assert_eq(witness_read(witness, &generation), 0);
	cr_assert_eq(generation, 2u, "one start, one stop");

	shell("cp %s/without-wal %s/state.db", base, dir);
	cr_assert_eq(try_open(), -ESTALE, "copied without its log");
	cr_assert(strstr(text, "replace"), "%s", text);
	shell("rm -f %s/*; cp -a %s/running/. %s", dir, base, dir);
	cr_assert_eq(try_open(), -ESTALE, "a copy taken while it ran");

	shell("rm -f %s/*; cp %s/first-life %s/state.db", dir, base, dir);
	state = must_open(NULL);
	cr_assert_eq(read_number(state, "core/seq/x"), 2000u);
	state_close(state);
	shell("cp %s/first-life %s/state.db", base, dir);
	cr_assert_eq(try_open(), -ESTALE, "from before the last life");

	shell("rm -f %s/state.db*", dir);
	cr_assert_eq(try_open(), -ESTALE, "lost, with its witness left");
	cr_assert(strstr(text, "lost"));
	write_file("state.db", "", 0);
	cr_assert_eq(try_open(), -ESTALE, "empty, with its witness left");
	cr_assert_eq(unlink(witness), 0);
	cr_assert_eq(try_open(), 0, "neither is there: a new one");
}

/* A new card, and the state folder from a backup: nothing says how old it is. */
Test(state, copies_without_their_witness_are_refused)
{
	char temporary[96];
	struct state *state;

	/* A power cut in the very first start, before the witness is there: harmless, repeatedly.
	 */
	snprintf(temporary, sizeof temporary, "%s.tmp", witness);
	cr_assert_eq(mkdir(temporary, 0700), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(try_open(), -EISDIR, "no witness, no store");
	cr_assert_eq(rmdir(temporary), 0);
	state = must_open(NULL);
	set_row(state, "core/seq/x", 1000);
	state_close(state);
	shell("mkdir %s/backup; cp -a %s/. %s/backup", base, dir, base);
	state = must_open(NULL);
	set_row(state, "core/seq/x", 2000);
	state_close(state);

	shell("rm -f %s/* %s; cp -a %s/backup/. %s", dir, witness, base, dir);
	cr_assert_eq(try_open(), -ESTALE);
	cr_assert(strstr(text, "witness is lost"), "%s", text);
	cr_assert_eq(try_open(), -ESTALE, "and it stays so");
}

Test(state, one_process_only)
{
	struct state *state = must_open(NULL);
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-try_open());
	waitpid(pid, &status, 0);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), EBUSY);
	set_row(state, "still", 1);
	state_close(state);
	cr_assert_eq(try_open(), 0);
}

/* In the child: exit status 0, or the line that failed. */
#define NEED(cond) \
	do { \
		if (!(cond)) \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

static void full_disk(void)
{
	static uint8_t junk[65536];
	uint8_t value[8];
	struct state *state = NULL;
	char path[128];
	int error = 1;
	int fd;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
		_exit(77 + 100);
	NEED(!state_open(NULL, dir, witness, &state, text, sizeof text));
	NEED(!state_save(state, "before", number(5, value), note, &error) && !error);
	snprintf(path, sizeof path, "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, junk, sizeof junk) > 0 || write(fd, junk, 1) > 0)
		continue;
	for (int i = 0; i < 50; i++) {
		NEED(!state_save(state, "full", number(6, value), note, &error));
		if (error)
			break;
	}
	NEED(error == -ENOSPC || error == -EIO);
	NEED(state_create(state, "full2", number(6, value)) != 0);
	close(fd);
	NEED(!unlink(path));
	NEED(!state_save(state, "after", number(7, value), note, &error) && !error);
	state_close(state);
	NEED(!state_open(NULL, dir, witness, &state, text, sizeof text));
	size_t len;
	NEED(!state_load(state, "after", value, 8, &len) && get_be64(value) == 7);
	NEED(!state_load(state, "before", value, 8, &len) && get_be64(value) == 5);
	state_close(state);
	_exit(0);
}

Test(state, full_disk_fails_and_recovers)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("needs root for a mount of its own");
	pid = fork();
	if (pid == 0)
		full_disk();
	waitpid(pid, &status, 0);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77 + 100)
		cr_skip_test("no mount namespace here");
	cr_assert_eq(WEXITSTATUS(status), 0, "line %d", WEXITSTATUS(status) - 1);
}

struct life {
	struct state *state;
	uv_loop_t loop;
	uint64_t next, ceiling;
	int out;
	int stop;
};

enum { BLOCK = 16 };

static void grow(struct life *life);

/* Numbers below the ceiling may be used: each use is one record to the parent. */
static void use(void *owner, int error)
{
	struct life *life = owner;

	if (error)
		_exit(9);
	life->ceiling += BLOCK;
	while (life->next < life->ceiling) {
		uint64_t n = life->next++;

		if (write(life->out, &n, sizeof n) != sizeof n)
			_exit(8);
	}
	grow(life);
}

static void grow(struct life *life)
{
	uint8_t value[8];

	if (state_save(life->state, "core/seq/k", number(life->ceiling + BLOCK, value), use, life))
		_exit(7);
	state_save(life->state, "other/row", number(life->next, value), NULL, NULL);
}

static void live(int out)
{
	struct life life = {.out = out};
	uint8_t value[8];
	size_t len;

	uv_loop_init(&life.loop);
	if (state_open(&life.loop, dir, witness, &life.state, text, sizeof text))
		_exit(6);
	if (!state_load(life.state, "core/seq/k", value, sizeof value, &len))
		life.ceiling = get_be64(value);
	life.next = life.ceiling;
	grow(&life);
	uv_run(&life.loop, UV_RUN_DEFAULT);
	_exit(5);
}

Test(state, kill_9_never_repeats_a_number, .timeout = 60)
{
	enum { LIVES = 40 };
	uint64_t highest = 0;
	uint64_t used = 0;
	bool any = false;

	srand(1);
	for (int i = 0; i < LIVES; i++) {
		uint64_t n;
		int status;
		int ends[2];
		pid_t pid;

		cr_assert_eq(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			live(ends[1]);
		}
		close(ends[1]);
		usleep((useconds_t)(2000 + rand() % 60000));
		kill(pid, SIGKILL);
		while (read(ends[0], &n, sizeof n) == sizeof n) {
			cr_assert(!any || n > highest, "%lu after %lu", (unsigned long)n,
				(unsigned long)highest);
			highest = n;
			any = true;
			used++;
		}
		close(ends[0]);
		waitpid(pid, &status, 0);
		cr_assert(WIFSIGNALED(status), "life %d ended with %d", i, WEXITSTATUS(status));
	}
	cr_assert_gt(used, 5u * LIVES);
}

Test(state, second_life_has_the_file_alone_too)
{
	char path[128];
	struct state *state;
	struct stat st;
	int status;
	pid_t pid;

	cr_assert_eq(try_open(), 0);
	state = must_open(NULL);
	set_row(state, "still", 1);
	snprintf(path, sizeof path, "%s/state.db-shm", dir);
	cr_assert(stat(path, &st) && errno == ENOENT, "memory that others could share");
	pid = fork();
	if (pid == 0)
		_exit(-try_open());
	waitpid(pid, &status, 0);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), EBUSY);
	state_close(state);
}

/* A card whose sync of the log fails; what it failed to sync is lost at the next power cut. */
static struct card {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods log_methods;
	const sqlite3_io_methods *methods;
	int failing;
	sqlite3_int64 synced, end, lost_from, lost_to;
} card;

static int card_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
	if (at + n > card.end)
		card.end = at + n;
	return card.methods->xWrite(file, data, n, at);
}

static int card_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	card.synced = card.synced < size ? card.synced : size;
	card.end = card.end < size ? card.end : size;
	card.lost_to = card.lost_to < size ? card.lost_to : size;
	return card.methods->xTruncate(file, size);
}

static int card_sync(sqlite3_file *file, int flags)
{
	if (card.failing == 0) {
		card.synced = card.end;
		return card.methods->xSync(file, flags);
	}
	card.failing--;
	if (card.end > card.synced) {
		card.lost_from = card.synced;
		card.lost_to = card.end;
		card.synced = card.end; /* the kernel takes the pages for clean */
	}
	return SQLITE_IOERR_FSYNC;
}

static int card_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	int rc = card.real->xOpen(card.real, name, file, flags, out_flags);

	(void)vfs;
	if (rc == SQLITE_OK && flags & SQLITE_OPEN_WAL) {
		card.methods = file->pMethods;
		card.log_methods = *file->pMethods;
		card.log_methods.xWrite = card_write;
		card.log_methods.xTruncate = card_truncate;
		card.log_methods.xSync = card_sync;
		file->pMethods = &card.log_methods;
	}
	return rc;
}

static void card_insert(void)
{
	card.real = sqlite3_vfs_find(NULL);
	card.vfs = *card.real;
	card.vfs.zName = "card";
	card.vfs.pNext = NULL;
	card.vfs.xOpen = card_open;
	cr_assert_eq(sqlite3_vfs_register(&card.vfs, 1), SQLITE_OK);
}

Test(state, failed_sync_takes_no_later_commit_with_it)
{
	struct state *state;
	uint8_t value[8];
	char path[160];
	int error = 1;
	int fd;

	card_insert();
	state = must_open(NULL);
	set_row(state, "core/seq/x", 1000);
	card.failing = 2; /* the commit's, and that of the close behind it */
	cr_assert_eq(state_save(state, "core/seq/x", number(2000, value), note, &error), 0);
	cr_assert_neq(error, 0);
	cr_assert_eq(card.failing, 0);
	cr_assert_gt(card.lost_from, 0);
	set_row(state, "core/seq/x", 3000); /* confirmed: these numbers are used from now on */

	/* The power goes. */
	shell("mkdir %s/after; cp %s/state.db* %s/after", base, dir, base);
	snprintf(path, sizeof path, "%s/after/state.db-wal", base);
	fd = open(path, O_WRONLY);
	cr_assert_geq(fd, 0);
	for (sqlite3_int64 at = card.lost_from; at < card.lost_to; at++)
		cr_assert_eq(pwrite(fd, "", 1, at), 1);
	close(fd);
	state_close(state);
	shell("rm -f %s/* %s; cp %s/after/* %s", dir, witness, base, dir);
	state = must_open(NULL);
	cr_assert_eq(read_number(state, "core/seq/x"), 3000u);
	state_close(state);
}
