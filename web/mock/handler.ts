import type { IncomingMessage, ServerResponse } from "node:http";

export function mockHandler() {
	return (_request: IncomingMessage, _response: ServerResponse, next: () => void) => next();
}
