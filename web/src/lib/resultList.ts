/**
 * The traces of the result list that was shown last, so that a trace page can go to the
 * previous and the next ([ and ]). Kept for the tab, not longer.
 */
const key = "weft.results";

/** A few pages are enough to walk; more would only fill the storage. */
const mostIds = 1_000;

export interface ResultList {
	/** The path of the list, to go back to. */
	path: string;
	traceIds: string[];
}

export function rememberResults(list: ResultList): void {
	try {
		sessionStorage.setItem(
			key,
			JSON.stringify({ path: list.path, traceIds: list.traceIds.slice(0, mostIds) }),
		);
	} catch {
		// Without storage there is no previous and next.
	}
}

export function recallResults(): ResultList | undefined {
	try {
		const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
		if (typeof value !== "object" || value === null) return undefined;
		const { path, traceIds } = value as Partial<ResultList>;
		if (typeof path !== "string" || !Array.isArray(traceIds)) return undefined;
		return { path, traceIds: traceIds.filter((id) => typeof id === "string") };
	} catch {
		return undefined;
	}
}

/** The neighbours of a trace in the list; undefined at the ends and for strangers. */
export function neighbours(
	list: ResultList | undefined,
	traceId: string,
): { previous?: string; next?: string } {
	const at = list?.traceIds.indexOf(traceId) ?? -1;
	return at < 0 ? {} : { previous: list?.traceIds[at - 1], next: list?.traceIds[at + 1] };
}
