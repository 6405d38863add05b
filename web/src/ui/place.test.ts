import { expect, test } from "vitest";
import { placeBox } from "./place";

const view = { width: 1000, height: 600 };
const anchor = (left: number, top: number) => ({ left, top, width: 100, height: 28 });

test("a box goes below its button, above where there is more room, never out of the window", () => {
	const f = (
		left: number,
		top: number,
		size: [number, number],
		align: "start" | "end",
		want: [number, number],
	) => {
		const at = placeBox(anchor(left, top), { width: size[0], height: size[1] }, view, align);
		expect([at.left, at.top]).toEqual(want);
	};
	f(200, 100, [300, 200], "start", [200, 132]);
	f(200, 100, [300, 200], "end", [8, 132]); // its right edges would meet left of the window
	f(600, 100, [300, 200], "end", [400, 132]);
	f(900, 100, [300, 200], "start", [692, 132]);
	f(200, 500, [300, 200], "start", [200, 296]); // above
	f(200, 300, [300, 590], "start", [200, 8]); // fits nowhere: its beginning is in view
	f(0, 0, [2000, 50], "start", [8, 32]);
});
