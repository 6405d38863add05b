import { useEffect, useState } from "react";
import type { Nanos } from "../lib/format";
import { absoluteTime, listTime, millis, relativeTime, useZone } from "../lib/time";

/** A time of a list: short, the whole with its zone on hover. */
export function Time({ unixNano, relative = false }: { unixNano: Nanos; relative?: boolean }) {
	const zone = useZone();
	const now = useNow(relative ? 10_000 : 60_000);
	const ms = millis(unixNano);
	return (
		<time dateTime={new Date(ms).toISOString()} data-tip={absoluteTime({ unixNano }, zone)}>
			{relative ? relativeTime(ms, now) : listTime(ms, zone, now)}
		</time>
	);
}

/** The time, again every so often; with undefined it stands, at 0. */
export function useNow(everyMs: number | undefined): number {
	const [now, setNow] = useState(() => (everyMs === undefined ? 0 : Date.now()));
	useEffect(() => {
		if (everyMs === undefined) return setNow(0);
		const timer = setInterval(() => setNow(Date.now()), everyMs);
		return () => clearInterval(timer);
	}, [everyMs]);
	return now;
}
