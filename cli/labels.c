/* SPDX-License-Identifier: Apache-2.0 */
/* Many devices at once: a sheet of labels as SVG, each with QR code, name and typed code. */
#include "cli/labels.h"

#include "cli/code.h"
#include "cli/file.h"
#include "cli/gateway.h"
#include "cli/qr.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CSV_MAX = 1 << 20,
	COLUMNS = 3,
	ROWS = 7,
	PER_PAGE = COLUMNS * ROWS,
	DESCRIPTION_LINES = 4, /* of DESCRIPTION_WIDTH characters, as many as there is room for */
	DESCRIPTION_WIDTH = 22,
	LONG_NAME = 24, /* longer ones are printed smaller */
};

/* A4 with 21 labels of 63.5 mm by 38.1 mm, a size that label sheets are sold in; millimetres. */
static const double page_width = 210, page_height = 297, label_width = 63.5, label_height = 38.1,
		    left = 7.2, top = 15.1, across = 66.0, qr_side = 30, text_x = 2.5;

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else
			fputc(*text, out);
	}
}

static void put_line(FILE *out, const double at[2], const char *class, const char *text)
{
	fprintf(out, "<text x=\"%.2f\" y=\"%.2f\" class=\"%s\">", at[0], at[1], class);
	put_text(out, text);
	fputs("</text>\n", out);
}

/* The code over three lines beside the picture: four groups do not fit on one. */
static void put_code(FILE *out, double x, double y, const char *code)
{
	char line[CODE_TEXT];

	for (int i = 0; i < 3; i++) {
		snprintf(line, sizeof line, "%.14s", code + 15 * i);
		put_line(out, (double[2]){x, y + 3.4 * i}, "c", line);
	}
	secret_wipe(line, sizeof line);
}

/* Octets of the first characters of this UTF-8. */
static size_t beginning(const char *text, size_t characters)
{
	size_t n = 0;

	while (text[n] && (characters || (text[n] & 0xc0) == 0x80)) {
		characters -= (text[n] & 0xc0) != 0x80;
		n++;
	}
	while ((text[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Octets of the next line: up to its last space, unless that leaves half of it empty. */
static size_t next_line(const char *text)
{
	size_t n = beginning(text, DESCRIPTION_WIDTH), cut = n;

	if (!text[n] || text[n] == ' ')
		return n;
	while (cut && text[cut - 1] != ' ')
		cut--;
	return cut > DESCRIPTION_WIDTH / 2 ? cut : n;
}

static void put_description(FILE *out, double x, double y, const char *text)
{
	char line[LABELS_TEXT_MAX + 1];

	for (int i = 0; i < DESCRIPTION_LINES && *text; i++) {
		size_t n = next_line(text);

		snprintf(line, sizeof line, "%.*s", (int)n, text);
		put_line(out, (double[2]){x, y + 2.8 * i}, "t", line);
		text += n;
	}
}

/* One label, its corner at x, y; what is longer than the label ends at its edge. */
static void put_label(FILE *out, const double at[2], const struct labels_row *row,
	const struct enrolment *e, const struct qr *qr)
{
	double module = qr_side / (qr_width(qr) + 2.0 * QR_QUIET);
	char code[CODE_TEXT];

	fprintf(out, "<svg x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">\n", at[0], at[1],
		label_width, label_height);
	qr_print_svg_path(qr, text_x + QR_QUIET * module, 6 + QR_QUIET * module, module, out);
	put_line(out, (double[2]){text_x + 1, 5}, strlen(row->name) > LONG_NAME ? "s" : "n",
		row->name);
	put_description(out, text_x + qr_side + 0.5, 11, row->text);
	put_line(out, (double[2]){text_x + qr_side + 0.5, 22}, "t", e->gateway_id);
	code_print(e->psk, code);
	put_code(out, text_x + qr_side + 0.5, 27, code);
	secret_wipe(code, sizeof code);
	fputs("</svg>\n", out);
}

static void put_head(FILE *out, size_t pages)
{
	double height = page_height * (double)pages;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0fmm\" height=\"%.0fmm\" "
		"viewBox=\"0 0 %.0f %.0f\">\n<style>text{font-family:monospace}.n{font-size:4px;"
		"font-weight:bold}.s{font-size:2.4px}.t{font-size:2.2px}.c{font-size:2.9px}</"
		"style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		page_width, height, page_width, height);
}

static int put_device(FILE *out, struct gateway *gateway, const struct labels *labels, size_t i)
{
	size_t row = i % PER_PAGE / COLUMNS, page = i / PER_PAGE;
	const double at[2] = {left + across * (double)(i % COLUMNS),
		top + label_height * (double)row + page_height * (double)page};
	struct enrolment e;
	char uri[URI_MAX];
	struct qr *qr;
	int status = gateway_enrol(gateway, labels->rows[i].name, &e);

	if (status)
		return status;
	qr = uri_print(&e, uri) ? NULL : qr_create(uri, true);
	if (qr)
		put_label(out, at, &labels->rows[i], &e, qr);
	else
		status = cli_fail(CLI_FAILED, "", "no code can be made for \"%s\"", e.id);
	qr_destroy(qr);
	secret_wipe(uri, sizeof uri);
	secret_wipe(&e, sizeof e);
	return status;
}

/* All labels into *text, which the caller wipes and frees. */
static int draw(const struct cli *cli, const struct labels *labels, char **text, size_t *len)
{
	struct gateway *gateway = NULL;
	FILE *out = open_memstream(text, len);
	int status = out ? gateway_open(cli, &gateway) : cli_fail(CLI_FAILED, "", "out of memory");

	if (!status)
		put_head(out, (labels->n + PER_PAGE - 1) / PER_PAGE);
	for (size_t i = 0; i < labels->n && !status; i++) {
		status = put_device(out, gateway, labels, i);
		if (status)
			fprintf(stderr, "%s:%zu: not enrolled, and so nobody is\n", cli->csv,
				labels->rows[i].line);
	}
	if (!status)
		fputs("</svg>\n", out);
	gateway_close(gateway);
	if (out && fclose(out) && !status)
		status = cli_fail(CLI_FAILED, "", "out of memory");
	return status;
}

static int write_sheet(const struct cli *cli, const struct labels *labels)
{
	struct file_new file = {.path = cli->labels, .kind = FILE_OWN, .force = cli->force};
	char *text = NULL;
	size_t len = 0;
	int status = draw(cli, labels, &text, &len);

	file.data = text;
	file.len = len;
	if (!status)
		status = file_write(&file);
	if (!status && !cli->quiet)
		printf("labels   %s: %zu device%s (0600: it holds their keys)\n", cli->labels,
			labels->n, labels->n == 1 ? "" : "s");
	if (text)
		secret_wipe(text, len);
	free(text);
	return status;
}

int labels_enrol(const struct cli *cli)
{
	size_t len;
	char *text = file_read(cli->csv, CSV_MAX, &len);
	struct labels labels;
	size_t bad;
	int status;

	if (!text)
		return CLI_FAILED;
	bad = strlen(text) == len ? labels_read(cli->csv, text, &labels) : 1;
	free(text);
	if (bad)
		return cli_fail(CLI_CONFIG, "name[,description] on each line",
			"%zu bad line%s in %s, nobody is enrolled", bad, bad == 1 ? "" : "s",
			cli->csv);
	status = write_sheet(cli, &labels);
	labels_fini(&labels);
	return status;
}
