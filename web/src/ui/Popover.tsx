import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import css from "./Popover.module.css";
import { place } from "./place";

interface TriggerProps {
	ref: React.RefObject<HTMLButtonElement | null>;
	popoverTarget: string;
	"aria-expanded": boolean;
	"aria-haspopup": "menu" | "dialog";
}

interface Props {
	/** The button that opens; spread the props into it. */
	trigger: (props: TriggerProps) => ReactNode;
	/** Made when opened, so that it begins fresh. */
	children: (close: () => void) => ReactNode;
	label: string;
	kind?: "menu" | "dialog";
	align?: "start" | "end";
	className?: string;
	onKeyDown?: (event: KeyboardEvent<HTMLElement>) => void;
}

/**
 * A box that floats beside its button. The browser's own popover does the hard parts:
 * the top layer, closing by Escape or a click elsewhere, giving the focus back.
 */
export function Popover({
	trigger,
	children,
	label,
	kind = "dialog",
	align = "start",
	className,
	onKeyDown,
}: Props) {
	const id = useId();
	const button = useRef<HTMLButtonElement>(null);
	const box = useRef<HTMLDivElement>(null);
	const [open, setOpen] = useState(false);
	const close = () => box.current?.hidePopover();

	useEffect(() => {
		const float = box.current;
		const anchor = button.current;
		if (!open || !float || !anchor) return;
		const put = () => place(float, anchor, align);
		put();
		float.dataset.placed = "";
		const first =
			float.querySelector<HTMLElement>("[autofocus], [data-autofocus]") ??
			float.querySelector<HTMLElement>("[role^=menuitem], button, input, a[href]");
		first?.focus({ preventScroll: true });
		const resized = new ResizeObserver(put);
		resized.observe(float);
		window.addEventListener("resize", put);
		return () => {
			resized.disconnect();
			window.removeEventListener("resize", put);
			delete float.dataset.placed;
		};
	}, [open, align]);

	return (
		<>
			{trigger({ ref: button, popoverTarget: id, "aria-expanded": open, "aria-haspopup": kind })}
			{/* biome-ignore lint/a11y/noStaticElementInteractions: the role is menu or dialog, given by kind */}
			{/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: the same */}
			<div
				id={id}
				ref={box}
				popover="auto"
				role={kind}
				aria-label={label}
				className={`${css.popover} ${className ?? ""}`}
				// The content is there before the box shows, and is placed right after.
				onBeforeToggle={(event) => {
					if (event.newState === "open") flushSync(() => setOpen(true));
				}}
				onToggle={(event) => {
					if (event.newState === "closed") setOpen(false);
				}}
				onKeyDown={onKeyDown}
			>
				{open && children(close)}
			</div>
		</>
	);
}
