import { useEffect, useState } from "react";
import css from "./Skeleton.module.css";

/** True once something has been pending for a moment: what is quick shows no skeleton at all. */
export function useSlow(pending: boolean, afterMs = 150): boolean {
	const [slow, setSlow] = useState(false);
	useEffect(() => {
		if (!pending) return setSlow(false);
		const timer = setTimeout(() => setSlow(true), afterMs);
		return () => clearTimeout(timer);
	}, [pending, afterMs]);
	return pending && slow;
}

/** Rows of the shape of what is coming. Widths vary by row, and not by chance. */
export function SkeletonRows({ rows, height, label }: { rows: number; height: number; label: string }) {
	return (
		<div role="status" aria-label={label} className={css.rows}>
			{Array.from({ length: rows }, (_, i) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike and never move
				<div key={i} className={css.row} style={{ height }}>
					<span className={css.block} style={{ width: 56 }} />
					<span className={css.block} style={{ width: `${14 + ((i * 7) % 12)}%` }} />
					<span className={css.block} style={{ width: `${18 + ((i * 11) % 27)}%`, marginLeft: "auto" }} />
				</div>
			))}
		</div>
	);
}

export function Skeleton({ width, height = 12 }: { width: number | string; height?: number }) {
	return <span className={css.block} style={{ width, height }} />;
}
