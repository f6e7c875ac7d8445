/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks a plugin about peers by name, and its answer, now or when what it saves is
 * on disk. */
#include "keying/instance.h"

#include "keying/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
	struct list link; /* host.requests */
	uint32_t id;
	struct instance *instance; /* NULL: answered */
	host_managed *done;
	void *owner;
	int error;
	size_t len;
	uint8_t *answer;
};

static struct instance *manager(const struct host *host, size_t index)
{
	list_each (node, &host->instances) {
		struct instance *in = container_of(node, struct instance, link);

		if (in->keying && PLUGIN_HAS(in->ops, manage) && !index--)
			return in;
	}
	return NULL;
}

bool host_manager_at(
	const struct host *host, size_t index, const char **tunnel, const char **keying)
{
	const struct instance *in = manager(host, index);

	if (!in)
		return false;
	*tunnel = in->config->tunnel;
	*keying = in->ops->name;
	return true;
}

static struct request *find(const struct host *host, uint32_t id)
{
	list_each (node, &host->requests) {
		struct request *request = container_of(node, struct request, link);

		if (request->id == id)
			return request;
	}
	return NULL;
}

static void discard(struct host *host, struct request *request)
{
	list_remove(&request->link);
	host->n_requests--;
	free(request->answer);
	free(request);
}

static struct request *create(
	struct host *host, struct instance *in, host_managed *done, void *owner)
{
	struct request *request = calloc(1, sizeof *request);

	if (!request)
		return NULL;
	while (find(host, ++host->next_request) || !host->next_request)
		;
	request->id = host->next_request;
	request->instance = in;
	request->done = done;
	request->owner = owner;
	list_append(&host->requests, &request->link);
	host->n_requests++;
	return request;
}

int host_manage(struct host *host, size_t index, const struct host_question *question, uint32_t *id)
{
	struct instance *in = manager(host, index);
	struct request *request;

	if (!in)
		return -ENOENT;
	if (in->depth || host->n_requests >= HOST_REQUESTS_MAX)
		return -EAGAIN;
	request = create(host, in, question->done, question->owner);
	if (!request)
		return -ENOMEM;
	*id = request->id;
	in->depth++;
	in->ops->manage(in->keying, request->id, question->verb, question->with);
	in->depth--;
	instance_deliver(in);
	return 0;
}

void host_manage_cancel(struct host *host, uint32_t id)
{
	struct request *request = find(host, id);

	if (request)
		discard(host, request);
}

/* Told in the loop's next turn: what it leads to may be the end of the plugin that has answered. */
static void settle(struct request *request, int error, struct slice answer)
{
	struct host *host = request->instance->host;

	request->instance = NULL;
	request->error = error;
	if (answer.len > HOST_ANSWER_MAX || (answer.len && !answer.data))
		request->error = -EMSGSIZE;
	else if (answer.len)
		request->answer = malloc(answer.len);
	if (request->answer) {
		memcpy(request->answer, answer.data, answer.len);
		request->len = answer.len;
	} else if (!request->error) {
		request->error = answer.len ? -ENOMEM : -EBADMSG;
	}
	host_wake(host);
}

static void managed(const struct keying_host *table, uint32_t id, int error, struct slice answer)
{
	struct instance *in = instance_of(table);
	struct request *request = find(in->host, id);

	if (request && request->instance == in)
		settle(request, error > 0 ? -error : error, answer);
}

static struct request *first_answered(const struct host *host, size_t *n)
{
	struct request *first = NULL;

	*n = 0;
	list_each (node, &host->requests) {
		struct request *request = container_of(node, struct request, link);

		if (request->instance)
			continue;
		first = first ? first : request;
		++*n;
	}
	return first;
}

/* Those that were there when it began: an answer may lead to the next question, and to the end of
 * whoever waits for the next answer. */
void host_manage_deliver(struct host *host)
{
	size_t due;
	size_t left;
	struct request *request = first_answered(host, &due);

	while (request && due--) {
		struct request told = *request;

		request->answer = NULL;
		discard(host, request);
		told.done(told.owner, told.error, (struct slice){told.answer, told.len});
		free(told.answer);
		request = first_answered(host, &left);
	}
}

void host_manage_stop(struct instance *in)
{
	static const char text[] = "its keying has stopped";

	list_each (node, &in->host->requests) {
		struct request *request = container_of(node, struct request, link);

		if (request->instance == in)
			settle(request, -ECANCELED,
				(struct slice){(const uint8_t *)text, sizeof text - 1});
	}
}

void host_manage_fini(struct host *host)
{
	list_each_safe (node, &host->requests)
		discard(host, container_of(node, struct request, link));
}

void host_manage_fill(struct keying_host *table)
{
	table->managed = managed;
}
