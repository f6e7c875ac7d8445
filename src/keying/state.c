/* SPDX-License-Identifier: Apache-2.0 */
/* What survives a crash: one SQLite table {name, value}, written on the work queue, one transaction
 * at a time (trust.md section 5). */
#include "keying/state.h"

#include "base/list.h"
#include "base/wire.h"
#include "crypto/secret.h"
#include "keying/witness.h"

#include <sqlite3.h>
#include <uv.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char GENERATION[] = "core/generation";

enum { GENERATION_LEN = 8, NAMES_FIRST = 1024 };

/* One value under way to the disk. */
struct save {
	struct list link;
	state_saved *done;
	void *owner;
	size_t name_len, len;
	bool gone;       /* the row is to be deleted */
	uint8_t bytes[]; /* name, then value */
};

/* One transaction on the work queue. Outlives the state where the loop has not yet taken note. */
struct job {
	uv_work_t work;
	uv_sem_t ended;
	struct state *state; /* NULL: closed meanwhile */
	struct list saves;
	int result;
};

struct state {
	uv_loop_t *loop;
	uv_mutex_t lock; /* the connection: a reader must not see what is not yet committed */
	sqlite3 *db;     /* NULL after an I/O error, until it could be opened again */
	sqlite3_stmt *get, *put, *add, *del, *list;
	uint64_t generation;
	struct job *job; /* under way */
	struct list queue;
	char *dir, *path, *witness;
};

static int sql_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

