/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of control frames, read as requests and as responses. */
#include "codec/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *body;
	size_t body_len;
	long used;
	while ((used = message_frame(data, len, &body, &body_len)) > 0) {
		struct message_request request;
		struct message_response response;
		struct tree_error error = {0};
		if ((size_t)used > len || body + body_len != data + used)
			abort();
		if (message_request_read(body, body_len, &request, &error) == 0) {
			if (!memchr(request.verb, '\0', sizeof request.verb) || !request.verb[0])
				abort();
			message_request_fini(&request);
		}
		if (message_response_read(body, body_len, &response, &error) == 0) {
			if (response.code > 0 || (response.code == 0 && response.text[0]))
				abort();
			message_response_fini(&response);
		}
		data += used;
		len -= (size_t)used;
	}
	return 0;
}
