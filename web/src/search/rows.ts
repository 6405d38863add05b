import type { TraceRow } from "../api/queries";

/** gateway › payment › bank: the services on the way to the failure, and what it said. */
export function errorWords(row: TraceRow): string {
	const path = row.error_path ?? [];
	const words: string[] = [];
	for (const step of path) {
		const service = step.slice(0, step.indexOf("/") < 0 ? undefined : step.indexOf("/"));
		if (words.at(-1) !== service) words.push(service);
	}
	const last = path.at(-1);
	const operation = last?.includes("/") ? last.slice(last.indexOf("/") + 1) : undefined;
	if (words.length > 4) words.splice(1, words.length - 3, "…");
	if (operation) words.push(operation);
	return words.join(" › ");
}

/** The pages as one list. A trace that is on two pages, because it grew, is shown once. */
export function allRows(pages: readonly { traces: TraceRow[] }[]): TraceRow[] {
	const seen = new Set<string>();
	const rows: TraceRow[] = [];
	for (const page of pages) {
		for (const row of page.traces) {
			if (seen.has(row.trace_id)) continue;
			seen.add(row.trace_id);
			rows.push(row);
		}
	}
	return rows;
}

/** New rows in front; a row that is there is replaced where it is. */
export function mergeRows(fresh: readonly TraceRow[], rows: readonly TraceRow[]): TraceRow[] {
	const newest = new Map(fresh.map((row) => [row.trace_id, row]));
	const kept = rows.map((row) => {
		const grown = newest.get(row.trace_id);
		newest.delete(row.trace_id);
		// The tail has no preview; what was known of the trace is better than nothing.
		return grown ? { ...row, ...grown } : row;
	});
	return [...newest.values(), ...kept];
}

/** The longest duration, the common scale of the bars. */
export function longest(rows: readonly TraceRow[]): number {
	let most = 0;
	for (const row of rows) most = Math.max(most, Number(row.duration_ns));
	return most;
}
