import type { ReactNode } from "react";
import css from "./Pill.module.css";

/** A state in a word. The colour says it again, never alone. */
export function Pill({
	children,
	tone = "neutral",
	tip,
}: {
	children: ReactNode;
	tone?: "neutral" | "accent" | "error" | "warn" | "ok";
	tip?: string;
}) {
	return (
		<span className={`${css.pill} ${css[tone]}`} data-tip={tip}>
			{children}
		</span>
	);
}
