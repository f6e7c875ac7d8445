/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes (ISO/IEC 18004, by libqrencode) as half blocks of a terminal and as SVG. */
#ifndef DIETVPN_CLI_QR_H
#define DIETVPN_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

enum { QR_QUIET = 4 }; /* modules of light around it, as the standard asks */

struct qr;

/*
 * robust: error correction M, so that 15 % of what is printed and glued may be spoilt; else L, the
 * smallest picture, for screens. NULL: no memory, or text is too long.
 */
struct qr *qr_create(const char *text, bool robust);
void qr_destroy(struct qr *qr); /* wipes; NULL is fine */
/* Modules of one side, without the quiet zone. */
unsigned qr_width(const struct qr *qr);
/*
 * Two modules in a character, quiet zone included. colour: black on white whatever the terminal's
 * colours are; else the light modules are printed, for terminals that print light on dark.
 */
void qr_print(const struct qr *qr, bool colour, FILE *out);
/* One <path> whose unit is the module, its corner at x, y millimetres, without quiet zone. */
void qr_print_svg_path(const struct qr *qr, double x, double y, double module_mm, FILE *out);
/* A whole picture with quiet zone, one module being a millimetre. */
void qr_print_svg(const struct qr *qr, FILE *out);

#endif
