import { useEffect, useRef } from "react";
import type { TraceRow } from "../api/queries";
import { readColors, readServiceColor, useThemeVersion } from "../lib/colors";
import { miniBars } from "./miniature";

const width = 96;
const height = 20;
const tokens = ["error-fill", "bar"] as const;

/** The waterfall at the size of a stamp: who works when, and where it fails. */
export function Miniature({ row }: { row: TraceRow }) {
	const canvas = useRef<HTMLCanvasElement>(null);
	const theme = useThemeVersion();
	// biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what colours are read
	useEffect(() => {
		const el = canvas.current;
		const g = el?.getContext("2d");
		if (!el || !g) return;
		const scale = window.devicePixelRatio || 1;
		el.width = width * scale;
		el.height = height * scale;
		g.scale(scale, scale);
		const colors = readColors(tokens);
		for (const bar of miniBars(row.miniature ?? [], width, height)) {
			const name = row.services?.[bar.service]?.name;
			g.fillStyle = bar.error
				? colors["error-fill"]
				: name === undefined
					? colors.bar
					: readServiceColor(name);
			g.fillRect(bar.x, bar.y, bar.width, bar.height);
		}
	}, [row, theme]);
	return <canvas ref={canvas} style={{ width, height, display: "block" }} />;
}
