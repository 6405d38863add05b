import { useEffect, useRef, useSyncExternalStore } from "react";

/**
 * Keys of the app. A page registers its bindings while it is shown; ? lists what is
 * registered, so the help cannot be wrong. Keys are event.key values ("j", "?", "Enter"),
 * sequences of two with a blank between ("g t"), or "mod+k" for ⌘K and Ctrl+K.
 */
export interface Binding {
	keys: string | readonly string[];
	/** For the help: what it does, in a few words. */
	does: string;
	run: (event: KeyboardEvent) => void;
	/** Also while typing in a field; only mod+ combinations and Escape make sense. */
	inFields?: boolean;
}

export interface KeyGroup {
	title: string;
	bindings: readonly Binding[];
}

const groups = new Set<{ current: KeyGroup }>();
const listeners = new Set<() => void>();
let snapshot: readonly KeyGroup[] = [];
let pending: { key: string; at: number } | undefined;

/** How long the second key of a sequence may take. */
const sequenceMs = 1_000;

function changed() {
	snapshot = [...groups].map((g) => g.current);
	for (const listener of listeners) listener();
}

function inField(target: EventTarget | null): boolean {
	return (
		target instanceof HTMLElement &&
		(target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"))
	);
}

function name(event: KeyboardEvent): string {
	return event.metaKey || event.ctrlKey ? `mod+${event.key.toLowerCase()}` : event.key;
}

function find(key: string, typing: boolean): Binding | undefined {
	// The group that was registered last stands on top.
	for (const group of [...groups].reverse()) {
		for (const binding of group.current.bindings) {
			const keys = typeof binding.keys === "string" ? [binding.keys] : binding.keys;
			if (keys.includes(key) && (!typing || binding.inFields)) return binding;
		}
	}
	return undefined;
}

function onKeyDown(event: KeyboardEvent) {
	if (event.defaultPrevented || event.isComposing || event.altKey) return;
	// An open dialog or menu has its own keys.
	if (document.querySelector("dialog[open], [popover]:popover-open") && name(event) !== "mod+k") return;
	const typing = inField(event.target);
	// Enter and the space bar belong to the control that has the focus.
	const control =
		event.target instanceof Element && event.target.closest("a[href], button, summary, [role=tab]");
	if (control && (event.key === "Enter" || event.key === " ")) return;
	const key = name(event);
	const first = pending && event.timeStamp - pending.at < sequenceMs ? pending.key : undefined;
	pending = undefined;
	const binding = (first && find(`${first} ${key}`, typing)) || find(key, typing);
	if (binding) {
		event.preventDefault();
		binding.run(event);
	} else if (!typing && key.length === 1) {
		pending = { key, at: event.timeStamp };
	}
}

/** Registers the bindings while the component is shown. The group may change every render. */
export function useKeys(group: KeyGroup, enabled = true): void {
	const ref = useRef(group);
	useEffect(() => {
		ref.current = group;
	});
	useEffect(() => {
		if (!enabled) return;
		if (groups.size === 0) window.addEventListener("keydown", onKeyDown);
		groups.add(ref);
		changed();
		return () => {
			groups.delete(ref);
			changed();
			if (groups.size === 0) window.removeEventListener("keydown", onKeyDown);
		};
	}, [enabled]);
}

/** What is registered, in the order of registration. */
export function useKeyGroups(): readonly KeyGroup[] {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => snapshot,
	);
}

/** How a binding is printed: ⌘K on Apple devices, Ctrl K elsewhere. */
export function keyLabel(key: string): string[] {
	const apple = /Mac|iPhone|iPad/.test(navigator.platform);
	const names: Record<string, string> = {
		ArrowDown: "↓",
		ArrowUp: "↑",
		ArrowLeft: "←",
		ArrowRight: "→",
		Escape: "Esc",
	};
	if (key.startsWith("mod+")) return [apple ? "⌘" : "Ctrl", key.slice(4).toUpperCase()];
	return key.split(" ").map((k) => names[k] ?? k);
}
