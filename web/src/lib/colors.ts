import { useEffect, useState } from "react";
import { serviceColorIndex, serviceHues } from "./serviceColor";
import { onThemeChange } from "./theme";

/** Resolves tokens of ui/tokens.css to colours that a canvas accepts, in the theme of now. */
export function readColors<N extends string>(names: readonly N[]): Record<N, string> {
	const probe = document.createElement("span");
	probe.hidden = true;
	document.body.append(probe);
	const out = {} as Record<N, string>;
	for (const name of names) {
		probe.style.color = `var(--${name})`;
		out[name] = getComputedStyle(probe).color;
	}
	probe.remove();
	return out;
}

/** The colours by index, for canvas; serviceColorIndex gives the index of a name. */
export function readServiceColors(): string[] {
	const names = Array.from({ length: serviceHues }, (_, i) => `svc-${i}`);
	const colors = readColors(names);
	return names.map((name) => colors[name] ?? "gray");
}

/** readColors as a hook: again when the theme changes. Give it a constant list. */
export function useColors<N extends string>(names: readonly N[]): Record<N, string> {
	const [colors, setColors] = useState(() => readColors(names));
	useEffect(() => onThemeChange(() => setColors(readColors(names))), [names]);
	return colors;
}

/** Service name → colour for canvas; again when the theme changes. */
export function useServiceColors(): (name: string) => string {
	const [colors, setColors] = useState(readServiceColors);
	useEffect(() => onThemeChange(() => setColors(readServiceColors())), []);
	return (name) => colors[serviceColorIndex(name)] ?? "gray";
}
