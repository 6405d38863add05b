import { useCallback, useSyncExternalStore } from "react";
import { serviceColorIndex, serviceHues } from "./serviceColor";
import { onThemeChange } from "./theme";

/** What tokens were resolved to, in the theme of now; forgotten when that changes. */
const resolved = new Map<string, string>();
let theme = 0;
let watching = false;

function watch() {
	if (watching) return;
	watching = true;
	// First of all listeners, so that the others read the new colours.
	onThemeChange(() => {
		resolved.clear();
		theme++;
	});
}

/** Resolves tokens of ui/tokens.css to colours that a canvas accepts, in the theme of now. */
export function readColors<N extends string>(names: readonly N[]): Record<N, string> {
	watch();
	let probe: HTMLElement | undefined;
	const out = {} as Record<N, string>;
	for (const name of names) {
		let color = resolved.get(name);
		if (color === undefined) {
			if (!probe) {
				probe = document.createElement("span");
				probe.hidden = true;
				document.body.append(probe);
			}
			probe.style.color = `var(--${name})`;
			color = getComputedStyle(probe).color;
			resolved.set(name, color);
		}
		out[name] = color;
	}
	probe?.remove();
	return out;
}

/** The colour of a service, for canvas; styles take serviceColor of lib/serviceColor.ts. */
export function readServiceColor(service: string): string {
	const token = `svc-${serviceColorIndex(service)}`;
	return readColors([token])[token] ?? "gray";
}

/** The colours of services by index, for canvas; serviceColorIndex gives the index of a name. */
export function readServiceColors(): string[] {
	const names = Array.from({ length: serviceHues }, (_, i) => `svc-${i}`);
	const colors = readColors(names);
	return names.map((name) => colors[name] ?? "gray");
}

/** A number that changes with the theme: for effects that draw. */
export function useThemeVersion(): number {
	return useSyncExternalStore(
		(listener) => {
			watch();
			return onThemeChange(listener);
		},
		() => theme,
	);
}

/** readColors as a hook: again when the theme changes. Give it a constant list. */
export function useColors<N extends string>(names: readonly N[]): Record<N, string> {
	useThemeVersion();
	return readColors(names);
}

/** readServiceColor as a hook: another function when the theme changes. */
export function useServiceColors(): (service: string) => string {
	const version = useThemeVersion();
	// biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what it returns
	return useCallback((service: string) => readServiceColor(service), [version]);
}
