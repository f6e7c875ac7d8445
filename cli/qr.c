/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes (ISO/IEC 18004, by libqrencode) as half blocks of a terminal and as SVG. */
#include "cli/qr.h"

#include "crypto/secret.h"

#include <qrencode.h>

#include <stdlib.h>

struct qr {
	QRcode *code;
};

struct qr *qr_create(const char *text, bool robust)
{
	struct qr *qr = calloc(1, sizeof *qr);

	if (qr)
		qr->code = QRcode_encodeString8bit(text, 0, robust ? QR_ECLEVEL_M : QR_ECLEVEL_L);
	if (qr && !qr->code) {
		free(qr);
		qr = NULL;
	}
	return qr;
}

void qr_destroy(struct qr *qr)
{
	if (!qr)
		return;
	secret_wipe(qr->code->data, (size_t)qr->code->width * (size_t)qr->code->width);
	QRcode_free(qr->code);
	free(qr);
}

unsigned qr_width(const struct qr *qr)
{
	return (unsigned)qr->code->width;
}

/* Outside of the code everything is light. */
static bool is_dark(const struct qr *qr, int x, int y)
{
	int width = qr->code->width;

	return x >= 0 && y >= 0 && x < width && y < width && qr->code->data[y * width + x] & 1;
}

void qr_print(const struct qr *qr, bool colour, FILE *out)
{
	static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
	int end = qr->code->width + QR_QUIET;

	for (int y = -QR_QUIET; y < end; y += 2) {
		if (colour)
			fputs("\033[38;5;16;48;5;231m", out);
		for (int x = -QR_QUIET; x < end; x++) {
			bool above = is_dark(qr, x, y), below = is_dark(qr, x, y + 1);

			fputs(blocks[(above == colour) * 2 + (below == colour)], out);
		}
		fputs(colour ? "\033[0m\n" : "\n", out);
	}
}

void qr_print_svg_path(const struct qr *qr, double x, double y, double module_mm, FILE *out)
{
	int width = qr->code->width;

	fprintf(out, "<path transform=\"translate(%.3f %.3f) scale(%.4f)\" d=\"", x, y, module_mm);
	for (int row = 0; row < width; row++) {
		for (int from = 0, to; from < width; from = to + 1) {
			while (from < width && !is_dark(qr, from, row))
				from++;
			for (to = from; is_dark(qr, to, row);)
				to++;
			if (to > from)
				fprintf(out, "M%d %dh%dv1h-%dz", from, row, to - from, to - from);
		}
	}
	fputs("\"/>\n", out);
}

void qr_print_svg(const struct qr *qr, FILE *out)
{
	int side = qr->code->width + 2 * QR_QUIET;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dmm\" height=\"%dmm\" "
		"viewBox=\"0 0 %d %d\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		side, side, side, side);
	qr_print_svg_path(qr, QR_QUIET, QR_QUIET, 1, out);
	fputs("</svg>\n", out);
}
