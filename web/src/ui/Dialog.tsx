import { type ReactNode, useEffect, useRef } from "react";
import css from "./Dialog.module.css";

/** A modal box: the browser's own dialog keeps the focus inside and closes with Escape. */
export function Dialog({
	label,
	onClose,
	children,
	className,
}: {
	label: string;
	onClose: () => void;
	children: ReactNode;
	className?: string;
}) {
	const ref = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		const dialog = ref.current;
		dialog?.showModal();
		return () => dialog?.close();
	}, []);
	return (
		// biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the key, handled by the browser
		<dialog
			ref={ref}
			aria-label={label}
			className={`${css.dialog} ${className ?? ""}`}
			onClose={onClose}
			onClick={(event) => {
				if (event.target === event.currentTarget) onClose(); // the backdrop
			}}
		>
			<div className={css.content}>{children}</div>
		</dialog>
	);
}
