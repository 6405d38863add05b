import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import { layoutQuery } from "../api/queries";
import { decode, Flag, type Layout, spanIdOf } from "../timeline/decode";
import { graft, graftAt } from "../timeline/graft";

/** A trace is looked at again this often while spans of it run. */
const whileRunningMs = 2_000;
/** And this often while late spans may still arrive. */
const whileRecentMs = 5_000;
const recentMs = 60_000;
/** A span that never ended is not waited for longer. */
const longestRunMs = 24 * 3_600_000;

export interface LoadedTrace {
	layout: Layout | undefined;
	error: Error | null;
	pending: boolean;
	/** Fetches the children that a row was cut from. */
	loadBelow: (row: number) => void;
	/** Span id whose children are on the way. */
	loading: string | undefined;
	loadError: Error | undefined;
	retry: () => void;
}

export function useTrace(traceId: string): LoadedTrace {
	const client = useQueryClient();
	const seen = useRef<{ bytes: ArrayBuffer; layout: Layout } | undefined>(undefined);
	// The same bytes are the same trace: a poll that brought nothing new changes nothing.
	const select = useCallback((bytes: ArrayBuffer): Layout => {
		if (seen.current === undefined || !equalBytes(seen.current.bytes, bytes)) {
			seen.current = { bytes, layout: decode(bytes) };
		}
		return seen.current.layout;
	}, []);
	const query = useQuery({
		...layoutQuery(traceId),
		select,
		structuralSharing: false,
		refetchInterval: () => pollEvery(seen.current?.layout),
	});

	const [parts, setParts] = useState<ReadonlyMap<string, Layout>>(new Map());
	const [loading, setLoading] = useState<string>();
	const [loadError, setLoadError] = useState<Error>();
	const whole = query.data;
	const layout = useMemo(() => {
		let l = whole;
		if (l === undefined) return undefined;
		for (const [spanId, sub] of parts) {
			const row = graftAt(l, spanId);
			if (row >= 0) l = graft(l, row, sub);
		}
		return l;
	}, [whole, parts]);

	const loadBelow = useCallback(
		(row: number) => {
			if (layout === undefined) return;
			const spanId = spanIdOf(layout, row);
			setLoading(spanId);
			setLoadError(undefined);
			client
				.fetchQuery(layoutQuery(traceId, spanId))
				.then(
					(bytes) => setParts((had) => new Map(had).set(spanId, decode(bytes))),
					(error: Error) => setLoadError(error),
				)
				.finally(() => setLoading(undefined));
		},
		[client, layout, traceId],
	);

	return {
		layout,
		error: query.error,
		pending: query.isPending,
		loadBelow,
		loading,
		loadError,
		retry: () => void query.refetch(),
	};
}

function pollEvery(l: Layout | undefined): number | false {
	if (l === undefined || l.rows === 0) return false;
	const end = Number(l.baseUnixNano / 1_000_000n) + l.durationNs / 1e6;
	const age = Date.now() - end;
	// Large traces are asked for less often: an answer must not cost more than its worth.
	const patience = Math.max(1, l.rows / 5_000);
	const runs = l.flags.some((f) => (f & Flag.live) !== 0);
	if (runs && age < longestRunMs) return whileRunningMs * patience;
	return age < recentMs ? whileRecentMs * patience : false;
}

function equalBytes(a: ArrayBuffer, b: ArrayBuffer): boolean {
	if (a === b) return true;
	if (a.byteLength !== b.byteLength) return false;
	const words = a.byteLength >> 2;
	const x = new Uint32Array(a, 0, words);
	const y = new Uint32Array(b, 0, words);
	for (let i = 0; i < words; i++) if (x[i] !== y[i]) return false;
	const p = new Uint8Array(a, words * 4);
	const q = new Uint8Array(b, words * 4);
	return p.every((v, i) => v === q[i]);
}
