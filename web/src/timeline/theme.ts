import { readColors, readServiceColors } from "../lib/colors";
import { serviceColorIndex } from "../lib/serviceColor";

const tokens = [
	"bg",
	"bg-sunken",
	"bg-selected",
	"text",
	"text-muted",
	"text-faint",
	"line",
	"line-strong",
	"accent",
	"accent-soft",
	"error",
	"error-fill",
	"warn-fill",
	"bar",
	"bar-track",
] as const;

export type ThemeColors = Record<(typeof tokens)[number], string>;

/** The tokens of ui/tokens.css as a canvas takes them, for the theme of now. */
export interface Theme {
	readonly colors: ThemeColors;
	/** Colour of a service by its index in a layout. */
	readonly service: readonly string[];
	readonly font: string;
	/** Nothing may move by itself. */
	readonly still: boolean;
}

export function readTheme(services: readonly string[]): Theme {
	const forced = matches("(forced-colors: active)");
	const palette = forced ? [] : readServiceColors();
	return {
		colors: forced ? forcedColors() : readColors(tokens),
		// With forced colours a service is told by its name alone.
		service: services.map((s) => (forced ? "CanvasText" : (palette[serviceColorIndex(s)] ?? "gray"))),
		font: getComputedStyle(document.body).fontFamily || "sans-serif",
		still: matches("(prefers-reduced-motion: reduce)"),
	};
}

/** Calls back when the user's wish for colours or motion changes; lib/theme.ts tells of the rest. */
export function onMediaChange(listener: () => void): () => void {
	const lists = ["(forced-colors: active)", "(prefers-reduced-motion: reduce)"].map((q) => matchMedia(q));
	for (const m of lists) m.addEventListener("change", listener);
	return () => {
		for (const m of lists) m.removeEventListener("change", listener);
	};
}

function matches(query: string): boolean {
	return matchMedia(query).matches;
}

function forcedColors(): ThemeColors {
	return {
		bg: "Canvas",
		"bg-sunken": "Canvas",
		"bg-selected": "Canvas",
		text: "CanvasText",
		"text-muted": "CanvasText",
		"text-faint": "GrayText",
		line: "GrayText",
		"line-strong": "CanvasText",
		accent: "Highlight",
		"accent-soft": "Canvas",
		error: "CanvasText",
		"error-fill": "CanvasText",
		"warn-fill": "CanvasText",
		bar: "CanvasText",
		"bar-track": "Canvas",
	};
}
