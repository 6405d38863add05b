import { useLocation } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";

/** What a visit of the search page remembers, so that going back shows the same list again. */
interface Visit {
	/** When the list was asked for: a range like "last 1 h" is counted from then. */
	asOf: number;
	scrollTop: number;
}

/** By history entry: a new visit is asked anew, a visit gone back to is not. Gone with the tab's memory. */
const visits = new Map<string, Visit>();
const mostVisits = 50;

function visit(key: string): Visit {
	let v = visits.get(key);
	if (!v) {
		v = { asOf: Date.now(), scrollTop: 0 };
		visits.set(key, v);
		for (const old of visits.keys()) {
			if (visits.size <= mostVisits) break;
			visits.delete(old);
		}
	}
	return v;
}

export interface View extends Visit {
	refresh: () => void;
	rememberScroll: (scrollTop: number) => void;
}

function useVisitKey(): string {
	const location = useLocation();
	return location.state.__TSR_key ?? location.href;
}

/** While nothing is stored there is no visit: the first list is asked for when there is. */
export function useNoVisitWhile(waiting: boolean): void {
	const key = useVisitKey();
	useEffect(() => {
		if (waiting) visits.delete(key);
	}, [waiting, key]);
}

export function useView(): View {
	const key = useVisitKey();
	const [, rerender] = useState(0);
	const { asOf, scrollTop } = visit(key);
	const refresh = useCallback(() => {
		visits.set(key, { asOf: Date.now(), scrollTop: 0 });
		rerender((n) => n + 1);
	}, [key]);
	const rememberScroll = useCallback(
		(top: number) => {
			const v = visits.get(key);
			if (v) v.scrollTop = top;
		},
		[key],
	);
	return { asOf, scrollTop, refresh, rememberScroll };
}
