import { useCallback, useEffect, useRef, useState } from "react";
import { call } from "../api/client";
import { pageRows, type TraceRow } from "../api/queries";
import { tailTraces } from "../api/tail";
import { millis } from "../lib/time";
import { mergeRows } from "./rows";

/** Rows that wait behind the pill; the oldest go when there are more. */
const mostPending = 500;
/** Rows taken over into the list; a list that grew this long is begun anew. */
const mostTaken = 2_000;

export interface Live {
	state: "off" | "connecting" | "open" | "away" | "ended";
	/** Traces that came and are not in the list yet. */
	pending: number;
	/** Spans the server could not send here. */
	lost: number;
	/** Why it ended. */
	problem?: string;
	/** What was taken over, newest first. */
	rows: readonly TraceRow[];
	fresh: ReadonlySet<string>;
	/** Takes the pending rows over into the list. */
	take: () => void;
}

const none: ReadonlySet<string> = new Set();

/** Follows a query while it is on. Rows wait until take, so that the list does not jump by itself. */
export function useLive(q: string, on: boolean, listKey: string): Live {
	const [state, setState] = useState<Live["state"]>("off");
	const [problem, setProblem] = useState<string>();
	const [lost, setLost] = useState(0);
	const [pending, setPending] = useState<readonly TraceRow[]>([]);
	const [taken, setTaken] = useState<readonly TraceRow[]>([]);
	const [fresh, setFresh] = useState(none);
	const enrich = useRef<AbortController>(undefined);

	// Another list begins empty.
	const [shown, setShown] = useState(listKey);
	if (shown !== listKey) {
		setShown(listKey);
		setPending([]);
		setTaken([]);
		setLost(0);
		setFresh(none);
	}

	useEffect(() => {
		if (!on) {
			setState("off");
			return;
		}
		setState("connecting");
		setProblem(undefined);
		return tailTraces(q, {
			onTrace: (row) => setPending((rows) => mergeRows([row], rows).slice(0, mostPending)),
			onLost: (event) => setLost((n) => n + (event.spans ?? 1)),
			onState: (next, why) => {
				setState(next);
				setProblem(why?.detail ?? why?.title);
			},
		});
	}, [q, on]);

	useEffect(() => () => enrich.current?.abort(), []);

	const take = useCallback(() => {
		if (pending.length === 0) return;
		setPending([]);
		setTaken((rows) => mergeRows(pending, rows).slice(0, mostTaken));
		setFresh(new Set(pending.map((row) => row.trace_id)));
		// The stream has no miniatures and error paths; a search over the same time has.
		enrich.current?.abort();
		const controller = new AbortController();
		enrich.current = controller;
		const starts = pending.map((row) => millis(row.start_unix_nano));
		const query = {
			q,
			start: new Date(Math.min(...starts) - 1_000).toISOString(),
			end: new Date(Math.max(...starts, Date.now()) + 1_000).toISOString(),
			limit: Math.min(pending.length + pageRows, 200),
			preview: true,
		};
		call("get", "/search", { query, signal: controller.signal }).then(
			({ traces }) => setTaken((rows) => mergeKnown(traces, rows)),
			() => undefined, // the rows stay as the stream sent them
		);
	}, [pending, q]);

	return { state, pending: pending.length, lost, problem, rows: taken, fresh, take };
}

/** Newer knowledge of rows that are there; no new ones. */
function mergeKnown(found: readonly TraceRow[], rows: readonly TraceRow[]): TraceRow[] {
	const byId = new Map(found.map((row) => [row.trace_id, row]));
	return rows.map((row) => ({ ...row, ...byId.get(row.trace_id) }));
}
