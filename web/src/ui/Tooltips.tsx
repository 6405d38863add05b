import { useEffect, useRef } from "react";
import { place } from "./place";
import css from "./Tooltips.module.css";

/** How long the pointer rests before a tooltip shows. The next one comes at once. */
const restMs = 350;

/**
 * Shows the data-tip of whatever is hovered or focused. One box for the whole app, so that
 * ten thousand rows with tooltips cost nothing. A tooltip repeats or spells out what is on
 * the page; it is never the only place of a fact, because touch has no hover.
 */
export function Tooltips() {
	const box = useRef<HTMLDivElement>(null);
	useEffect(() => {
		const float = box.current;
		if (!float) return;
		let timer: ReturnType<typeof setTimeout> | undefined;
		let shownFor: Element | null = null;
		let tabbed = false; // a focus that a key moved, not one that a dialog gives itself
		const hide = () => {
			clearTimeout(timer);
			shownFor = null;
			if (float.matches(":popover-open")) float.hidePopover();
		};
		const show = (target: Element) => {
			const text = target.getAttribute("data-tip");
			if (!text || !target.isConnected) return;
			shownFor = target;
			float.textContent = text;
			if (!float.matches(":popover-open")) float.showPopover();
			place(float, target, "start");
		};
		const over = (event: Event) => {
			const target = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
			if (target === shownFor) return;
			const warm = shownFor !== null;
			hide();
			if (!target || (event.type === "focusin" && !tabbed)) return;
			timer = setTimeout(() => show(target), warm ? 0 : restMs);
		};
		const onKey = (event: KeyboardEvent) => {
			tabbed = event.key === "Tab";
		};
		const events = ["pointerdown", "keydown", "focusout", "wheel"] as const;
		document.addEventListener("keydown", onKey, { capture: true });
		document.addEventListener("pointerover", over);
		document.addEventListener("focusin", over);
		for (const name of events) document.addEventListener(name, hide, { capture: true, passive: true });
		return () => {
			hide();
			document.removeEventListener("keydown", onKey, { capture: true });
			document.removeEventListener("pointerover", over);
			document.removeEventListener("focusin", over);
			for (const name of events) document.removeEventListener(name, hide, { capture: true });
		};
	}, []);
	return <div ref={box} popover="manual" role="tooltip" className={css.tip} />;
}
