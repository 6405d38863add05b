import type { ReactNode } from "react";
import css from "./PageBar.module.css";

/** The line under the frame: where I am, and what can be done here, on the right. */
export function PageBar({
	title,
	children,
	actions,
}: {
	title: string;
	children?: ReactNode;
	actions?: ReactNode;
}) {
	return (
		<div className={css.bar}>
			<h1 className={css.title}>{title}</h1>
			<div className={css.middle}>{children}</div>
			{actions && <div className={css.actions}>{actions}</div>}
		</div>
	);
}
