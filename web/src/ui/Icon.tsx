/** Line icons on a 16 px grid, drawn with the text's colour. They are decoration: the control has the name. */
const shapes = {
	search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Zm3.3 7.8 3.2 3.2",
	close: "m4 4 8 8m0-8-8 8",
	copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
	check: "m3 8.5 3.2 3.2L13 5",
	down: "m4.5 6.5 3.5 3.5 3.5-3.5",
	right: "m6.5 4.5 3.5 3.5-3.5 3.5",
	clock: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11ZM8 5v3.2l2 1.3",
	theme: "M8 2.5a5.5 5.5 0 1 1 0 11zM8 2.5a5.5 5.5 0 0 0 0 11",
	more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
	link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2-2a2.6 2.6 0 0 0-3.7-3.7l-.6.6m1 2.7a2.6 2.6 0 0 0-3.7 0l-2 2a2.6 2.6 0 0 0 3.7 3.7l.6-.6",
	dollar: "m3 4.5 3.5 3.5L3 11.5m5 0h5",
	refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.6h-2.6",
	play: "m5 3.5 7.5 4.5L5 12.5z",
	pause: "M5.5 3.5v9m5-9v9",
	warn: "M8 2.8 14 13H2zM8 6.6v3m0 1.7h.01",
	help: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11ZM6.4 6.4a1.6 1.6 0 1 1 2.3 1.5c-.5.3-.7.5-.7 1.1m0 1.9h.01",
	user: "M8 3a2.3 2.3 0 1 1 0 4.6A2.3 2.3 0 0 1 8 3ZM3.5 13c.4-2.3 2.2-3.5 4.5-3.5s4.1 1.2 4.5 3.5",
	send: "M8 13V3.5M4 7.3l4-4 4 4",
	external: "M9 3.5h3.5V7M12.3 3.7 7.5 8.5M11.5 9.5v3h-8v-8h3",
	keyboard: "M2.5 4.5h11v7h-11zM5 7h.01M8 7h.01M11 7h.01M5.5 9.3h5",
	sort: "M5 3.5v9m0 0-2-2m2 2 2-2M9.5 4.5h4m-4 3.5h3m-3 3.5h2",
	download: "M8 3v7m0 0-3-3m3 3 3-3M3.5 12.8h9",
	pin: "M6 2.5h4l-.6 4 2.1 2.5h-7l2.1-2.5zM8 9v4.5",
	trash: "M3.5 4.5h9m-6-1.7h3M4.7 4.5l.6 8.7h5.4l.6-8.7",
	heat: "M3 3h4v4H3zM9.5 3H13v4H9.5zM3 9.5h4V13H3zM9.5 9.5H13V13H9.5z",
	command:
		"M6 6V4.5A1.5 1.5 0 1 0 4.5 6h7A1.5 1.5 0 1 0 10 4.5v7a1.5 1.5 0 1 0 1.5-1.5h-7A1.5 1.5 0 1 0 6 11.5z",
	filter: "M2.5 4h11m-9 4h7m-5 4h3",
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
	const bold = name === "more";
	return (
		<svg
			width={size}
			height={size}
			viewBox="0 0 16 16"
			fill="none"
			stroke="currentColor"
			aria-hidden="true"
			strokeWidth={bold ? 2 : 1.4}
			strokeLinecap="round"
			strokeLinejoin="round"
			focusable="false"
		>
			<path d={shapes[name]} />
		</svg>
	);
}