static int run(sqlite3 *db, const char *sql)
{
	return sql_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* Runs a statement whose first answer has to be this text. */
static int expect(sqlite3 *db, const char *sql, const char *want)
{
	sqlite3_stmt *stmt;
	const unsigned char *got;
	int r = sql_error(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
	int rc;

	if (r)
		return r;
	rc = sqlite3_step(stmt);
	got = rc == SQLITE_ROW ? sqlite3_column_text(stmt, 0) : NULL;
	if (!got)
		r = sql_error(rc) ? sql_error(rc) : -EBADMSG;
	else if (strcmp((const char *)got, want) != 0)
		r = -EBADMSG;
	sqlite3_finalize(stmt);
	return r;
}

/*
 * EXCLUSIVE before anything that looks into the file, which is in WAL mode from an earlier life:
 * then there is no shared-memory file and no second process. What a pragma answers is believed, not
 * what was asked for: less than FULL loses commits at a power cut.
 */
static int setup(sqlite3 *db)
{
	int r = expect(db, "PRAGMA locking_mode=EXCLUSIVE", "exclusive");

	if (!r)
		r = run(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
			    "PRAGMA secure_delete=ON; PRAGMA mmap_size=0; PRAGMA "
			    "temp_store=MEMORY; PRAGMA cache_size=-256");
	if (!r)
		r = expect(db, "PRAGMA journal_mode=WAL", "wal");
	if (!r)
		r = expect(db, "PRAGMA quick_check(1)", "ok");
	if (!r)
		r = run(db, "PRAGMA synchronous=FULL");
	return r ? r : expect(db, "PRAGMA synchronous", "2");
}

static int prepare(struct state *state)
{
	static const char get[] = "SELECT value FROM state WHERE name = ?1";
	static const char put[] = "INSERT OR REPLACE INTO state (name, value) VALUES (?1, ?2)";
	static const char add[] = "INSERT INTO state (name, value) VALUES (?1, ?2)";
	static const char del[] = "DELETE FROM state WHERE name = ?1";
	static const char list[] = "SELECT name FROM state WHERE name >= ?1 ORDER BY name";
	int r = run(state->db, "CREATE TABLE IF NOT EXISTS state (name TEXT NOT NULL PRIMARY KEY, "
			       "value BLOB NOT NULL) WITHOUT ROWID");

	/* A trigger or a view of somebody else could say "saved" and keep nothing. */
	if (!r)
		r = expect(state->db, "SELECT group_concat(type || ' ' || name) FROM sqlite_master",
			"table state");
	if (!r)
		r = sql_error(sqlite3_prepare_v2(state->db, get, -1, &state->get, NULL));
	if (!r)
		r = sql_error(sqlite3_prepare_v2(state->db, put, -1, &state->put, NULL));
	if (!r)
		r = sql_error(sqlite3_prepare_v2(state->db, add, -1, &state->add, NULL));
	if (!r)
		r = sql_error(sqlite3_prepare_v2(state->db, del, -1, &state->del, NULL));
	if (!r)
		r = sql_error(sqlite3_prepare_v2(state->db, list, -1, &state->list, NULL));
	return r;
}

static void db_close(struct state *state)
{
	sqlite3_finalize(state->get);
	sqlite3_finalize(state->put);
	sqlite3_finalize(state->add);
	sqlite3_finalize(state->del);
	sqlite3_finalize(state->list);
	state->get = state->put = state->add = state->del = state->list = NULL;
	sqlite3_close(state->db);
	state->db = NULL;
}

static int db_open(struct state *state)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX;
	int r = sql_error(sqlite3_open_v2(state->path, &state->db, flags, NULL));

	if (!r)
		r = setup(state->db);
	if (!r)
		r = prepare(state);
	if (r)
		db_close(state);
	return r;
}

static int bind_and_step(sqlite3_stmt *stmt, const char *name, size_t name_len, struct slice value)
{
	int rc = sqlite3_bind_text(stmt, 1, name, (int)name_len, SQLITE_STATIC);

	if (rc == SQLITE_OK && value.len)
		rc = sqlite3_bind_blob(stmt, 2, value.data, (int)value.len, SQLITE_STATIC);
	else if (rc == SQLITE_OK)
		rc = sqlite3_bind_zeroblob(stmt, 2, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return sql_error(rc);
}

static int row_delete(struct state *state, const char *name, size_t name_len)
{
	int rc = sqlite3_bind_text(state->del, 1, name, (int)name_len, SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(state->del);
	sqlite3_reset(state->del);
	sqlite3_clear_bindings(state->del);
	return sql_error(rc);
}

static int row_read(struct state *state, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	const void *blob;
	size_t n;
	int r;
	int rc = sqlite3_bind_text(state->get, 1, name, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(state->get);
	r = rc == SQLITE_DONE ? -ENOENT : sql_error(rc);
	if (rc == SQLITE_ROW) {
		blob = sqlite3_column_blob(state->get, 0);
		n = (size_t)sqlite3_column_bytes(state->get, 0);
		if (n > cap)
			r = -EMSGSIZE;
		else if (n)
			memcpy(out, blob, n);
		if (!r)
			*len = n;
	}
	sqlite3_reset(state->get);
	return r == -EBADMSG ? -EIO : r;
}

static int generation_read(struct state *state, uint64_t *generation)
{
	uint8_t value[GENERATION_LEN];
	size_t len = 0;
	int r = row_read(state, GENERATION, value, sizeof value, &len);

	*generation = 0;
	if (r == -ENOENT)
		return 0;
	if (r == -EMSGSIZE || (!r && len != sizeof value))
		return -EBADMSG;
	if (!r)
		*generation = get_be64(value);
	return r;
}

/* The store first, then its witness: a crash between leaves the witness older, never newer. */
static int generation_write(struct state *state, uint64_t generation)
{
	uint8_t value[GENERATION_LEN];
	int r;

	put_be64(value, generation);
	r = bind_and_step(
		state->put, GENERATION, sizeof GENERATION - 1, (struct slice){value, sizeof value});
	if (!r)
		r = witness_sync_dir(state->dir);
	if (r)
		return r;
	state->generation = generation;
	return witness_write(state->witness, generation);
}

/*
 * After an I/O error nothing of the connection is believed: pages that a failed sync has lost may
 * look clean. Whoever started on the file meanwhile has raised the generation. Nor may the next
 * commit stand in the log behind such pages, where a power cut would lose it with them: all that
 * can be read of the log goes into the file first.
 */
static int db_reopen(struct state *state)
{
	uint64_t generation;
	int r;

	if (state->db)
		db_close(state);
	r = db_open(state);
	if (!r)
		r = generation_read(state, &generation);
	if (!r && generation != state->generation)
		r = -EBUSY;
	if (!r)
		r = expect(state->db, "PRAGMA wal_checkpoint(TRUNCATE)", "0");
	if (r && state->db)
		db_close(state);
	return r;
}

static int write_save(struct state *state, const struct save *save)
{
	const char *name = (const char *)save->bytes;
	struct slice value = {save->bytes + save->name_len, save->len};

	return save->gone ? row_delete(state, name, save->name_len)
			  : bind_and_step(state->put, name, save->name_len, value);
}

static int write_saves(struct state *state, const struct list *saves)
{
	int r = run(state->db, "BEGIN IMMEDIATE");

	if (r)
		return r;
	list_each (node, saves)
		if (!r)
			r = write_save(state, container_of(node, struct save, link));
	if (!r)
		r = run(state->db, "COMMIT");
	if (r && !sqlite3_get_autocommit(state->db))
		run(state->db, "ROLLBACK");
	return r;
}

static int commit(struct state *state, const struct list *saves)
{
	int r = 0;

	uv_mutex_lock(&state->lock);
	if (!state->db)
		r = db_reopen(state);
	if (!r) {
		r = write_saves(state, saves);
		if (r && r != -ENOSPC && r != -ENOMEM)
			db_reopen(state);
	}
	uv_mutex_unlock(&state->lock);
	return r;
}

/* Tells everybody and frees. A callback may save again: that goes to the queue, not to this list.
 */
static void finish(struct list *saves, int result)
{
	while (!list_empty(saves)) {
		struct save *save = container_of(saves->next, struct save, link);

		list_remove(&save->link);
		if (save->done)
			save->done(save->owner, result);
		secret_wipe(save->bytes, save->name_len + save->len);
		free(save);
	}
}

static void move_all(struct list *from, struct list *to)
{
	list_init(to);
	while (!list_empty(from)) {
		struct list *node = from->next;

		list_remove(node);
		list_append(to, node);
	}
}

static void work(uv_work_t *req)
{
	struct job *job = container_of(req, struct job, work);

	job->result = commit(job->state, &job->saves);
	uv_sem_post(&job->ended);
}

static void start_job(struct state *state);

static void after_work(uv_work_t *req, int status)
{
	struct job *job = container_of(req, struct job, work);
	struct state *state = job->state;

	if (state) {
		state->job = NULL;
		finish(&job->saves, status ? status : job->result);
		if (!state->job && !list_empty(&state->queue))
			start_job(state);
	}
	uv_sem_destroy(&job->ended);
	free(job);
}

static void fail_queue(struct state *state, int error)
{
	struct list saves;

	move_all(&state->queue, &saves);
	finish(&saves, error);
}

static void start_job(struct state *state)
{
	struct job *job = malloc(sizeof *job);

	if (!job) {
		fail_queue(state, -ENOMEM);
		return;
	}
	*job = (struct job){.state = state};
	move_all(&state->queue, &job->saves);
	if (uv_sem_init(&job->ended, 0) ||
		uv_queue_work(state->loop, &job->work, work, after_work)) {
		finish(&job->saves, -ENOMEM);
		free(job);
		return;
	}
	state->job = job;
}

static void commit_now(struct state *state)
{
	struct list saves;

	move_all(&state->queue, &saves);
	finish(&saves, commit(state, &saves));
}

static bool name_fits(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= STATE_NAME_MAX;
}

static struct save *save_new(const char *name, size_t name_len, struct slice value)
{
	struct save *save = malloc(sizeof *save + name_len + value.len);

	if (!save)
		return NULL;
	*save = (struct save){.name_len = name_len, .len = value.len};
	memcpy(save->bytes, name, name_len);
	if (value.len)
		memcpy(save->bytes + name_len, value.data, value.len);
	return save;
}

static int enqueue(struct state *state, struct save *save, state_saved *done, void *owner)
{
	if (!save)
		return -ENOMEM;
	save->done = done;
	save->owner = owner;
	list_append(&state->queue, &save->link);
	if (!state->loop)
		commit_now(state);
	else if (!state->job)
		start_job(state);
	return 0;
}

int state_save(
	struct state *state, const char *name, struct slice value, state_saved *done, void *owner)
{
	if (!name_fits(name) || value.len > STATE_VALUE_MAX)
		return -EINVAL;
	return enqueue(state, save_new(name, strlen(name), value), done, owner);
}

int state_delete(struct state *state, const char *name, state_saved *done, void *owner)
{
	struct save *save;

	if (!name_fits(name))
		return -EINVAL;
	save = save_new(name, strlen(name), (struct slice){NULL, 0});
	if (save)
		save->gone = true;
	return enqueue(state, save, done, owner);
}

/* Names in a row, each with its NUL. */
struct names {
	char *text;
	size_t len, cap;
};

/* len: strlen(name). */
static int names_add(struct names *names, const char *name, size_t len)
{
	size_t cap = names->cap ? names->cap : NAMES_FIRST;
	char *grown;

	while (cap - names->len <= len)
		cap *= 2;
	grown = cap == names->cap ? names->text : realloc(names->text, cap);
	if (!grown)
		return -ENOMEM;
	names->text = grown;
	names->cap = cap;
	memcpy(names->text + names->len, name, len + 1);
	names->len += len + 1;
	return 0;
}

/* In order of octets the first name without the prefix ends it. */
static int names_read(struct state *state, const char *prefix, struct names *names)
{
	size_t n = strlen(prefix);
	int rc = sqlite3_bind_text(state->list, 1, prefix, (int)n, SQLITE_STATIC);
	int r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(state->list);
	while (!r && rc == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(state->list, 0);
		size_t len = (size_t)sqlite3_column_bytes(state->list, 0);

		if (!name || len < n || memcmp(name, prefix, n) != 0)
			break;
		r = names_add(names, name, len);
		rc = sqlite3_step(state->list);
	}
	sqlite3_reset(state->list);
	sqlite3_clear_bindings(state->list);
	return r ? r : sql_error(rc) ? -EIO : 0;
}

int state_list(struct state *state, const char *prefix,
	void (*each)(void *context, const char *name), void *context)
{
	struct names names = {0};
	int r = -EIO;

	uv_mutex_lock(&state->lock);
	if (state->db)
		r = names_read(state, prefix, &names);
	uv_mutex_unlock(&state->lock);
	for (size_t at = 0; !r && at < names.len; at += strlen(names.text + at) + 1)
		each(context, names.text + at);
	free(names.text);
	return r;
}

int state_load(struct state *state, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	int r = -EIO;

	if (!name_fits(name))
		return -ENOENT;
	uv_mutex_lock(&state->lock);
	if (state->db)
		r = row_read(state, name, out, cap, len);
	uv_mutex_unlock(&state->lock);
	return r;
}

int state_create(struct state *state, const char *name, struct slice value)
{
	int r = 0;

	if (!name_fits(name) || value.len > STATE_VALUE_MAX)
		return -EINVAL;
	uv_mutex_lock(&state->lock);
	if (!state->db)
		r = db_reopen(state);
	if (!r) {
		r = bind_and_step(state->add, name, strlen(name), value);
		if (r == -EIO)
			db_reopen(state);
	}
	uv_mutex_unlock(&state->lock);
	return r;
}

bool state_idle(const struct state *state)
{
	return !state->job && list_empty(&state->queue);
}

static void state_free(struct state *state)
{
	if (state->db)
		db_close(state);
	uv_mutex_destroy(&state->lock);
	free(state->dir);
	free(state->path);
	free(state->witness);
	free(state);
}

/* The transaction on the work queue is taken back if it has not begun, else waited for. */
static void settle(struct state *state)
{
	struct job *job = state->job;
	int result;

	if (!job)
		return;
	state->job = NULL;
	if (uv_cancel((uv_req_t *)&job->work) == 0) {
		result = commit(state, &job->saves);
	} else {
		uv_sem_wait(&job->ended);
		result = job->result;
	}
	job->state = NULL;
	finish(&job->saves, result);
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state->loop = NULL; /* what a callback saves from here on is written at once */
	settle(state);
	commit_now(state);
	/* A copy taken while we ran is older than what we leave behind: raise it once more. */
	if (state->db)
		generation_write(state, state->generation + 1);
	state_free(state);
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s/%s", dir, name);
	return path;
}

static struct state *state_alloc(uv_loop_t *loop, const char *dir, const char *witness)
{
	struct state *state = calloc(1, sizeof *state);

	if (!state)
		return NULL;
	if (uv_mutex_init(&state->lock)) {
		free(state);
		return NULL;
	}
	state->loop = loop;
	state->dir = strdup(dir);
	state->path = join(dir, "state.db");
	state->witness = strdup(witness);
	list_init(&state->queue);
	if (state->dir && state->path && state->witness)
		return state;
	state_free(state);
	return NULL;
}

/*
 * The file exists, ours alone, when SQLite opens it. Never opened and closed here where it exists:
 * closing any descriptor drops the locks that this process holds on it.
 */
static int create_file(const struct state *state, bool witnessed)
{
	struct stat st;
	int fd;

	if (!lstat(state->path, &st)) {
		if (!S_ISREG(st.st_mode))
			return -EBADMSG;
		return st.st_mode & 077 && chmod(state->path, 0600) ? -errno : 0;
	}
	if (errno != ENOENT)
		return -errno;
	if (witnessed)
		return -ESTALE;
	fd = open(state->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int start(struct state *state)
{
	uint64_t seen = 0;
	int r = witness_read(state->witness, &seen);
	bool witnessed = !r;

	if (r && r != -ENOENT)
		return r;
	r = create_file(state, witnessed);
	if (!r)
		r = db_open(state);
	if (!r)
		r = generation_read(state, &state->generation);
	/* Until there is a witness the generation stays at its first: a later one has lost it. */
	if (!r && (witnessed ? state->generation < seen : state->generation > 1))
		r = -ESTALE;
	return r ? r : generation_write(state, witnessed ? state->generation + 1 : 1);
}

static void explain(const struct state *state, int error, char *text, size_t len)
{
	const char *path = state->path;

	switch (error) {
	case -EBUSY:
		snprintf(text, len, "%s is in use by another process: stop it first", path);
		break;
	case -EBADMSG:
		snprintf(text, len,
			"%s or its witness %s is damaged: move both away, then replace every "
			"manual key that was used",
			path, state->witness);
		break;
	case -ESTALE:
		snprintf(text, len,
			"%s is lost or older than its witness %s, or that witness is lost: the "
			"counters of used keys are unknown; remove both and replace every manual "
			"key that was used",
			path, state->witness);
		break;
	default:
		snprintf(text, len, "%s or its witness %s: %s", path, state->witness,
			strerror(-error));
	}
}

int state_open(uv_loop_t *loop, const char *dir, const char *witness, struct state **out,
	char *text, size_t text_len)
{
	struct state *state = state_alloc(loop, dir, witness);
	int r;

	if (text_len)
		text[0] = '\0';
	if (!state) {
		snprintf(text, text_len, "no memory for the state store");
		return -ENOMEM;
	}
	r = start(state);
	if (r) {
		explain(state, r, text, text_len);
		state_free(state);
		return r;
	}
	*out = state;
	return 0;
}
