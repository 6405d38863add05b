import type { ReactNode } from "react";
import { IconButton } from "./Button";
import css from "./Panel.module.css";

/**
 * The one side panel of a page. It stands beside what was clicked and never over it; under
 * 700 px it is a sheet at the bottom.
 */
export function Panel({
	title,
	label,
	onClose,
	actions,
	children,
}: {
	title: ReactNode;
	label: string;
	onClose: () => void;
	actions?: ReactNode;
	children: ReactNode;
}) {
	return (
		<aside className={css.panel} aria-label={label}>
			<header className={css.head}>
				<div className={css.title}>{title}</div>
				{actions}
				<IconButton icon="close" label="Close" shortcut="Esc" onClick={onClose} />
			</header>
			<div className={css.body}>{children}</div>
		</aside>
	);
}
