/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks a plugin about peers by name, and its answer, now or when what it saves is
 * on disk. */
#include "keying/instance.h"

#include "keying/plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
	struct list link; /* host.requests, or host.answered */
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

bool host_manager_at(const struct host *host, size_t index, struct host_manager *out)
{
	const struct instance *in = manager(host, index);

	if (!in)
		return false;
	*out = (struct host_manager){.tunnel = in->config->tunnel, .keying = in->ops->name};
	for (size_t i = 0; i < in->n_slots && !out->templates; i++)
		out->templates = in->slots[i].peer->template;
	return true;
}

static struct request *find_in(const struct list *requests, uint32_t id)
{
	list_each (node, requests) {
		struct request *request = container_of(node, struct request, link);

		if (request->id == id)
			return request;
	}
	return NULL;
}

static struct request *find(const struct host *host, uint32_t id)
{
	struct request *request = find_in(&host->requests, id);

	return request ? request : find_in(&host->answered, id);
}

static void discard(struct host *host, struct request *request)
{
	list_remove(&request->link);
	host->n_requests--;
	host->n_answered -= !request->instance;
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
	list_remove(&request->link);
	list_append(&host->answered, &request->link);
	host->n_answered++;
	host_wake(host);
}

static void managed(const struct keying_host *table, uint32_t id, int error, struct slice answer)
{
	struct instance *in = instance_of(table);
	struct request *request = find(in->host, id);

	if (request && request->instance == in)
		settle(request, error > 0 ? -error : error, answer);
}

/* Those that were there when it began: an answer may lead to the next question, and to the end of
 * whoever waits for the next answer. */
void host_manage_deliver(struct host *host)
{
	size_t n = host->n_answered;

	while (n-- && !list_empty(&host->answered)) {
		struct request *request = container_of(host->answered.next, struct request, link);

		list_remove(&request->link);
		host->n_requests--;
		host->n_answered--;
		request->done(request->owner, request->error,
			(struct slice){request->answer, request->len});
		free(request->answer);
		free(request);
	}
}

void host_manage_stop(struct instance *in)
{
	static const char text[] = "its keying has stopped";

	list_each_safe (node, &in->host->requests) {
		struct request *request = container_of(node, struct request, link);

		if (request->instance == in)
			settle(request, -ECANCELED,
				(struct slice){(const uint8_t *)text, sizeof text - 1});
	}
}

void host_manage_fini(struct host *host)
{
	struct list *const lists[] = {&host->requests, &host->answered};

	for (size_t i = 0; i < 2; i++)
		list_each_safe (node, lists[i])
			discard(host, container_of(node, struct request, link));
}

void host_manage_fill(struct keying_host *table)
{
	table->managed = managed;
}
