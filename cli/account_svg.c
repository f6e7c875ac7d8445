/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account as a picture (SVG 1.1): a strip of octets before, one after, joined field by field.
 * Fonts are the reader's, colours do on light and dark ground.
 */
#include "cli/account.h"

#include <errno.h>
#include <string.h>

enum {
	WIDTH = 960,
	MARGIN = 24,
	STRIP = WIDTH - 2 * MARGIN,
	CELL_MAX = 18,
	BEFORE_Y = 78,
	AFTER_Y = 214,
	CELL_H = 34,
	DROP_H = 26,
	LETTER_W = 12,
	LEGEND_Y = 290,
	LEGEND_STEP = 22,
	LEGEND_COLUMNS = 4,
	DATA_SHOWN = 32, /* octets of data that are drawn as wide as others; more is folded */
};

struct canvas {
	FILE *out;
	const struct account *account;
	double cell;         /* width of an octet */
	uint32_t folded;     /* bits of data that are not drawn */
	uint32_t data_at[2]; /* where data begins, before and after */
};

static const char *colour(enum account_part part)
{
	static const char *const colours[] = {"#c2553f", "#b8791f", "#8a7a1c", "#7a5ca8", "#3b76b5",
		"#2c8c8c", "#3d8f4b", "#6f7680", "#a0588a", "#8f5a4a", "#56648f"};

	return colours[part];
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc((unsigned char)*text < ' ' ? '?' : *text, out);
		}
}

/* Of a bit of one side; data folds at its middle. */
static double x_of(const struct canvas *canvas, uint32_t bit, bool after)
{
	uint32_t data = canvas->data_at[after];
	uint32_t drawn = bit;

	if (canvas->folded && bit > data + DATA_SHOWN * 4)
		drawn = bit >= data + DATA_SHOWN * 4 + canvas->folded ? bit - canvas->folded
								      : data + DATA_SHOWN * 4;
	return MARGIN + canvas->cell * drawn / 8;
}

static void put_tip(const struct canvas *canvas, const struct account_row *row)
{
	fputs("<title>", canvas->out);
	put_escaped(canvas->out, row->field);
	if (*row->value) {
		fputs(": ", canvas->out);
		put_escaped(canvas->out, row->value);
	}
	fprintf(canvas->out, ", %u to %u bits; ", row->before, row->after);
	put_escaped(canvas->out, row->why);
	fputs("</title>", canvas->out);
}

/* Whole octets get a line between them. */
static void put_grid(const struct canvas *canvas, uint32_t octets, bool after)
{
	int y = after ? AFTER_Y : BEFORE_Y;

	fputs("<path class=\"grid\" d=\"", canvas->out);
	for (uint32_t i = 1; i < octets; i++)
		fprintf(canvas->out, "M%.1f %dv%d", x_of(canvas, i * 8, after), y, CELL_H);
	fputs("\"/>\n", canvas->out);
}

static void put_cells(const struct canvas *canvas, bool after)
{
	for (unsigned i = 0; i < canvas->account->n; i++) {
		const struct account_row *row = &canvas->account->row[i];
		uint32_t at = after ? row->after_at : row->before_at;
		uint32_t bits = after ? row->after : row->before;
		double x = x_of(canvas, at, after);

		if (!bits)
			continue;
		fprintf(canvas->out,
			"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\">", x,
			after ? AFTER_Y : BEFORE_Y, x_of(canvas, at + bits, after) - x, CELL_H,
			colour(row->part));
		put_tip(canvas, row);
		fputs("</rect>\n", canvas->out);
	}
	put_grid(canvas, (after ? canvas->account->after : canvas->account->before) / 8, after);
}

/* What is sent becomes a band, what is not a drop that falls off. */
static void put_bands(const struct canvas *canvas)
{
	const int from = BEFORE_Y + CELL_H;

	for (unsigned i = 0; i < canvas->account->n; i++) {
		const struct account_row *row = &canvas->account->row[i];
		double a = x_of(canvas, row->before_at, false);
		double b = x_of(canvas, row->before_at + row->before, false);
		double c = row->after ? x_of(canvas, row->after_at, true) : (a + b) / 2;
		double d = row->after ? x_of(canvas, row->after_at + row->after, true) : c;
		int to = row->after ? AFTER_Y : from + DROP_H;

		if (!row->before)
			continue;
		fprintf(canvas->out,
			"<path class=\"%s\" d=\"M%.1f %dL%.1f %dL%.1f %dL%.1f %dZ\" fill=\"%s\">",
			row->after ? "sent" : "gone", a, from, b, from, d, to, c, to,
			colour(row->part));
		put_tip(canvas, row);
		fputs("</path>\n", canvas->out);
	}
}

/* The letter of the byte map over each run of one part, where there is room. */
static void put_letters(const struct canvas *canvas, bool after)
{
	const struct account *account = canvas->account;
	unsigned i = 0;

	while (i < account->n) {
		enum account_part part = account->row[i].part;
		double from = 1e9;
		double to = 0;

		for (; i < account->n && account->row[i].part == part; i++) {
			const struct account_row *row = &account->row[i];
			uint32_t at = after ? row->after_at : row->before_at;
			uint32_t bits = after ? row->after : row->before;

			if (!bits)
				continue;
			if (x_of(canvas, at, after) < from)
				from = x_of(canvas, at, after);
			if (x_of(canvas, at + bits, after) > to)
				to = x_of(canvas, at + bits, after);
		}
		if (to - from >= LETTER_W / 2.0)
			fprintf(canvas->out,
				"<text class=\"letter%s\" x=\"%.1f\" y=\"%d\">%c</text>\n",
				to - from < LETTER_W ? " small" : "", (from + to) / 2,
				(after ? AFTER_Y : BEFORE_Y) + CELL_H / 2 + 6,
				account_letter(part));
	}
}

