import { createContext } from "react";
import type { TimeRange } from "../lib/timeRange";
import type { Layout } from "../timeline/decode";

const dayMs = 86_400_000;

/** Where a search that starts from a trace looks: a day around it. The last hour may be years later. */
export function rangeAround(l: Layout): TimeRange {
	const began = Number(l.baseUnixNano / 1_000_000n);
	return { start: began - dayMs, end: began + dayMs };
}

/** The range of the trace on the page, for links deep inside it. */
export const TraceRange = createContext<TimeRange | undefined>(undefined);
