import { useSyncExternalStore } from "react";

/** What the reader chose; system follows the device. */
export type Theme = "system" | "light" | "dark";

// index.html reads the same key before the first paint.
const key = "weft.theme";
const listeners = new Set<() => void>();

export function theme(): Theme {
	const set = document.documentElement.dataset.theme;
	return set === "light" || set === "dark" ? set : "system";
}

export function setTheme(next: Theme): void {
	if (next === "system") delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = next;
	try {
		if (next === "system") localStorage.removeItem(key);
		else localStorage.setItem(key, next);
	} catch {
		// Storage may be forbidden; the choice then lasts until the page is left.
	}
	for (const listener of listeners) listener();
}

/** Calls back when the colours may have changed, by choice or with the device. */
export function onThemeChange(listener: () => void): () => void {
	const device = matchMedia("(prefers-color-scheme: dark)");
	listeners.add(listener);
	device.addEventListener("change", listener);
	return () => {
		listeners.delete(listener);
		device.removeEventListener("change", listener);
	};
}

export function useTheme(): Theme {
	return useSyncExternalStore(onThemeChange, theme);
}
