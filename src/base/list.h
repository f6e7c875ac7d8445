/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list: the node lies inside the object that is listed. */
#ifndef DIETVPN_BASE_LIST_H
#define DIETVPN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

/* Types and declared names cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses) */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define list_each(node, head) \
	for (struct list *node = (head)->next; node != (head); node = node->next)

/* Like list_each, and the node may be removed on the way. */
#define list_each_safe(node, head) \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
		node = node##_next, node##_next = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *head)
{
	head->prev = head;
	head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert(struct list *after, struct list *node)
{
	node->prev = after;
	node->next = after->next;
	after->next->prev = node;
	after->next = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_insert(head->prev, node);
}

/* Safe to call twice: the node is left as an empty list of its own. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next; /* NOLINT(clang-analyzer-unix.Malloc): aliases of a ring */
	node->next->prev = node->prev;
	list_init(node);
}

#endif
