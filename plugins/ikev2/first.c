/* SPDX-License-Identifier: Apache-2.0 */
/* "dietvpn adopt --first": for a while the first device that shows a key is believed, and a second
 * one shows that nobody may be (ikev2.md 6). */
#include "ikev2/device.h"

#include "crypto/sign_private.h"
#include "ikev2/fingerprint.h"

#include <stdio.h>
#include <string.h>

static uint64_t now(const struct keying *k)
{
	return k->host->now_ms(k->host);
}

bool first_is_open(const struct keying *k)
{
	return k->devices->first.until_ms > now(k);
}

static void close_window(struct keying *k)
{
	timer_stop(k, 0, TIMER_FIRST);
	memset(&k->devices->first, 0, sizeof k->devices->first);
}

void first_open(struct keying *k, uint64_t seconds)
{
	close_window(k);
	k->devices->first.until_ms = now(k) + seconds * 1000;
	timer_start(k, 0, TIMER_FIRST, seconds * 1000);
	say(k, KEYING_INFO, NULL, "for %llu s the first device that shows its key is adopted",
		(unsigned long long)seconds);
}

void first_timeout(struct keying *k)
{
	if (!k->devices->first.name[0])
		say(k, KEYING_WARN, NULL, "no device has shown its key: nobody is adopted");
	close_window(k);
}

bool first_is_rival(
	const struct keying *k, const char *name, const uint8_t fingerprint[SIGN_FINGERPRINT_LEN])
{
	const struct first_window *w = &k->devices->first;

	return first_is_open(k) && !strcmp(w->name, name) &&
	       memcmp(w->fingerprint, fingerprint, sizeof w->fingerprint) != 0;
}

/* The pin of the first one goes, durably; in memory it has gone at once. */
static void unpin(struct keying *k, struct known *known)
{
	const struct known_facts nothing = {.generation = known->facts.generation};
	struct device *device = device_find(k, known->name);

	known->facts = nothing;
	if (device)
		device_drop(k, device);
	if (known_write(&k->known, known, KNOWN_RESET, &nothing))
		say(k, KEYING_ERROR, NULL,
			"\"%s\": that its key is not adopted cannot be written down: after the "
			"next start it is again; dietvpn adopt --reset %s",
			known->name, known->name);
}

static void announce_rivals(struct keying *k, const struct device *second)
{
	const struct first_window *w = &k->devices->first;
	char one[FINGERPRINT_TEXT];
	char other[FINGERPRINT_TEXT];

	fingerprint_print(w->fingerprint, one);
	fingerprint_print(second->fingerprint, other);
	say(k, KEYING_WARN, NULL,
		"two devices have shown a key, \"%s\" %s and \"%s\" %s: neither is adopted; "
		"dietvpn adopt --fingerprint HEX --as NAME takes the right one",
		w->name, one, second->settings.core.name, other);
	tell_key(k, "adopt-refused", w->name, &(struct key_news){w->fingerprint, NULL});
	tell_key(k, "adopt-refused", second->settings.core.name,
		&(struct key_news){second->fingerprint, NULL});
}

static void refuse_both(struct keying *k, const struct device *second)
{
	const struct first_window *w = &k->devices->first;
	struct known *known = known_find(&k->known, KNOWN_DEVICE, w->name);

	announce_rivals(k, second);
	if (known && known->token)
		known->spoiled = known->change == KNOWN_FIRST; /* first_saved takes it back */
	else if (known && known->facts.pinned &&
		 !memcmp(known->facts.fingerprint, w->fingerprint, sizeof w->fingerprint))
		unpin(k, known); /* not what an operator has said of it since */
	close_window(k);
}

static int pin(struct keying *k, const struct device *c)
{
	struct known *known = known_need(&k->known, KNOWN_DEVICE, c->settings.core.name);
	struct known_facts next = {.pinned = true};
	int r;

	if (!known)
		return -1;
	next.generation = known->facts.generation;
	memcpy(next.fingerprint, c->fingerprint, sizeof c->fingerprint);
	r = known_write(&k->known, known, KNOWN_FIRST, &next);
	if (r)
		known_tidy(&k->known, known);
	return r;
}

enum device_verdict first_seen(struct keying *k, struct device *candidate, const char **why)
{
	struct first_window *w = &k->devices->first;
	const char *name = candidate->settings.core.name;

	*why = "two devices have shown a key: neither is adopted";
	if (w->name[0] && !strcmp(w->name, name) &&
		!memcmp(w->fingerprint, candidate->fingerprint, sizeof w->fingerprint))
		return DEVICE_LATER;
	if (w->name[0]) {
		refuse_both(k, candidate);
		return DEVICE_OUT;
	}
	*why = "its key cannot be written down";
	if (pin(k, candidate))
		return DEVICE_OUT;
	strcpy(w->name, name);
	memcpy(w->fingerprint, candidate->fingerprint, sizeof w->fingerprint);
	return DEVICE_LATER;
}

static void announce(struct keying *k, const struct known *known)
{
	const struct settings *template = device_template(k, known->name);
	char text[FINGERPRINT_TEXT];
	char pair[FINGERPRINT_PAIR_TEXT] = "";
	uint8_t own[SIGN_FINGERPRINT_LEN];

	fingerprint_print(known->facts.fingerprint, text);
	if (template && template->key) {
		sign_public_fingerprint(sign_private_public(template->key), own);
		fingerprint_pair(own, known->facts.fingerprint, pair);
	}
	say(k, KEYING_INFO, NULL, "adopted \"%s\": its key is %s; check %s", known->name, text,
		pair);
	tell_key(k, "adopted", known->name, &(struct key_news){known->facts.fingerprint, pair});
}

/* It asks again by itself: IKE_AUTH has not been answered yet. */
void first_saved(struct keying *k, struct known *known, int error)
{
	struct device *device = device_find(k, known->name);
	bool spoiled = known->spoiled;

	known->spoiled = false;
	if (error) {
		say(k, KEYING_ERROR, NULL, "\"%s\" is not adopted: state store: %s", known->name,
			strerror(-error));
		if (!strcmp(k->devices->first.name, known->name))
			close_window(k);
	} else if (spoiled) {
		unpin(k, known);
	} else {
		if (device)
			device_drop(k, device); /* it came by a PSK meanwhile, which is over */
		announce(k, known);
	}
}
