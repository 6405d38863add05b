import css from "./Bar.module.css";

/**
 * A quantity as a bar on a common scale: what is long is long before it is read. The scale
 * is the square root, so that beside one of ten seconds those of ten and a hundred
 * milliseconds still differ.
 */
export function Bar({
	value,
	max,
	tone = "plain",
}: {
	value: number;
	max: number;
	tone?: "plain" | "error";
}) {
	const share = max > 0 ? Math.sqrt(Math.min(1, Math.max(0, value / max))) : 0;
	return (
		<span className={css.track} aria-hidden="true">
			<span
				className={`${css.bar} ${css[tone]}`}
				style={{ width: `max(2px, ${(share * 100).toFixed(2)}%)` }}
			/>
		</span>
	);
}