static void put_legend(const struct canvas *canvas)
{
	const struct account *account = canvas->account;
	unsigned place = 0;

	for (unsigned part = 0; part < ACCOUNT_PARTS; part++) {
		uint32_t before = 0;
		uint32_t after = 0;
		unsigned x = MARGIN + place % LEGEND_COLUMNS * (STRIP / LEGEND_COLUMNS);
		unsigned y = LEGEND_Y + place / LEGEND_COLUMNS * LEGEND_STEP;

		for (unsigned i = 0; i < account->n; i++) {
			before += account->row[i].part == part ? account->row[i].before : 0;
			after += account->row[i].part == part ? account->row[i].after : 0;
		}
		if (!before && !after)
			continue;
		fprintf(canvas->out,
			"<rect x=\"%u\" y=\"%u\" width=\"14\" height=\"14\" fill=\"%s\"/>", x,
			y - 12, colour((enum account_part)part));
		fprintf(canvas->out, "<text x=\"%u\" y=\"%u\">%c  %s  %g to %g B</text>\n", x + 20,
			y, account_letter((enum account_part)part),
			account_part_name((enum account_part)part), before / 8.0, after / 8.0);
		place++;
	}
}

static unsigned height(const struct account *account)
{
	unsigned parts = 0;

	for (unsigned part = 0; part < ACCOUNT_PARTS; part++)
		for (unsigned i = 0; i < account->n; i++)
			if (account->row[i].part == part &&
				(account->row[i].before || account->row[i].after)) {
				parts++;
				break;
			}
	return LEGEND_Y + (parts + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS * LEGEND_STEP;
}

static void put_head(const struct canvas *canvas, const char *title)
{
	unsigned h = height(canvas->account);

	fprintf(canvas->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" role=\"img\">\n<title>",
		WIDTH, h, WIDTH, h);
	put_escaped(canvas->out, title);
	fputs("</title>\n<style>\n"
	      ".ground { fill: #ffffff }\n"
	      "text { font: 14px sans-serif; fill: #1f2933 }\n"
	      ".title { font-size: 18px; font-weight: bold }\n"
	      ".letter { font: bold 16px monospace; fill: #ffffff; text-anchor: middle }\n"
	      ".small { font-size: 10px }\n"
	      ".grid { stroke: #ffffff; stroke-width: 1; stroke-opacity: .45; fill: none }\n"
	      ".sent { fill-opacity: .45 }\n.gone { fill-opacity: .35 }\n"
	      "@media (prefers-color-scheme: dark) {\n"
	      "  .ground { fill: #14181d }\n  text { fill: #e4e7eb }\n"
	      "  .grid { stroke: #14181d }\n  .sent { fill-opacity: .6 }\n"
	      "  .gone { fill-opacity: .5 }\n}\n"
	      "</style>\n",
		canvas->out);
	fprintf(canvas->out, "<rect class=\"ground\" width=\"%d\" height=\"%u\"/>\n", WIDTH, h);
	fprintf(canvas->out, "<text class=\"title\" x=\"%d\" y=\"30\">", MARGIN);
	put_escaped(canvas->out, title);
	fputs("</text>\n", canvas->out);
}

static void put_label(const struct canvas *canvas, bool after)
{
	uint32_t bits = after ? canvas->account->after : canvas->account->before;

	fprintf(canvas->out, "<text x=\"%d\" y=\"%d\">%s: %u octets behind the outer IP header",
		MARGIN, after ? AFTER_Y + CELL_H + 18 : BEFORE_Y - 10,
		after ? "after, Diet-ESP" : "before, ESP of RFC 4303", bits / 8);
	if (canvas->folded)
		fprintf(canvas->out, ", %u of the data not drawn", canvas->folded / 8);
	fputs("</text>\n", canvas->out);
}

static void fold(struct canvas *canvas)
{
	const struct account *account = canvas->account;
	uint32_t octets;

	for (unsigned i = 0; i < account->n; i++) {
		const struct account_row *row = &account->row[i];

		if (row->part != ACCOUNT_DATA)
			continue;
		canvas->data_at[0] = row->before_at;
		canvas->data_at[1] = row->after_at;
		if (row->before > DATA_SHOWN * 8)
			canvas->folded = row->before - DATA_SHOWN * 8;
	}
	octets = (account->before > account->after ? account->before : account->after) / 8 -
		 canvas->folded / 8;
	canvas->cell = octets ? (double)STRIP / octets : CELL_MAX;
	if (canvas->cell > CELL_MAX)
		canvas->cell = CELL_MAX;
}

int account_svg(const struct account *account, const char *title, FILE *out)
{
	struct canvas canvas = {.out = out, .account = account};

	fold(&canvas);
	put_head(&canvas, title);
	put_label(&canvas, false);
	put_bands(&canvas);
	for (int after = 0; after < 2; after++) {
		put_cells(&canvas, after);
		put_letters(&canvas, after);
	}
	put_label(&canvas, true);
	put_legend(&canvas);
	fputs("</svg>\n", out);
	return ferror(out) ? -EIO : 0;
}
