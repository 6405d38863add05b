import { href } from "../lib/base";
import { apiPath, type Problem, type Schemas } from "./client";
import type { TraceRow } from "./queries";

export interface TailEvents {
	onTrace: (row: TraceRow) => void;
	onLost: (lost: Schemas["TailLost"]) => void;
	/** open: events arrive. away: the connection broke, the browser tries again. ended: it does not. */
	onState: (state: "open" | "away" | "ended", problem?: Problem) => void;
}

/**
 * Follows traces that match as they become durable. The browser reconnects by itself and
 * says where it was (Last-Event-ID), so a short break loses nothing. Returns what ends it.
 */
export function tailTraces(q: string, events: TailEvents): () => void {
	const source = new EventSource(href(apiPath("/tail", {}, { q, rows: "traces" })));
	const data = (event: Event): unknown => {
		try {
			return JSON.parse((event as MessageEvent<string>).data);
		} catch {
			return undefined; // cut off
		}
	};
	source.addEventListener("open", () => events.onState("open"));
	source.addEventListener("trace", (event) => {
		const row = data(event) as TraceRow | undefined;
		if (row) events.onTrace(row);
	});
	source.addEventListener("lost", (event) => {
		const lost = data(event) as Schemas["TailLost"] | undefined;
		if (lost) events.onLost(lost);
	});
	// The server's own event "error" and a broken connection have one name.
	source.addEventListener("error", (event) => {
		if (event instanceof MessageEvent) {
			source.close();
			events.onState("ended", data(event) as Problem | undefined);
		} else events.onState(source.readyState === EventSource.CLOSED ? "ended" : "away");
	});
	return () => source.close();
}
