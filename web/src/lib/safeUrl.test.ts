import { expect, test } from "vitest";
import { safeUrl } from "./safeUrl";

test("only http and https are links; whatever else a value holds stays text", () => {
	const f = (text: string, want: string | undefined) => expect(safeUrl(text), text).toBe(want);
	f("https://shop.example/pay?order=8841", "https://shop.example/pay?order=8841");
	f("HTTP://shop.example", "http://shop.example/");
	f("javascript:alert(1)", undefined);
	f("JaVaScRiPt:alert(1)//http://x", undefined);
	f(" javascript:alert(1)", undefined);
	f("data:text/html,<script>", undefined);
	f("file:///etc/passwd", undefined);
	f("//shop.example", undefined);
	f("see https://shop.example", undefined);
	f('https://shop.example/"><script>', undefined);
	f("https://", undefined);
	f(`https://shop.example/${"x".repeat(3000)}`, undefined);
});
