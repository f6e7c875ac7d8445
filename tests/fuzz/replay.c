/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs every file of the folders given through LLVMFuzzerTestOneInput, so that fuzz targets are
 * test cases without libFuzzer; a missing or empty corpus is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 1 << 20 };

static int run_file(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;
	uint8_t *data;
	uint8_t *exact;
	size_t len;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	data = malloc(INPUT_MAX);
	if (!f || !data) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* An exact copy: the sanitizer sees every octet read behind the input. */
	exact = malloc(len ? len : 1);
	for (size_t i = 0; i < len; i++)
		exact[i] = data[i];
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *entry;
		int n = 0;

		if (!dir) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(dir)))
			if (entry->d_name[0] != '.')
				n += run_file(argv[i], entry->d_name);
		closedir(dir);
		printf("%s: %d inputs\n", argv[i], n);
		if (!n)
			return 1;
	}
	return 0;
}
